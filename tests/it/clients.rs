//! The scripts of `tests/clients` print one JSON line for each thing that their library tells
//! them; the lines have to be exactly those that are expected, so that a phantom event fails too.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::support::{Fanfare, Hub, Program};

/// JSON texts that a client could spoil: quotes, escapes, characters of 1 to 4 bytes, line ends
/// of other standards, which are none here, and numbers that fit no `f64`.
const TEXTS: [&str; 4] = [
    r#"{"message":"\"quoted\" \\ back \u00e9, in\ntwo lines","n":12345678901234567890}"#,
    "\"à 中文 🎺 \u{2028} \u{85} \u{feff} :: data: x\"",
    r#"" a space in front, and at the end ""#,
    "[null,true,-0.0,[],{}]",
];

struct Client(Program);

impl Client {
    fn start(interpreter: impl AsRef<Path>, script: &str, hub: Hub) -> Self {
        let mut command = Command::new(interpreter.as_ref());
        command.arg(folder().join(script)).arg(format!("{}/events", hub.url()));
        // Node 18 warns of its own `fetch`; and a proxy of the developer's is not for this.
        command.env("NODE_NO_WARNINGS", "1").env("no_proxy", "127.0.0.1");
        Self(Program::start(command))
    }

    fn next(&mut self) -> Value {
        let line = self.0.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    fn connects(&mut self) {
        assert_eq!(self.next(), json!({ "what": "open" }));
        let mut greeting = self.next();
        let data = greeting["data"].take();
        let data = data.as_str().and_then(|data| data.strip_prefix(r#"{"id":""#));
        let id = data.and_then(|data| data.strip_suffix(r#""}"#)).expect("an object with an id");
        id.parse::<uuid::Uuid>().expect("a UUID");
        let rest = json!({ "what": "message", "id": null, "type": "message", "data": null });
        assert_eq!(greeting, rest);
    }

    fn receives(&mut self, id: &Value, kind: &str, data: &str) {
        let event = json!({ "what": "message", "id": id, "type": kind, "data": data });
        assert_eq!(self.next(), event);
    }

    fn is_cut(&mut self) {
        assert_eq!(self.next()["what"], "error");
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

fn npm_eventsource(hub: Hub) -> Client {
    Client::start("node", "eventsource.mjs", hub)
}

fn npm_fetch_event_source(hub: Hub) -> Client {
    Client::start("node", "fetch-event-source.mjs", hub)
}

fn pypi_httpx_sse(hub: Hub) -> Client {
    Client::start(folder().join(".venv/bin/python"), "httpx_sse_client.py", hub)
}

fn pypi_sseclient_py(hub: Hub) -> Client {
    Client::start(folder().join(".venv/bin/python"), "sseclient_py_client.py", hub)
}

fn receives_what_is_published_and_nothing_else(start: fn(Hub) -> Client) {
    let hub = Fanfare::start(&[("FANFARE_HEARTBEAT", "100ms")]);
    let mut client = start(*hub);
    client.connects();
    let mut raw = hub.subscribe("/events");
    hub.wait_for_subscribers(2);

    for text in TEXTS {
        let id = &hub.publish("", text)["id"];
        client.receives(id, "message", text);
    }
    hub.publish("?type=note&id=my-own-1", "\"a\"");
    hub.publish("?type=note&id=my-own-2", "\"b\"");
    client.receives(&json!("my-own-1"), "note", "\"a\"");
    client.receives(&json!("my-own-2"), "note", "\"b\"");

    // While another stream gets five heartbeats, its own gets three at least.
    while raw.event().data != "\"b\"" {}
    for _ in 0..5 {
        assert!(raw.chunk().is_some_and(|chunk| chunk.starts_with(':')));
    }
    let id = &hub.publish("", "\"last\"")["id"];
    client.receives(id, "message", "\"last\"");
}

fn resumes_where_it_was_cut(start: fn(Hub) -> Client) {
    let hub = Fanfare::start(&[("FANFARE_MAX_AGE", "2s")]);
    let mut client = start(*hub);
    client.connects();
    let id = &hub.publish("?retry=1000", "\"come back after a second\"")["id"];
    client.receives(id, "message", "\"come back after a second\"");

    for cut in 1..=2 {
        client.is_cut();
        let missed = [1, 2, 3].map(|number| {
            let text = format!("\"{number} that it missed, cut {cut}\"");
            let receipt = hub.publish("", &text);
            assert_eq!(receipt["subscribers"], 0, "it is away");
            (receipt["id"].clone(), text)
        });
        client.connects();
        for (id, text) in missed {
            client.receives(&id, "message", &text);
        }
    }
    let id = &hub.publish("", "\"live\"")["id"];
    client.receives(id, "message", "\"live\"");
}

#[test]
fn npm_eventsource_receives_what_is_published_and_nothing_else() {
    receives_what_is_published_and_nothing_else(npm_eventsource);
}

#[test]
fn npm_eventsource_resumes_where_it_was_cut() {
    resumes_where_it_was_cut(npm_eventsource);
}

#[test]
fn npm_fetch_event_source_receives_what_is_published_and_nothing_else() {
    receives_what_is_published_and_nothing_else(npm_fetch_event_source);
}

#[test]
fn npm_fetch_event_source_resumes_where_it_was_cut() {
    resumes_where_it_was_cut(npm_fetch_event_source);
}

#[test]
fn pypi_httpx_sse_receives_what_is_published_and_nothing_else() {
    receives_what_is_published_and_nothing_else(pypi_httpx_sse);
}

#[test]
fn pypi_httpx_sse_resumes_where_it_was_cut() {
    resumes_where_it_was_cut(pypi_httpx_sse);
}

#[test]
fn pypi_sseclient_py_receives_what_is_published_and_nothing_else() {
    receives_what_is_published_and_nothing_else(pypi_sseclient_py);
}

#[test]
fn pypi_sseclient_py_resumes_where_it_was_cut() {
    resumes_where_it_was_cut(pypi_sseclient_py);
}

fn curl(arguments: &[&str]) -> Program {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--noproxy", "*"]).args(arguments);
    Program::start(command)
}

#[test]
fn curl_shows_the_stream_as_it_is_on_the_wire() {
    let hub = Fanfare::start(&[]);
    let events = format!("{}/events", hub.url());
    let mut stream = curl(&["-N", &events]);
    assert!(stream.line().starts_with(r#"data: {"id":""#));
    assert_eq!(stream.line(), "");
    hub.wait_for_subscribers(1);

    let mut publisher = curl(&["-d", "message=hi", &format!("{}/send-event", hub.url())]);
    let receipt: Value = serde_json::from_str(&publisher.line()).unwrap();
    assert_eq!((&receipt["success"], &receipt["subscribers"]), (&json!(true), &json!(1)));
    let id = receipt["id"].as_str().unwrap();
    let block = [&format!("id: {id}"), r#"data: {"message":"hi"}"#, ""];
    assert_eq!([stream.line(), stream.line(), stream.line()], block);

    hub.publish("?type=note&id=my-own", "\"missed\"");
    let mut resumed = curl(&["-N", "-H", &format!("Last-Event-ID: {id}"), &events]);
    assert!(resumed.line().starts_with(r#"data: {"id":""#));
    assert_eq!(resumed.line(), "");
    let block = ["event: note", "id: my-own", "data: \"missed\"", ""];
    assert_eq!([(); 4].map(|()| resumed.line()), block);
}
