use std::time::Duration;

use serde_json::{Value, json};

use super::{Secure, read_until};
use crate::support::{Program, wait_until};

/// The text of a stream over HTTP/1.1 from after an event up to the last.
fn over_http_1(secure: &Secure, last_event_id: &str) -> String {
    let header = format!("Last-Event-ID: {last_event_id}");
    let arguments = ["--http1.1", "--header", &header, &secure.url("/events")];
    let mut stream = Program::start(secure.curl(&arguments));
    assert!(stream.line().starts_with("data: {\"id\""));
    assert_eq!(stream.line(), "");
    let mut text = String::new();
    while !text.ends_with("data: \"last\"\n") {
        let line = stream.line();
        if line != ":" {
            text += &line;
            text += "\n";
        }
    }
    text + "\n"
}

#[test]
fn a_thousand_streams_of_one_connection_get_what_one_over_http_1_gets() {
    let secure = Secure::start(&[("RUST_LOG", crate::support::QUIET)]);
    let first = secure.publish("0")["id"].as_str().unwrap().to_owned();
    // A tenth of them larger than the window of a stream is at first.
    for n in 1..=20 {
        secure.publish(&format!("\"{n}{}\"", "x".repeat(if n % 10 == 0 { 70_000 } else { 100 })));
    }
    let mut client = secure.node(&["many", "1000", &first]);
    read_until(&mut client, "greeted");
    wait_until("all are live", || secure.ready()["subscribers"] == 1000);
    assert_eq!(secure.publish("\"last\"")["subscribers"], 1000);
    let texts: Value = serde_json::from_str(&read_until(&mut client, "[[")).unwrap();
    let expected = over_http_1(&secure, &first);
    assert_eq!(expected.matches("data: ").count(), 21);
    assert_eq!(texts, json!([[expected, 1000]]));
    wait_until("all have left", || secure.ready()["streams"] == 0);
}

#[test]
fn a_stream_that_is_not_read_is_cut_and_its_connection_and_the_others_go_on() {
    let secure = Secure::start(&[
        ("FANFARE_QUEUE_EVENTS", "20"),
        ("FANFARE_PEER_TIMEOUT", "3s"),
        ("RUST_LOG", "info,fanfare::http=warn"),
    ]);
    let mut client = secure.node(&["stalled"]);
    read_until(&mut client, "greeted");
    wait_until("both are live", || secure.ready()["subscribers"] == 2);
    let event = format!("\"{}\"", "x".repeat(8000));
    let (mut published, mut ends) = (0, String::new());
    wait_until("the stalled one is cut, and its client told", || {
        secure.publish(&event);
        published += 1;
        let line = read_until(&mut client, "");
        let line = if line.starts_with("stalled") {
            ends = line;
            client.line()
        } else {
            line
        };
        assert_eq!(line, format!("healthy {published}"), "the other has all");
        !ends.is_empty()
    });
    // CANCEL.
    assert_eq!(ends, "stalled ended 8");
    assert_eq!(secure.ready()["ended"]["slow"], 1);
    assert_eq!(secure.ready()["streams"], 1);
}

#[test]
fn a_stream_that_its_client_resets_ends_at_once() {
    let secure = Secure::start(&[("FANFARE_HEARTBEAT", "1h")]);
    let mut client = secure.node(&["reset"]);
    read_until(&mut client, "reset");
    let took = wait_until("it is gone", || secure.ready()["streams"] == 1);
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(secure.ready()["ended"]["left"], 1);
    wait_until("the other is live", || secure.ready()["subscribers"] == 1);
    secure.publish("\"other\"");
    assert_eq!(client.line(), "data: \"other\"");
    // And so do all when their connection ends.
    client.signal("KILL");
    wait_until("both are gone", || secure.ready()["streams"] == 0);
}

#[test]
fn the_limits_count_streams_and_not_connections() {
    for (name, value) in [("FANFARE_MAX_SUBSCRIBERS", "5"), ("FANFARE_MAX_PER_ADDRESS", "5")] {
        let secure = Secure::start(&[(name, value)]);
        let mut client = secure.node(&["statuses", "12"]);
        let statuses: Value = serde_json::from_str(&read_until(&mut client, "{")).unwrap();
        assert_eq!(statuses["200"], 5, "{name}: {statuses}");
        assert_eq!(statuses.as_object().unwrap().len(), 2, "{statuses}");
        assert_eq!(secure.ready()["streams"], 5);
    }
}

#[test]
fn streams_end_with_their_last_words_when_the_hub_drains() {
    let mut secure = Secure::start(&[("FANFARE_DRAIN", "500ms")]);
    let mut client = secure.node(&["until_the_end", "50"]);
    read_until(&mut client, "greeted");
    secure.hub.signal("TERM");
    // Ended by the hub, with no error, after a `retry`.
    assert_eq!(read_until(&mut client, "["), "[\"0 true\"]");
    read_until(&mut client, "session closed");
    assert!(secure.hub.wait().success());
}

#[test]
fn a_connection_that_asks_nothing_is_closed() {
    let secure = Secure::start(&[("FANFARE_KEEP_ALIVE", "1s")]);
    let mut client = secure.node(&["idle"]);
    read_until(&mut client, "connected");
    read_until(&mut client, "goaway");
    read_until(&mut client, "session closed");
    // One that has a stream stays.
    let mut stream = secure.stream("--http2");
    let mut client = secure.node(&["idle"]);
    read_until(&mut client, "session closed");
    assert_eq!(secure.publish("1")["success"], true);
    assert_eq!(read_until(&mut stream, "data: "), "data: 1");
}

#[test]
fn bodies_of_any_size_are_read_or_refused_and_the_connection_goes_on() {
    let secure = Secure::start(&[]);
    let sizes = ["10", "200000", "300000", "10", "3000000", "262144", "262145"];
    let mut client = secure.node(&[&["publish"], &sizes[..]].concat());
    for status in [200, 200, 413, 200, 413, 200, 413] {
        assert_eq!(read_until(&mut client, "status"), format!("status {status}"));
    }
}

#[test]
fn heads_are_those_of_http_1() {
    let secure = Secure::start(&[]);
    let head = |version, path| {
        let output = secure.ask(&[version, "--head"], path);
        let text = String::from_utf8(output.stdout).unwrap().to_ascii_lowercase();
        let lines = text.lines().skip(1).filter(|line| !line.is_empty());
        // Some are lists in no order.
        let sorted = |line: &str| {
            let mut words: Vec<_> = line.split([' ', ',']).collect();
            words.sort_unstable();
            words.join(" ")
        };
        let mut names: Vec<_> = lines.map(sorted).collect();
        // The time, and what is about a connection.
        names.retain(|line| {
            !["date:", "connection:", "transfer-"].iter().any(|it| line.contains(it))
        });
        names.sort();
        names
    };
    for path in ["/", "/events", "/health/ready", "/nothing"] {
        let one = head("--http1.1", path);
        assert!(one.len() > 2, "{one:?}");
        assert_eq!(head("--http2", path), one, "{path}");
    }
}

/// The kernel takes nothing more for a client that has stopped, of all its streams.
#[test]
fn a_client_that_is_stopped_is_gone_in_time() {
    let secure = Secure::start(&[
        ("FANFARE_QUEUE_EVENTS", "20"),
        ("FANFARE_SEND_BUFFER", "16KiB"),
        ("FANFARE_PEER_TIMEOUT", "3s"),
    ]);
    let mut client = secure.node(&["until_the_end", "3"]);
    read_until(&mut client, "greeted");
    let over_http_1 = secure.stream("--http1.1");
    wait_until("all are live", || secure.ready()["subscribers"] == 4);
    client.signal("STOP");
    over_http_1.signal("STOP");
    let event = format!("\"{}\"", "x".repeat(100_000));
    wait_until("all are cut", || {
        secure.publish(&event);
        secure.ready()["streams"] == 0
    });
    client.signal("CONT");
    // What is between it and the hub is gone too, and another may come.
    let mut stream = secure.stream("--http2");
    wait_until("it is live", || secure.ready()["subscribers"] == 1);
    secure.publish("1");
    assert_eq!(read_until(&mut stream, "data: "), "data: 1");
}
