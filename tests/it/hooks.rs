use std::{net::TcpListener, time::Duration};

use serde_json::{Value, json};

use crate::{
    auth::{CLOSED, token},
    support::{Fanfare, Stream, get, request, run_to_end, wait_until},
};

/// The receiver of docs/hooks.md.
mod example;
/// What fails, and what is lost.
mod failing;
/// A server that takes hooks.
mod receiver;

use receiver::{Received, Receiver, SECRET};

fn hub_with(receiver: &Receiver, settings: &[(&str, &str)]) -> Fanfare {
    let url = receiver.url();
    let hooks = [
        ("FANFARE_HOOK_URL", &*url),
        ("FANFARE_HOOK_SECRET", SECRET),
        ("FANFARE_HEARTBEAT", "1h"),
        ("FANFARE_METRICS", "on"),
    ];
    Fanfare::start(&[&hooks, settings].concat())
}

/// A number of `/metrics`.
fn count(hub: &Fanfare, sample: &str) -> u64 {
    let text = get(hub.0, "/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample}: {text}")).parse().unwrap()
}

#[test]
fn who_comes_and_goes_is_told_signed_and_in_order() {
    let receiver = Receiver::start();
    let hub = hub_with(&receiver, &CLOSED);
    let claims = json!({"sub": "alice", "mercure": {"subscribe": ["*"], "publish": ["*"]}});
    let bearer = format!("Bearer {}", token(&claims));
    let headers = [("Authorization", &*bearer)];
    let mut stream = Stream::open(hub.0, "/events?topic=a&topic=/b/%7Bid%7D", &headers);
    let id = stream.greeting();
    receiver.wait_for_types(&["subscribe", "topic_occupied", "topic_occupied"]);
    let other = Stream::open(hub.0, "/.well-known/mercure?topic=a", &headers);
    receiver.wait_for_types(&["subscribe", "topic_occupied", "topic_occupied", "subscribe"]);
    stream.leave();
    let three = ["subscribe", "topic_occupied", "topic_occupied"];
    let then = ["subscribe", "unsubscribe", "topic_empty"];
    receiver.wait_for_types(&[three, then].concat());
    other.leave();
    let end = ["unsubscribe", "topic_empty"];
    let events = receiver.wait_for_types(&[&three[..], &then, &end].concat());

    let whom = |event: &Value| {
        let mut event = event.clone();
        let time = event.as_object_mut().unwrap().remove("time").unwrap();
        let time = humantime::parse_rfc3339(time.as_str().unwrap()).unwrap();
        assert!(time.elapsed().unwrap() < Duration::from_secs(60));
        event
    };
    let of_alice = |kind: &str| {
        json!({"type": kind, "subscriber": id, "subject": "alice", "address": "127.0.0.1",
               "topics": ["a", "/b/{id}"]})
    };
    assert_eq!(whom(&events[0]), of_alice("subscribe"));
    assert_eq!(whom(&events[1]), json!({"type": "topic_occupied", "topic": "a"}));
    assert_eq!(whom(&events[2]), json!({"type": "topic_occupied", "topic": "/b/{id}"}));
    let mut gone = of_alice("unsubscribe");
    gone["reason"] = "left".into();
    assert_eq!(whom(&events[4]), gone);
    assert_eq!(whom(&events[5]), json!({"type": "topic_empty", "topic": "/b/{id}"}));
    assert_eq!(events[6]["subscriber"], events[3]["subscriber"]);
    assert_eq!(whom(&events[7]), json!({"type": "topic_empty", "topic": "a"}));

    for request in receiver.received() {
        assert_eq!(request.line, "POST /hooks?token=hidden-in-the-url HTTP/1.1");
        assert_eq!(request.header("content-type"), "application/json");
        assert!(request.header("user-agent").starts_with("fanfare/"));
        assert!(request.header("webhook-id").starts_with("msg_"));
        assert!(request.is_signed_with(SECRET));
        assert!(!request.is_signed_with("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDI="));
    }
    assert_eq!(count(&hub, "fanfare_hook_events_total"), 8);
}

#[test]
fn only_what_is_wanted_is_told() {
    let receiver = Receiver::start();
    let hub = hub_with(&receiver, &[("FANFARE_HOOK_EVENTS", "topic_empty, unsubscribe")]);
    hub.subscribe("/events?topic=a&topic=a").leave();
    let events = receiver.wait_for_types(&["unsubscribe", "topic_empty"]);
    assert_eq!(events[0].get("subject"), None, "it had no token");
    assert_eq!(events[1]["topic"], "a");
}

/// Whatever ends a stream, and also where the hub does.
#[test]
fn at_the_end_of_the_hub_what_waits_is_told() {
    let receiver = Receiver::start();
    let mut hub = hub_with(&receiver, &[("FANFARE_HOOK_EVENTS", "unsubscribe")]);
    let _streams: Vec<_> = (0..50).map(|_| hub.subscribe("/events")).collect();
    hub.signal("TERM");
    assert!(hub.wait().success());
    let events: Vec<_> = receiver.received().iter().flat_map(Received::events).collect();
    assert_eq!(events.len(), 50);
    assert!(events.iter().all(|event| event["reason"] == "drained"), "{events:?}");
}

#[test]
fn no_part_of_the_secret_or_the_url_is_shown() {
    let receiver = Receiver::start();
    receiver.answer_with(&["400 Bad Request", "500 Oh"]);
    let mut hub = hub_with(&receiver, &[("RUST_LOG", "trace")]);
    for _ in 0..2 {
        hub.subscribe("/events").leave();
    }
    receiver.wait_for(3);
    hub.wait_for_log("refuses");
    let page = get(hub.0, "/metrics").text();
    hub.signal("TERM");
    hub.wait();
    for secret in ["MDEyMzQ1", "hidden-in-the-url", "0123456789"] {
        assert!(!hub.log().contains(secret) && !page.contains(secret), "{}", hub.log());
    }

    for (name, value) in [
        ("FANFARE_HOOK_SECRET", "whsec_hidden"),
        ("FANFARE_HOOK_SECRET", ""),
        ("FANFARE_HOOK_URL", "ftp://hidden/"),
        ("FANFARE_HOOK_URL", "http://user:hidden@host/"),
    ] {
        let output = run_to_end(&[], &[("PORT", "0"), (name, value)]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(name) && said.contains("allowed is"), "{said}");
        assert!(!said.contains("hidden"), "{said}");
    }
    let output = run_to_end(&["--hook-secret", SECRET], &[("PORT", "0")]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("set FANFARE_HOOK_SECRET") && !said.contains(SECRET), "{said}");
}

#[test]
fn one_setting_without_the_other_ends_the_start_with_what_to_do() {
    let (url, secret) =
        (("FANFARE_HOOK_URL", "http://127.0.0.1:1/"), ("FANFARE_HOOK_SECRET", SECRET));
    for (set, missing) in [(url, secret.0), (secret, url.0)] {
        let output = run_to_end(&[], &[("PORT", "0"), set]);
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{log}");
        assert!(log.contains(&format!("{} is set without {missing}: set it to", set.0)), "{log}");
    }
}
