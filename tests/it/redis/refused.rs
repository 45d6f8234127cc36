//! Settings that lead to no Redis: one line each.

use crate::support::{Redis, run_to_end};

fn refusal(place: &str) -> String {
    let output = run_to_end(&[], &[("FANFARE_HISTORY", place), ("PORT", "0")]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("FANFARE_HISTORY (--history) can't be"), "{text}");
    text
}

pub fn assert_refused(place: &str, why: &str) {
    let line = refusal(place);
    assert!(line.contains(why), "{why:?} is not in {line}");
}

#[test]
fn a_url_that_is_none_is_refused() {
    for place in [
        "http://localhost:6379",
        "rediz://localhost",
        "redis://",
        "redis://localhost:port",
        "redis://localhost/x",
        "redis://localhost?name=",
        "redis://localhost?key=a",
        "redis+sentinel://localhost",
    ] {
        assert_refused(place, "allowed is");
    }
    let line = refusal("redis://user:secret@localhost:port");
    assert!(!line.contains("secret"), "{line}");
}

#[test]
fn a_server_that_is_not_there_is_refused() {
    let mut redis = Redis::start();
    redis.kill();
    assert_refused(&redis.url(), "nothing answers there");
    assert_refused("redis://redis.invalid:6379", "nothing answers there");
}

#[test]
fn a_wrong_password_is_refused_and_not_shown() {
    let redis = Redis::with(&["--requirepass", "secret"]);
    let address = redis.address();
    assert_refused(&redis.url(), "it refuses the password");
    for wrong in ["wrong", "%2F%40", "user:wrong"] {
        let user = if wrong.contains(':') { wrong.to_owned() } else { format!(":{wrong}") };
        let line = refusal(&format!("redis://{user}@{address}"));
        assert!(line.contains("it refuses the password"), "{line}");
        assert!(!line.contains("wrong@"), "{line}");
    }
    let hub = super::start(&format!("redis://:secret@{address}"), &[]);
    hub.publish("", "1");
    assert!(!hub.log().contains("secret"));
}

#[test]
fn a_replica_is_refused() {
    let master = Redis::start();
    let port = master.port.to_string();
    let replica = Redis::with(&["--replicaof", "127.0.0.1", &port]);
    assert_refused(&replica.url(), "is a replica");
}

#[test]
fn a_later_format_is_refused() {
    let redis = Redis::start();
    redis.ask(&["HSET", "{fanfare}:meta", "format", "2"]);
    assert_refused(&redis.url(), "has format 2");
}

#[test]
fn keys_of_something_else_are_refused() {
    let redis = Redis::start();
    redis.ask(&["SET", "{fanfare}:meta", "x"]);
    assert_refused(&redis.url(), "WRONGTYPE");
    // Beside it there is room.
    let hub = super::start(&format!("{}/3?name=other", redis.url()), &[]);
    hub.publish("", "1");
    assert_eq!(hub.resume("/events", "earliest").event().data, "1");
}
