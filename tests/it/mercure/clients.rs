//! Clients as people install them: PyPI `mercure-publisher`, PyPI `httpx-sse`, npm
//! `@microsoft/fetch-event-source` with a token in a header, and the crate `mercure`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use super::{
    dialect::Dialect::{self, New, Old},
    hub::{Mercure, PATH, PUBLISHER_KEY, SUBSCRIBER_KEY, query},
};
use crate::support::Program;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

fn python() -> PathBuf {
    folder().join(".venv/bin/python")
}

fn next(program: &mut Program) -> Value {
    let line = program.line();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// Subscribes with a library; the token is in the header.
fn subscribe(script: &str, hub: &Mercure, dialect: Dialect) -> Program {
    let is_python = Path::new(script).extension().is_some_and(|extension| extension == "py");
    let interpreter = if is_python { python() } else { "node".into() };
    let pattern = match dialect {
        Old => "https://example.com/books/{id}",
        New => "https://example.com/books/:id",
    };
    let url = format!("{}{PATH}{}", hub.url(), query(&[(dialect.pattern(), pattern)]));
    let mut command = Command::new(interpreter);
    command.arg(folder().join(script)).arg(url).arg(dialect.subscriber(&[pattern]));
    command.env("NODE_NO_WARNINGS", "1").env("no_proxy", "127.0.0.1");
    let mut program = Program::start(command);
    assert_eq!(next(&mut program), json!({ "what": "open" }), "and no greeting after it");
    program
}

fn message(id: &str, kind: &str, data: &str) -> Value {
    json!({ "what": "message", "id": id, "type": kind, "data": data })
}

/// Publishes with `mercure-publisher`: its lines are the ids that it was answered, or its errors.
fn publish(hub: &Mercure, granted: &str) -> Program {
    let mut command = Command::new(python());
    let script = folder().join("mercure_publisher_client.py");
    command.arg(script).args([&format!("{}{PATH}", hub.url()), PUBLISHER_KEY, granted]);
    command.env("no_proxy", "127.0.0.1");
    Program::start(command)
}

fn what_mercure_publisher_publishes_arrives(script: &str) {
    let hub = Mercure::start();
    let mut readers = Dialect::BOTH.map(|dialect| subscribe(script, &hub, dialect));
    hub.wait_for_subscribers(2);
    let mut publisher = publish(&hub, "https://example.com/books/{id}");
    for road in ["sync", "async"] {
        let generated = next(&mut publisher);
        let generated = generated["id"].as_str().expect("an id").to_owned();
        assert!(generated.starts_with("urn:uuid:"), "{generated}");
        let own = format!("urn:{road}:2");
        assert_eq!(next(&mut publisher), json!({ "id": own }));
        assert_eq!(next(&mut publisher)["id"].as_str().map(str::len), Some("urn:uuid:".len() + 36));
        // One topic of these two is not granted.
        assert_eq!(next(&mut publisher), json!({ "status": 401, "body": "Unauthorized\n" }));
        for reader in &mut readers {
            let book = r#"{"title": "Caf\u00e9 \ud83c\udfba"}"#;
            assert_eq!(next(reader), message(&generated, "message", book));
            assert_eq!(next(reader), message(&own, "note", "two\nlines"));
            assert_eq!(next(reader)["data"], "private");
        }
    }
}

#[test]
fn what_mercure_publisher_publishes_arrives_at_httpx_sse() {
    what_mercure_publisher_publishes_arrives("httpx_sse_client.py");
}

#[test]
fn what_mercure_publisher_publishes_arrives_at_fetch_event_source() {
    what_mercure_publisher_publishes_arrives("fetch-event-source.mjs");
}

fn resumes_where_it_was_cut(script: &str) {
    let hub = Mercure::with(&[("FANFARE_MAX_AGE", "2s")]);
    for dialect in Dialect::BOTH {
        let mut reader = subscribe(script, &hub, dialect);
        let topic = ("topic", "https://example.com/books/1");
        hub.publishes(&[topic, ("id", "first"), ("data", "1"), ("retry", "1000")]);
        assert_eq!(next(&mut reader), message("first", "message", "1"));
        assert_eq!(next(&mut reader)["what"], "error", "it is cut");
        hub.publishes(&[topic, ("id", "missed"), ("data", "2"), ("private", "on")]);
        assert_eq!(next(&mut reader), json!({ "what": "open" }));
        assert_eq!(next(&mut reader), message("missed", "message", "2"));
        hub.publishes(&[topic, ("id", "live"), ("data", "3")]);
        assert_eq!(next(&mut reader), message("live", "message", "3"));
        reader.end();
        hub.wait_for_streams(0);
    }
}

#[test]
fn httpx_sse_resumes_where_it_was_cut() {
    resumes_where_it_was_cut("httpx_sse_client.py");
}

#[test]
fn fetch_event_source_resumes_where_it_was_cut() {
    resumes_where_it_was_cut("fetch-event-source.mjs");
}

/// Runs the program around the crate `mercure`, and returns what it prints.
fn crate_mercure(arguments: &[&str]) -> String {
    let mut command = Command::new("tests/clients/mercure/target/debug/mercure-client");
    let output = command.args(arguments).output().expect("`make tools` builds it");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// It publishes, and signs tokens of subscribers; it has no stream of its own.
#[test]
fn what_the_crate_mercure_publishes_arrives_at_those_it_signs_tokens_for() {
    let hub = Mercure::start();
    let token = crate_mercure(&["token", SUBSCRIBER_KEY]);
    let asked = query(&[("topic", "https://example.com/users/{id}/books/{id}")]);
    let mut reader = hub.listen_as(token.trim_end(), &asked);
    let url = format!("{}{PATH}", hub.url());
    let publish = |granted, data, privacy| {
        crate_mercure(&["publish", &url, PUBLISHER_KEY, granted, data, privacy])
    };
    for (data, privacy) in [("two\nlines", "public"), ("secret", "private")] {
        let id = publish("*", data, privacy);
        let event = reader.event();
        assert_eq!((event.id, event.data), (Some(id), data.to_owned()));
    }
    // Of an answer it knows the body alone.
    assert_eq!(publish("https://example.com/{x}", "1", "public"), "Unauthorized\n");
}
