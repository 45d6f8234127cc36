//! What the operator sees and does: each number against what was done.

use serde_json::{Value, json};

use crate::support::{Fanfare, Hub, Response, request};

/// The log: its filter, and what it remembers.
mod log_level;
/// What all streams together are, and what is kept.
mod numbers;
/// The settings in force.
mod settings;
/// Who has a stream.
mod subscribers;
/// What is asked for, and what is published.
mod topics;

/// The operator's token.
pub const ADMIN: &str = "the-operator's-token";

/// Every path, with a method that it has.
const PATHS: [(&str, &str); 9] = [
    ("GET", "/admin/subscribers"),
    ("DELETE", "/admin/subscribers?subject=x"),
    ("DELETE", "/admin/subscribers/0b9e4dd0-6b0a-4ba2-9d2c-0f3c1e6c8f52"),
    ("GET", "/admin/topics"),
    ("GET", "/admin/history"),
    ("GET", "/admin/settings"),
    ("GET", "/admin/stats"),
    ("GET", "/admin/log-level"),
    ("PUT", "/admin/log-level"),
];

#[test]
fn a_parameter_that_there_is_none_of_is_refused_and_does_nothing() {
    let hub = operated(&[]);
    let _stream = hub.subscribe("/events");
    for (method, target) in
        PATHS.into_iter().chain([("GET", "/admin/drain"), ("POST", "/admin/drain")])
    {
        let target = format!("{target}{}ovr=5m", if target.contains('?') { '&' } else { '?' });
        let refused = ask_as(*hub, method, &target, ADMIN, r#"{"filter":"off"}"#);
        assert_eq!(refused.status, 400, "{method} {target}: {}", refused.text());
        assert!(refused.text().contains("parameter"), "{}", refused.text());
    }
    assert_eq!(
        (hub.ready()["streams"].as_u64(), hub.ready()["status"].as_str()),
        (Some(1), Some("ready"))
    );
}

/// A hub that has an operator.
pub fn operated(settings: &[(&str, &str)]) -> Fanfare {
    Fanfare::start(
        &[&[("FANFARE_ADMIN_TOKEN", ADMIN), ("FANFARE_HEARTBEAT", "1h")], settings].concat(),
    )
}

fn ask_as(hub: Hub, method: &str, target: &str, token: &str, body: &str) -> Response {
    let headers = [("Authorization", &*format!("Bearer {token}"))];
    request(hub.0, method, target, &headers, body.as_bytes())
}

fn ask(hub: Hub, target: &str) -> Response {
    ask_as(hub, "GET", target, ADMIN, "")
}

/// What is at such a path.
#[track_caller]
pub fn read(hub: Hub, target: &str) -> Value {
    let response = ask(hub, target);
    assert_eq!(response.status, 200, "{target}: {}", response.text());
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let answer = response.json();
    assert_eq!(answer["success"], true);
    answer
}

/// The status, and the code and text of an error.
fn refusal(response: &Response) -> (u16, String, String) {
    let error = &response.json()["error"];
    let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
    (response.status, text("code"), text("message"))
}

#[test]
fn only_the_operator_and_only_where_there_is_one() {
    let hub = operated(&[]);
    for (method, target) in PATHS {
        let body = if method == "PUT" { r#"{"filter":"info"}"# } else { "" };
        let ask = |token: &str| refusal(&ask_as(*hub, method, target, token, body));
        let (status, code, _) = ask("not-the-operator's-token");
        assert_eq!((status, &*code), (401, "token_invalid"), "{method} {target}");
        assert_eq!(ask(&ADMIN[1..]).0, 401);
        assert_eq!(ask(ADMIN).0, 200, "{method} {target}");
        let without = request(hub.0, method, target, &[], body.as_bytes());
        assert_eq!(refusal(&without).1, "token_missing", "{method} {target}");
        let separator = if target.contains('?') { '&' } else { '?' };
        let in_url = format!("{target}{separator}authorization={ADMIN}");
        assert_eq!(request(hub.0, method, &in_url, &[], body.as_bytes()).status, 401);
        let other = refusal(&ask_as(*hub, "PATCH", target, ADMIN, ""));
        assert_eq!((other.0, &*other.1), (405, "method_not_allowed"));
    }
    let off = Fanfare::start_another(&[]);
    for (method, target) in PATHS {
        let (status, code, _) = refusal(&ask_as(*off, method, target, ADMIN, ""));
        assert_eq!((status, &*code), (404, "not_found"), "{method} {target}");
    }
}

#[test]
fn a_query_that_makes_no_sense_is_refused_by_name() {
    let hub = operated(&[]);
    for (target, named) in [
        ("subscribers?sort=size", "`sort` is none of since, id, subject"),
        ("subscribers?order=up", "`order` is none of asc, desc"),
        ("subscribers?limit=0", "`limit` is not a whole number from 1 to 500"),
        ("subscribers?limit=501", "`limit` is not"),
        ("subscribers?page=x", "`page` is not a whole number from 1 to"),
        ("subscribers?page=0", "`page` is not"),
        ("subscribers?address=here", "`address` is not an IP address"),
        ("subscribers?state=dead", "`state` is none of live, behind, resuming"),
        ("subscribers?subject=", "`subject` is empty"),
        ("subscribers?topic=", "`topic` is empty"),
        ("subscribers?topic=a&topic=b", "`topic` is given more than once"),
        ("subscribers?subjct=alice", "a parameter that is none of subject, address"),
        ("topics?sort=since", "`sort` is none of name, subscribers, events, rate"),
        ("topics?kind=x", "`kind` is none of topic, template, pattern, all"),
        ("topics?contains=", "`contains` is empty"),
        ("topics?limit=-1", "`limit` is not"),
        ("topics?topic=x", "a parameter that is none of contains"),
    ] {
        let (status, code, message) = refusal(&ask(*hub, &format!("/admin/{target}")));
        assert_eq!((status, &*code), (400, "invalid_parameter"), "{target}");
        assert!(message.contains(named), "{target}: {message}");
    }
}

/// One member of each row.
fn column(answer: &Value, field: &str) -> Vec<Value> {
    answer["rows"].as_array().unwrap().iter().map(|row| row[field].clone()).collect()
}

fn sizes(answer: &Value) -> Value {
    json!([answer["total"], answer["pages"], answer["page"], answer["limit"]])
}
