//! `POST /send-events`.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use serde_json::{Value, json};

use super::{LINES, ids, post_lines};
use crate::{
    auth,
    support::{Connection, Fanfare, Folder, Redis, Stream, dawdle, get, request, wait_until},
};

#[test]
fn every_line_is_an_event_and_they_arrive_in_their_order() {
    let hub = Fanfare::start(&[]);
    let mut all = hub.subscribe("/events?topic=*");
    let mut news = hub.subscribe("/events?topic=news");
    let lines = concat!(
        "{\"data\":{ \"b\": 1, \"a\": 1.0 }}\n",
        "\r\n",
        "{\"data\":null,\"topic\":\"news\",\"type\":\"price\",\"id\":\"own\",\"retry\":2500}\r\n",
        " {\"topic\":[\"news\",\"/books/7\"],\"data\":\"\\ud800\",\"private\":false,\"id\":null}",
    );
    let answer = post_lines(*hub, &[], lines);
    let events = answer.json()["events"].clone();
    let id = |at: usize| events[at]["id"].as_str().unwrap().to_owned();
    let expected = json!({"success": true, "events": [
        {"id": id(0), "subscribers": 1},
        {"id": "own", "subscribers": 2},
        {"id": id(2), "subscribers": 2},
    ]});
    assert_eq!((answer.status, answer.json()), (200, expected));
    let frames = [
        format!("id: {}\ndata: {{\"b\":1,\"a\":1.0}}\n\n", id(0)),
        "event: price\nretry: 2500\nid: own\ndata: null\n\n".to_owned(),
        format!("id: {}\ndata: \"\\ud800\"\n\n", id(2)),
    ];
    assert_eq!(read(&mut all, 3), frames.concat());
    assert_eq!(read(&mut news, 2), frames[1..].concat());
}

/// So many events as they were sent, whatever chunks they came in.
fn read(stream: &mut Stream, events: usize) -> String {
    let mut text = String::new();
    while text.matches("\n\n").count() < events {
        text += &stream.chunk().unwrap();
    }
    text
}

#[test]
fn a_wrong_line_is_named_and_nothing_is_published() {
    let hub = Fanfare::start(&[]);
    let mut stream = hub.subscribe("/events?topic=*");
    for (line, code, says) in [
        ("{\"data\":1", "invalid_json", "column 9"),
        ("[1]", "invalid_json", "expected an object"),
        ("{\"data\":01}", "invalid_json", "column"),
        ("{}", "invalid_parameter", "`data` is missing"),
        ("{\"data\":1,\"topics\":[\"a\"]}", "invalid_parameter", "`topics` is no field"),
        ("{\"data\":1,\"data\":2}", "invalid_parameter", "`data` is given more than once"),
        ("{\"data\":1,\"id\":7}", "invalid_parameter", "`id` is not a text"),
        ("{\"data\":1,\"id\":\"#1-1\"}", "invalid_parameter", "`id`"),
        ("{\"data\":1,\"id\":\"\\ud800\"}", "invalid_parameter", "`id` is not a text"),
        ("{\"data\":1,\"type\":\"a\\nb\"}", "invalid_parameter", "`type`"),
        ("{\"data\":1,\"retry\":\"1\"}", "invalid_parameter", "`retry` is not a number"),
        ("{\"data\":1,\"retry\":1.5}", "invalid_parameter", "`retry`"),
        ("{\"data\":1,\"private\":1}", "invalid_parameter", "`private` is not true or false"),
        ("{\"data\":1,\"topic\":[1]}", "invalid_parameter", "`topic` is not a text or a list"),
        ("{\"data\":1,\"topic\":\"\"}", "invalid_parameter", "`topic` is empty"),
        (
            "{\"data\":1,\"topic\":\"/.well-known/mercure/x\"}",
            "invalid_parameter",
            "belong to the hub",
        ),
    ] {
        let answer = post_lines(*hub, &[], &format!("{{\"data\":1}}\n\n{line}\n{{\"data\":3}}\n"));
        let json = answer.json();
        assert_eq!((answer.status, &json["error"]["code"]), (400, &"invalid_lines".into()));
        assert_eq!(json["error"]["message"], "nothing is published: 1 of 3 lines can't be");
        let lines = json["lines"].as_array().unwrap();
        let good = |line| json!({"line": line, "error": null});
        assert_eq!((&lines[0], &lines[2], lines.len()), (&good(1), &good(4), 3), "{line}");
        assert_eq!((&lines[1]["line"], &lines[1]["error"]["code"]), (&json!(3), &json!(code)));
        let message = lines[1]["error"]["message"].as_str().unwrap();
        assert!(message.contains(says), "{line}: {message}");
    }
    let bytes = [b"{\"data\":\"", &[0xFF][..], b"\"}\n"].concat();
    let answer = request(hub.0, "POST", "/send-events", &[LINES], &bytes);
    assert_eq!(answer.json()["lines"][0]["error"]["code"], "invalid_utf8");
    hub.publish("", "\"right\"");
    assert_eq!(stream.event().data, "\"right\"", "nothing else was published");
}

#[test]
fn a_body_that_is_no_lines_is_refused_as_a_whole() {
    let hub = Fanfare::start(&[("FANFARE_MAX_BODY", "64KiB")]);
    let mut stream = hub.subscribe("/events?topic=*");
    let too_many = "{\"data\":1}\n".repeat(1001);
    let too_large = format!("{{\"data\":\"{}\"}}", "x".repeat(65_536));
    for (kind, body, status, code) in [
        ("application/x-ndjson", "", 400, "empty_body"),
        ("application/x-ndjson", "\n \r\n", 400, "empty_body"),
        ("application/json", "{\"data\":1}", 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", "data=1", 415, "unsupported_media_type"),
        ("application/x-ndjson; charset=latin1", "{\"data\":1}", 415, "unsupported_media_type"),
        ("application/x-ndjson", &too_many, 413, "too_many_lines"),
        ("application/x-ndjson", &too_large, 413, "body_too_large"),
    ] {
        let headers = [("Content-Type", kind)];
        let answer = request(hub.0, "POST", "/send-events", &headers, body.as_bytes());
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (status, &json!(code)));
    }
    for kind in ["application/jsonl", "application/ndjson; charset=utf-8"] {
        let headers = [("Content-Type", kind)];
        let answer = request(hub.0, "POST", "/send-events", &headers, b"\xEF\xBB\xBF{\"data\":1}");
        assert_eq!(ids(&answer).len(), 1);
    }
    assert_eq!(ids(&post_lines(*hub, &[], &too_many[11..])).len(), 1000);
    for _ in 0..1002 {
        assert_eq!(stream.event().data, "1");
    }
}

#[test]
fn every_line_needs_a_token_that_covers_its_topics() {
    let hub = auth::closed(&[]);
    let token = auth::token(&json!({"mercure": {"publish": ["a", "b"]}}));
    let bearer = format!("Bearer {token}");
    let with = [("Authorization", &*bearer)];
    let good = "{\"data\":1,\"topic\":\"a\"}\n{\"data\":2,\"topic\":[\"b\",\"a\"]}\n";
    assert_eq!(ids(&post_lines(*hub, &with, good)).len(), 2);
    assert_eq!(post_lines(*hub, &[], good).status, 401);
    let answer = post_lines(*hub, &with, &format!("{good}{{\"data\":3,\"topic\":\"c\"}}"));
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (403, &json!("not_granted")));
    assert!(answer.header("www-authenticate").unwrap().contains("insufficient_scope"));
    let errors: Vec<Value> = answer.json()["lines"].as_array().unwrap().clone();
    let codes: Vec<_> = errors.iter().map(|line| line["error"]["code"].as_str()).collect();
    assert_eq!(codes, [None, None, Some("not_granted")]);
    let answer = post_lines(*hub, &with, "{\"data\":3,\"topic\":\"c\"}\n{}");
    assert_eq!(answer.status, 400, "one of them is wrong whoever publishes it");
}

/// Publishes parcels until the hub is gone.
fn publish_parcels(hub: &Fanfare, numbers: &AtomicUsize) -> Vec<usize> {
    let mut answered = Vec::new();
    loop {
        let number = numbers.fetch_add(1, Relaxed);
        let lines = |line| format!("{{\"data\":[{number},{line}],\"topic\":\"a\"}}\n");
        let body: String = (0..PARCEL).map(lines).collect();
        let Ok(socket) = std::net::TcpStream::connect(hub.0) else { return answered };
        let mut connection = Connection::over(socket);
        let head = format!(
            "POST /send-events HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if std::io::Write::write_all(&mut connection.socket, (head + &body).as_bytes()).is_err() {
            return answered;
        }
        let answer = String::from_utf8(connection.read_to_end()).unwrap();
        if !answer.starts_with("HTTP/1.1 200 ") || !answer.ends_with("]}") {
            return answered;
        }
        answered.push(number);
    }
}

const PARCEL: usize = 40;

/// What is in the history: whole parcels, one after another, those that were answered among them.
fn assert_whole(hub: &Fanfare, answered: &[usize]) {
    let end = hub.publish("", "\"end\"");
    assert_eq!(end["success"], true);
    let mut stream = hub.resume("/events?topic=*", "earliest");
    let mut seen = Vec::new();
    loop {
        let event = stream.event();
        if event.data == "\"end\"" {
            break;
        }
        if event.kind == "gap" {
            continue;
        }
        let [number, line]: [usize; 2] = serde_json::from_str(&event.data).unwrap();
        seen.push((number, line));
    }
    let mut parcels = Vec::new();
    for parcel in seen.chunks(PARCEL) {
        let number = parcel[0].0;
        let whole: Vec<_> = (0..PARCEL).map(|line| (number, line)).collect();
        assert_eq!(parcel, whole, "a parcel is torn");
        parcels.push(number);
    }
    for number in answered {
        assert!(parcels.contains(number), "{number} was answered, and is not there");
    }
}

fn publish_for_a_while(hub: &Fanfare, numbers: &AtomicUsize, then: impl FnOnce()) -> Vec<usize> {
    std::thread::scope(|scope| {
        let publishers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| publish_parcels(hub, numbers))).collect();
        dawdle(Duration::from_millis(150));
        then();
        publishers.into_iter().flat_map(|each| each.join().unwrap()).collect()
    })
}

#[test]
fn a_hub_that_is_killed_tears_no_parcel() {
    let folder = Folder::new();
    let place = format!("file://{}", folder.0.join("history.redb").display());
    let numbers = AtomicUsize::new(0);
    let mut answered = Vec::new();
    for durability in ["always", "interval"].repeat(4) {
        let settings = [("FANFARE_HISTORY", &*place), ("FANFARE_DURABILITY", durability)];
        let mut hub = Fanfare::start(&settings);
        let told = publish_for_a_while(&hub, &numbers, || hub.signal("KILL"));
        hub.wait();
        if durability == "always" {
            answered.extend(told);
        }
    }
    assert!(answered.len() > 8, "{} parcels were answered", answered.len());
    // What is lost with `interval` is told by a `gap`, which is for returning subscribers.
    let hub = Fanfare::start(&[("FANFARE_HISTORY", &*place)]);
    assert_whole(&hub, &answered);
}

#[test]
fn a_redis_that_is_killed_tears_no_parcel() {
    let mut redis = Redis::start();
    let url = redis.url();
    let hub = Fanfare::start(&[("FANFARE_HISTORY", &*url)]);
    let numbers = AtomicUsize::new(0);
    let answered = publish_for_a_while(&hub, &numbers, || redis.kill());
    redis.launch();
    wait_until("it is back", || get(hub.0, "/health/ready").status == 200);
    assert_whole(&hub, &answered);
}

#[test]
fn a_line_that_is_no_object_is_not_repeated() {
    let hub = Fanfare::start(&[]);
    let answer = post_lines(*hub, &[], &format!("\"{}\"\n", "\u{e4}".repeat(100_000)));
    let json = answer.json();
    let message = json["lines"][0]["error"]["message"].as_str().unwrap();
    assert_eq!((answer.status, &json["lines"][0]["error"]["code"]), (400, &json!("invalid_json")));
    assert!(message.contains("not a JSON object: invalid type: string"), "{message}");
    assert!(message.len() < 300, "{} bytes", message.len());
}
