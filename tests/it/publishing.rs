//! What publishers can ask for beyond one event at once.

mod delay;
mod lines;
mod repeats;
mod time_to_live;

use serde_json::Value;

use crate::support::{Hub, Response, request};

const LINES: (&str, &str) = ("Content-Type", "application/x-ndjson");

/// Publishes lines, and returns the hub's answer.
fn post_lines(hub: Hub, headers: &[(&str, &str)], lines: &str) -> Response {
    request(hub.0, "POST", "/send-events", &[&[LINES], headers].concat(), lines.as_bytes())
}

/// The ids in an answer that has them.
fn ids(response: &Response) -> Vec<String> {
    assert_eq!(response.status, 200, "{}", response.text());
    let json = response.json();
    assert_eq!(json["success"], true);
    let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
    json["events"].as_array().unwrap().iter().map(id).collect()
}
