use serde_json::json;

use super::*;
use crate::{
    auth::{CLOSED, closed, token},
    support::Response,
};

/// What a token of this subject is sent with.
fn bearer(subject: Option<&str>) -> String {
    let mut claims = json!({"mercure": {"publish": ["*"], "subscribe": ["*"]}});
    if let Some(subject) = subject {
        claims["sub"] = subject.into();
    }
    format!("Bearer {}", token(&claims))
}

fn publish(hub: Hub, subject: Option<&str>) -> Response {
    let headers = [("Content-Type", "application/json"), ("Authorization", &*bearer(subject))];
    request(hub.0, "POST", "/send-event", &headers, b"1")
}

fn subscribe(hub: Hub, subject: Option<&str>) -> Stream {
    let mut stream = Stream::open(hub.0, "/events", &[("Authorization", &bearer(subject))]);
    stream.greeting();
    stream
}

fn ask(hub: Hub, method: &str, target: &str, subject: &str) -> Response {
    request(hub.0, method, target, &[("Authorization", &bearer(Some(subject)))], b"")
}

#[test]
fn a_subject_can_be_kept_from_taking_all_places() {
    let hub = closed(&[("FANFARE_MAX_PER_SUBJECT", "2")]);
    let first = subscribe(*hub, Some("eve"));
    let _second = subscribe(*hub, Some("eve"));
    let answer = ask(*hub, "GET", "/events", "eve");
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"subject_full".into()));
    let headers = [ACCEPT, ("Authorization", &*bearer(Some("eve")))];
    let answer = request(hub.0, "GET", "/events", &headers, b"");
    assert_eq!(answer.status, 200);
    assert!(answer.text().starts_with("retry: "), "{}", answer.text());
    // With Mercure as well, and by a ticket.
    let answer = ask(*hub, "GET", "/.well-known/mercure?topic=a", "eve");
    assert_eq!((answer.status, &*answer.text()), (429, "Too Many Requests\n"));
    assert!(answer.header("retry-after").is_some());
    let ticket = ask(*hub, "POST", "/ticket", "eve").json()["ticket"].as_str().unwrap().to_owned();
    assert_eq!(get(hub.0, &format!("/events?ticket={ticket}")).status, 503);

    let _others = [Some("adam"), None, None, None].map(|subject| subscribe(*hub, subject));
    first.leave();
    hub.wait_for_streams(5);
    subscribe(*hub, Some("eve"));
}

#[test]
fn a_subject_publishes_and_connects_at_its_rate_wherever_it_is() {
    let hub = closed(&[
        ("FANFARE_PUBLISH_RATE_PER_SUBJECT", "1/h:2"),
        ("FANFARE_CONNECT_RATE_PER_SUBJECT", "1/h:2"),
        ("FANFARE_PUBLISH_RATE", "1/h:100"),
    ]);
    assert_eq!(publish(*hub, Some("eve")).status, 200);
    let answer = publish(*hub, Some("eve"));
    let both = "\"publish\";r=98;t=3600, \"publish-subject\";r=0;t=3600";
    assert_eq!((answer.status, answer.header("ratelimit")), (200, Some(both)));
    let both = "\"publish\";q=100;w=360000, \"publish-subject\";q=2;w=7200";
    assert_eq!(answer.header("ratelimit-policy"), Some(both));
    let answer = publish(*hub, Some("eve"));
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (429, &"subject_rate".into()));
    assert_eq!(answer.header("retry-after"), Some("3600"));
    // Its own is gone, not that of its address.
    assert_eq!(publish(*hub, Some("adam")).status, 200);
    for _ in 0..5 {
        assert_eq!(publish(*hub, None).status, 200, "without a subject it has none");
    }

    assert_eq!(ask(*hub, "POST", "/ticket", "eve").status, 200);
    subscribe(*hub, Some("eve"));
    assert_eq!(ask(*hub, "GET", "/events", "eve").status, 429);
    assert_eq!(ask(*hub, "POST", "/ticket", "eve").status, 429);
    assert_eq!(ask(*hub, "HEAD", "/events", "eve").status, 429);
    subscribe(*hub, Some("adam"));
}

/// A token that nobody verifies has taken of its address.
#[test]
fn who_tries_out_tokens_is_limited_by_the_address() {
    let hub = closed(&[("FANFARE_PUBLISH_RATE", "1/h:3"), ("FANFARE_CONNECT_RATE", "1/h:3")]);
    let wrong = [("Authorization", "Bearer x.y.z")];
    for (method, target) in [("POST", "/send-event"), ("GET", "/events")] {
        let statuses = [(); 5].map(|()| request(hub.0, method, target, &wrong, b"").status);
        assert_eq!(statuses, [401, 401, 401, 429, 429], "{target}");
    }
}

#[test]
fn mercure_is_limited_in_its_own_words() {
    let rates = [("FANFARE_PUBLISH_RATE", "1/h:1"), ("FANFARE_CONNECT_RATE", "1/h:1")];
    let hub = Fanfare::start(&[&CLOSED[..], &rates].concat());
    let headers = [
        ("Authorization", &*bearer(Some("eve"))),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let publish = || request(hub.0, "POST", "/.well-known/mercure", &headers, b"topic=a&data=b");
    let answer = publish();
    assert_eq!((answer.status, answer.header("ratelimit")), (200, Some("\"publish\";r=0;t=3600")));
    let answer = publish();
    assert_eq!((answer.status, &*answer.text()), (429, "Too Many Requests\n"));
    assert_eq!(answer.header("retry-after"), Some("3600"));
    assert_eq!(answer.header("ratelimit"), Some("\"publish\";r=0;t=3600"));

    let target = "/.well-known/mercure?topic=a";
    assert_eq!(ask(*hub, "HEAD", target, "eve").status, 200);
    let answer = ask(*hub, "GET", target, "eve");
    assert_eq!((answer.status, &*answer.text()), (429, "Too Many Requests\n"));
    assert_eq!(answer.header("retry-after"), Some("3600"));
    let answer = request(hub.0, "GET", target, &[headers[0], ACCEPT], b"");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    assert!(answer.text().starts_with(":\nretry: 36"), "{}", answer.text());
}
