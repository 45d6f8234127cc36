use crate::support::{Fanfare, Stream, get, post_json, request};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

#[test]
fn a_stream_begins_with_the_tutorials_greeting_and_the_headers_that_proxies_need() {
    let hub = Fanfare::start(&[]);
    let mut stream = Stream::open(hub.0, "/events", &[]);
    let header = |name| stream.head.header(name);
    assert_eq!(header("content-type"), Some("text/event-stream"));
    assert_eq!(header("cache-control"), Some("no-cache, no-transform"));
    assert_eq!(header("x-accel-buffering"), Some("no"));
    assert_eq!(header("transfer-encoding"), Some("chunked"));
    assert_eq!(header("content-encoding"), None);
    let mut other = Stream::open(hub.0, "/events", &[]);
    assert_ne!(stream.greeting(), other.greeting());
}

#[test]
fn an_event_reaches_every_stream_in_one_chunk_with_its_fields_in_order() {
    let hub = Fanfare::start(&[]);
    let mut streams = [hub.subscribe("/events"), hub.subscribe("/events")];
    let plain = hub.publish("", r#"{"message":"hi"}"#);
    let full = hub.publish("?type=news&retry=2500&id=mine-1", r#"{"message":"all"}"#);
    assert_eq!(plain["success"], true);
    assert_eq!(plain["subscribers"], 2);
    assert_eq!(full["id"], "mine-1");
    let id = plain["id"].as_str().unwrap();
    for stream in &mut streams {
        let frame = format!("id: {id}\ndata: {{\"message\":\"hi\"}}\n\n");
        assert_eq!(stream.chunk(), Some(frame));
        let frame = "event: news\nretry: 2500\nid: mine-1\ndata: {\"message\":\"all\"}\n\n";
        assert_eq!(stream.chunk(), Some(frame.to_owned()));
    }
}

#[test]
fn the_answer_is_the_tutorials_with_id_and_count() {
    let hub = Fanfare::start(&[]);
    let response = post_json(hub.0, "/send-event", "{}");
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/json"));
    let id = response.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(response.text(), format!(r#"{{"success":true,"id":"{id}","subscribers":0}}"#));
    let (epoch, sequence) = id.strip_prefix('#').unwrap().split_once('-').unwrap();
    assert!(epoch.parse::<u64>().unwrap() > 1_700_000_000_000, "{id}");
    assert_eq!(sequence, "1");
}

/// What is published, and what arrives: Express's results where they lose nothing.
#[test]
fn any_json_value_arrives_compact_with_its_order_and_the_text_of_its_numbers() {
    let hub = Fanfare::start(&[]);
    let mut stream = hub.subscribe("/events");
    let deep = "[".repeat(2000) + &"]".repeat(2000);
    for (sent, received) in [
        (r#"{ "b" : 1, "a" : [ 1 , 2 ] }"#, r#"{"b":1,"a":[1,2]}"#),
        ("{\n  \"pretty\": true,\r\n\t\"x\": null\n}\n", r#"{"pretty":true,"x":null}"#),
        (r"[12345678901234567890, 1.0, 1e2, -0]", r"[12345678901234567890,1.0,1e2,-0]"),
        (r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2}"#),
        (r#""just text""#, r#""just text""#),
        ("42", "42"),
        ("null", "null"),
        (r#""two\nlines \" and \\ and { } : ,""#, r#""two\nlines \" and \\ and { } : ,""#),
        (r#""lone surrogate \ud800""#, r#""lone surrogate \ud800""#),
        ("\"\u{2028}\u{85}\u{1F600}\"", "\"\u{2028}\u{85}\u{1F600}\""),
        ("\u{feff}{\"bom\":1}", r#"{"bom":1}"#),
        (&deep, &deep),
    ] {
        hub.publish("", sent);
        assert_eq!(stream.event().data, received, "for {sent:?}");
    }
}

#[test]
fn every_json_type_is_taken() {
    let hub = Fanfare::start(&[]);
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        "application/vnd.example+json",
        "application/problem+json; charset=utf-8",
    ] {
        let headers = [("Content-Type", content_type)];
        let response = request(hub.0, "POST", "/send-event", &headers, b"{}");
        assert_eq!(response.status, 200, "{content_type}: {}", response.text());
    }
}

#[test]
fn a_form_becomes_an_object_of_strings() {
    let hub = Fanfare::start(&[]);
    let mut stream = hub.subscribe("/events");
    for (sent, received) in [
        ("message=hello+world&x=%C3%A9", r#"{"message":"hello world","x":"é"}"#),
        ("a=1&a=2&b[]=3&c[d]=4", r#"{"a":["1","2"],"b[]":"3","c[d]":"4"}"#),
        ("a=1&b=2&a=3&a=4", r#"{"a":["1","3","4"],"b":"2"}"#),
        ("a&b=&=c&d=e=f&", r#"{"a":"","b":"","":"c","d":"e=f"}"#),
        ("q=%22%0A%5C", r#"{"q":"\"\n\\"}"#),
    ] {
        let response = request(hub.0, "POST", "/send-event", &[FORM], sent.as_bytes());
        assert_eq!(response.status, 200, "{sent}: {}", response.text());
        assert_eq!(stream.event().data, received, "for {sent:?}");
    }
}

#[test]
fn topics_select_who_receives() {
    let hub = Fanfare::start(&[]);
    let mut default = hub.subscribe("/events");
    let mut both = hub.subscribe("/events?topic=a&topic=b");
    let mut all = hub.subscribe("/events?topic=*");
    let mut template = hub.subscribe("/events?topic=%2Fbooks%2F%7Bid%7D");
    for (query, count) in [
        ("", 2),
        ("?topic=default", 2),
        ("?topic=a", 2),
        ("?topic=a&topic=b", 2),
        ("?topic=%2Fbooks%2F7", 2),
        ("?topic=%2Fbooks%2F7%2Fpages", 1),
        ("?topic=%2Fbooks%2F7&topic=b&topic=default", 4),
        ("?topic=%2Fbooks%2F%7Bid%7D", 2),
        ("?topic=*", 1),
    ] {
        let answer = hub.publish(query, &format!("{query:?}"));
        assert_eq!(answer["subscribers"], count, "for {query:?}");
    }
    let data = |stream: &mut Stream, count: usize| -> Vec<String> {
        (0..count).map(|_| stream.event().json().as_str().unwrap().to_owned()).collect()
    };
    let shared = "?topic=%2Fbooks%2F7&topic=b&topic=default";
    assert_eq!(data(&mut default, 3), ["", "?topic=default", shared]);
    assert_eq!(data(&mut both, 3), ["?topic=a", "?topic=a&topic=b", shared]);
    assert_eq!(
        data(&mut template, 3),
        ["?topic=%2Fbooks%2F7", shared, "?topic=%2Fbooks%2F%7Bid%7D"]
    );
    assert_eq!(data(&mut all, 9).len(), 9);
}

#[test]
fn head_answers_at_once_and_takes_no_place() {
    let hub = Fanfare::start(&[("FANFARE_MAX_SUBSCRIBERS", "0")]);
    let response = request(hub.0, "HEAD", "/events", &[], b"");
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("text/event-stream"));
    assert_eq!(response.header("x-accel-buffering"), Some("no"));
    assert_eq!(hub.ready()["streams"], 0);
    assert_eq!(request(hub.0, "HEAD", "/", &[], b"").status, 200);
    assert_eq!(request(hub.0, "HEAD", "/health/ready", &[], b"").status, 200);
}

#[test]
fn the_page_is_built_in() {
    let hub = Fanfare::start(&[]);
    let page = get(hub.0, "/");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    assert_eq!(page.body, get(hub.0, "/static/index.html").body);
    assert_eq!(page.body, std::fs::read("static/index.html").unwrap());
    for target in ["/static/", "/static/none.js", "/static/../Cargo.toml", "/static/%2e%2e/x"] {
        assert_eq!(get(hub.0, target).status, 404, "{target}");
    }
    // Every file that the page's folder holds, with the type that a browser needs to run it.
    for file in std::fs::read_dir("static").unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let response = get(hub.0, &format!("/static/{name}"));
        assert_eq!(response.body, std::fs::read(file.path()).unwrap(), "{name}");
        let expected = match name.rsplit('.').next().unwrap() {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("no type is known for .{other}"),
        };
        assert_eq!(response.header("content-type"), Some(expected), "{name}");
    }
}

#[test]
fn health_says_live_and_ready() {
    let hub = Fanfare::start(&[]);
    assert_eq!(get(hub.0, "/health/live").text(), r#"{"success":true,"status":"live"}"#);
    let _stream = hub.subscribe("/events");
    hub.wait_for_subscribers(1);
    let ready = hub.ready();
    assert_eq!((&ready["success"], &ready["status"]), (&true.into(), &"ready".into()));
    assert_eq!((&ready["streams"], &ready["behind"]), (&1.into(), &0.into()));
}

#[test]
fn a_trailing_slash_is_as_good_as_none() {
    let hub = Fanfare::start(&[]);
    let mut stream = hub.subscribe("/events/");
    assert_eq!(post_json(hub.0, "/send-event/?type=t", "1").json()["subscribers"], 1);
    assert_eq!(stream.event().kind, "t");
}

#[test]
fn nobody_subscribed_is_no_error_and_unknown_parameters_are_ignored() {
    let hub = Fanfare::start(&[]);
    let _stream = hub.subscribe("/events?_=123&Topic=x");
    assert_eq!(hub.publish("?topic=nobody&_=1", "1")["subscribers"], 0);
    assert_eq!(hub.publish("?_=1", "1")["subscribers"], 1);
}
