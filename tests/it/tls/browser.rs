use std::fs;

use serde_json::json;

use super::Secure;
use crate::support::{browser::Browser, wait_until};

/// Connections of TCP to this port that are open, as the kernel of this machine counts them.
fn connections(port: u16) -> usize {
    let local = format!(":{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[1].ends_with(&local) && row[3] == "01").count()
}

/// With HTTP/1.1 a browser opens six connections to a hub, for all its tabs: the seventh stream,
/// and every other request, waits.
#[test]
fn a_page_has_a_hundred_streams_over_one_connection() {
    let secure = Secure::start(&[]);
    let browser = Browser::start();
    browser.open(&secure.url("/static/"));
    browser.run(
        "window.got = [];
         window.open = 0;
         for (let n = 0; n < 100; n += 1) {
             const source = new EventSource('/events?topic=many');
             source.onopen = () => { window.open += 1; };
             source.onmessage = (event) => {
                 if (event.lastEventId) window.got.push(`${n} ${event.data}`);
             };
         }",
        &[],
    );
    browser.wait_for("window.open === 100");
    wait_until("all are live", || secure.ready()["subscribers"] == 100);
    // Publishing finds its way too.
    let published = browser.run(
        "return fetch('/send-event?topic=many', {
             method: 'POST', headers: {'Content-Type': 'application/json'}, body: '1',
         }).then((response) => response.json())",
        &[],
    );
    assert_eq!(published["subscribers"], 100);
    browser.wait_for("window.got.length === 100");
    let distinct = browser.run("return new Set(window.got).size", &[]);
    assert_eq!(distinct, json!(100));
    let open = connections(secure.hub.0.port());
    assert!(open < 6, "{open} connections");
}
