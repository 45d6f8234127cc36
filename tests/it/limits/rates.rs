use super::*;
use crate::support::{Response, request_from, wait_until};

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn publish_from(hub: Hub, source: &str) -> Response {
    request_from(source, hub.0, "POST", "/send-event", &[JSON], b"1")
}

fn assert_limited(answer: &Response, code: &str, retry_after: u64) {
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (429, Some(code)));
    assert_eq!(answer.header("retry-after"), Some(&*retry_after.to_string()));
    let message = answer.json()["error"]["message"].to_string();
    assert!(message.contains(&format!("try again in {retry_after} s")), "{message}");
}

/// Asks until it may. Returns how long that took.
fn passes_after(what: &str, mut ask: impl FnMut() -> Response) -> Duration {
    wait_until(what, || ask().status == 200)
}

#[test]
fn a_burst_may_publish_and_the_next_may_when_it_was_told() {
    let hub = Fanfare::start(&[("FANFARE_PUBLISH_RATE", "30/m:3")]);
    for left in ["2", "1", "0"] {
        let answer = publish_from(*hub, "127.0.0.2");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit"), Some(&*format!("\"publish\";r={left};t=2")));
        assert_eq!(answer.header("ratelimit-policy"), Some("\"publish\";q=3;w=6"));
    }
    let refused = Instant::now();
    let answer = publish_from(*hub, "127.0.0.2");
    assert_limited(&answer, "address_rate", 2);
    assert_eq!(answer.header("ratelimit"), Some("\"publish\";r=0;t=2"));
    assert_eq!(answer.header("ratelimit-policy"), Some("\"publish\";q=3;w=6"));
    // Another is not held up, nor is anything else.
    assert_eq!(publish_from(*hub, "127.0.0.3").status, 200);
    assert_eq!(request_from("127.0.0.2", hub.0, "GET", "/health/ready", &[], b"").status, 200);
    assert_eq!(get(hub.0, "/").header("ratelimit"), None);

    passes_after("it may publish again", || publish_from(*hub, "127.0.0.2"));
    // Asking in vain costs nothing, and does not put it off.
    let took = refused.elapsed();
    assert!((1000..2500).contains(&took.as_millis()), "{took:?}");
    assert_eq!(publish_from(*hub, "127.0.0.2").status, 429);
}

#[test]
fn what_is_refused_for_its_content_has_counted_and_says_what_is_left() {
    let hub = Fanfare::start(&[("FANFARE_PUBLISH_RATE", "1/h:2")]);
    let answer = request(hub.0, "POST", "/send-event", &[JSON], b"no JSON");
    assert_eq!((answer.status, answer.header("ratelimit")), (400, Some("\"publish\";r=1;t=3600")));
    let origin = ("Origin", "https://page.example");
    let answer = request(hub.0, "POST", "/send-event", &[JSON, origin], b"1");
    assert_eq!(answer.status, 200);
    // A page may read it.
    let exposed = answer.header("access-control-expose-headers").unwrap().to_ascii_lowercase();
    for name in ["ratelimit", "ratelimit-policy", "retry-after"] {
        assert!(exposed.split(',').any(|other| other.trim() == name), "{name}: {exposed}");
    }
    let answer = request(hub.0, "POST", "/send-event", &[JSON, origin], b"1");
    assert_limited(&answer, "address_rate", 3600);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

#[test]
fn many_events_at_once_count_as_many() {
    let hub = Fanfare::start(&[("FANFARE_PUBLISH_RATE", "1/m:5")]);
    let publish = |count: usize| {
        let headers = [("Content-Type", "application/x-ndjson")];
        let lines = "{\"data\":1}\n".repeat(count);
        request(hub.0, "POST", "/send-events", &headers, lines.as_bytes())
    };
    assert_eq!(publish(6).status, 413, "a burst has five");
    // The one of that request has counted.
    assert_eq!(publish(4).status, 200);
    assert_limited(&publish(1), "address_rate", 60);
}

#[test]
fn connecting_too_often_is_refused_and_an_event_source_comes_back() {
    let hub = Fanfare::start(&[("FANFARE_CONNECT_RATE", "1/m:2")]);
    let stream = hub.subscribe("/events");
    assert_eq!(stream.head.header("ratelimit"), Some("\"connect\";r=1;t=60"));
    // To publish is another thing.
    hub.publish("", "1");
    assert_eq!(request(hub.0, "HEAD", "/events", &[], b"").status, 200);
    let answer = get(hub.0, "/events");
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((58..=60).contains(&wait), "{wait}");
    assert_eq!(request(hub.0, "HEAD", "/events", &[], b"").status, 429);
    for _ in 0..20 {
        let answer = request(hub.0, "GET", "/events", &[ACCEPT], b"");
        assert_eq!(answer.status, 200);
        assert!(answer.header("ratelimit").unwrap().starts_with("\"connect\";r=0;t="));
        let text = answer.text();
        let retry = text.strip_prefix("retry: ").and_then(|rest| rest.strip_suffix('\n'));
        let retry: u64 = retry.unwrap_or_else(|| panic!("{text:?}")).parse().unwrap();
        // Not before there is one, and not all at the same time.
        assert!((85_000..120_000).contains(&retry), "{retry}");
    }
    assert_eq!(hub.ready()["streams"], 1);
}

#[test]
fn rates_cost_no_stream_and_no_event_where_they_are_high() {
    let hub = Fanfare::start(&[
        ("FANFARE_PUBLISH_RATE", "100000/s"),
        ("FANFARE_CONNECT_RATE", "100000/s"),
    ]);
    let mut streams: Vec<_> = (0..20).map(|_| hub.subscribe("/events")).collect();
    hub.wait_for_subscribers(20);
    for n in 0..50 {
        assert_eq!(hub.publish("", &n.to_string())["subscribers"], 20);
    }
    for stream in &mut streams {
        for n in 0..50 {
            assert_eq!(stream.event().data, n.to_string());
        }
    }
}

#[test]
fn the_log_says_so_once_and_the_metrics_how_often() {
    let hub = Fanfare::start(&[
        ("FANFARE_PUBLISH_RATE", "1/h"),
        ("FANFARE_CONNECT_RATE", "1/h"),
        ("FANFARE_METRICS", "on"),
    ]);
    let _stream = hub.subscribe("/events");
    for _ in 0..29 {
        publish_from(*hub, "127.0.0.2");
        request(hub.0, "GET", "/events", &[ACCEPT], b"");
    }
    publish_from(*hub, "127.0.0.2");
    let metrics = get(hub.0, "/metrics").text();
    for count in [
        "fanfare_events_refused_total{reason=\"address_rate\"} 29",
        "fanfare_streams_refused_total{reason=\"address_rate\"} 29",
        "fanfare_streams_refused_total{reason=\"subject_rate\"} 0",
        "fanfare_events_published_total 1",
    ] {
        assert!(metrics.contains(&format!("{count}\n")), "{count}: {metrics}");
    }
    hub.wait_for_log("1 request is refused by FANFARE_PUBLISH_RATE, the last of 127.0.0.2");
    hub.wait_for_log("1 request is refused by FANFARE_CONNECT_RATE, the last of 127.0.0.1");
    assert_eq!(hub.log().matches(" refused by ").count(), 2, "{}", hub.log());
    // What no line has told of, one tells later.
    hub.wait_for_log("28 requests are refused by FANFARE_PUBLISH_RATE, the last of 127.0.0.2");
}

#[test]
fn ipv6_is_limited_by_networks() {
    let hub = Fanfare::start(&[
        ("FANFARE_PUBLISH_RATE", "1/h"),
        ("FANFARE_CLIENT_ADDRESS_HEADER", "X-Real-IP"),
        ("FANFARE_TRUSTED_PROXIES", "127.0.0.1"),
    ]);
    let status = |address| {
        request(hub.0, "POST", "/send-event", &[JSON, ("X-Real-IP", address)], b"1").status
    };
    assert_eq!(status("2001:db8:0:1::1"), 200);
    assert_eq!(status("2001:db8:0:1:ffff::2"), 429);
    assert_eq!(status("2001:db8:0:2::1"), 200);
}
