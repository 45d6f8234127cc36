use serde_json::json;

use super::{Page, publish};
use crate::support::{Fanfare, browser::Browser, wait_until};

#[test]
fn a_paused_list_holds_what_arrives() {
    let page = Page::open(&[]);
    page.connect();
    publish(*page.hub, "", "1");
    page.wait_for_rows(1);
    page.browser.click("#pause");
    publish(*page.hub, "", "2");
    publish(*page.hub, "", "3");
    page.wait_for_text("#event-bar", "paused, 2 held");
    assert_eq!(page.rows().len(), 1);
    page.browser.click("#pause");
    let rows = page.wait_for_rows(3);
    assert_eq!(rows.iter().map(|row| &*row.data).collect::<Vec<_>>(), ["1", "2", "3"]);
}

#[test]
fn a_gap_and_a_duplicate_are_marked() {
    let page = Page::open(&[]);
    page.browser.fill("#last-event-id", "#1-1");
    page.connect();
    publish(*page.hub, "?id=same", "1");
    publish(*page.hub, "?id=same", "2");
    publish(*page.hub, "?type=gap", "3");
    let marks: Vec<_> =
        page.wait_for_rows(4).into_iter().map(|row| (row.kind, row.mark, row.data)).collect();
    let expected = [
        ("gap", "gap", r##"{"asked": "#1-1", "reason": "epoch", "from": null}"##),
        ("message", "", "1"),
        ("message", "duplicate", "2"),
        // It has an id: a publisher's, and not the hub's.
        ("gap", "", "3"),
    ];
    assert_eq!(marks, expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
}

#[test]
fn ids_of_the_hub_that_go_back_are_marked() {
    // The hub never sends them so: the marks are asked alone.
    let page = Page::open(&[]);
    let ids = ["#5-1", "#5-3", "#5-2", "own-1", "#5-4", "#4-9", "#6-1", "#5-4"];
    let marks = page.browser.run(
        "return import(new URL('static/marks.js', document.baseURI)).then(({ Marks }) => {
             const marks = new Marks();
             return arguments[0].map((id) => marks.of(id));
         })",
        &[json!(ids)],
    );
    let late = "out of order";
    assert_eq!(marks, json!(["", "", late, "", "", late, "", "duplicate"]));
}

#[test]
fn drop_and_resume_brings_exactly_what_was_missed() {
    let page = Page::open(&[]);
    page.connect();
    publish(*page.hub, "", "1");
    page.wait_for_rows(1);
    page.browser.click("#drop");
    page.wait_for_state("dropped");
    page.hub.wait_for_streams(0);
    publish(*page.hub, "", "2");
    publish(*page.hub, "", "3");
    page.wait_for_state("open");
    page.hub.wait_for_subscribers(1);
    publish(*page.hub, "", "4");
    let rows: Vec<_> = page.wait_for_rows(4).into_iter().map(|row| (row.data, row.mark)).collect();
    assert_eq!(rows, ["1", "2", "3", "4"].map(|data| (data.to_owned(), String::new())));
    assert_eq!(page.text("#reconnects"), "1");

    page.browser.click("#close");
    page.wait_for_state("closed");
    page.hub.wait_for_streams(0);
}

#[test]
fn earliest_replays_what_is_kept() {
    let page = Page::open(&[]);
    publish(*page.hub, "", "1");
    publish(*page.hub, "?topic=orders%2F1", "2");
    page.browser.fill("#topics", "default\norders/{id}");
    page.browser.fill("#last-event-id", "earliest");
    page.connect();
    let rows = page.wait_for_rows(2);
    assert_eq!(rows.iter().map(|row| &*row.data).collect::<Vec<_>>(), ["1", "2"]);
    // Connecting again replays them again: they are no duplicates.
    page.browser.click("#open");
    assert!(page.wait_for_rows(4).iter().all(|row| row.mark.is_empty()));
}

#[test]
fn raw_frames_show_heartbeats_and_types() {
    let page = Page::open(&[("FANFARE_HEARTBEAT", "200ms")]);
    page.connect();
    page.browser.click("#tab-frames");
    page.browser.click("#frames-start");
    page.wait_for_text("#frame-list", "data: {\"id\":");
    page.hub.wait_for_subscribers(2);
    page.browser.wait_for("document.querySelectorAll('#frame-list .heartbeat').length >= 2");
    assert!(page.text("#frame-list .heartbeat").ends_with("2 B\nheartbeat\n:↵"));
    publish(*page.hub, "?type=paid", "1");
    page.wait_for_text("#frame-list", "event: paid↵");
    // Now that the type is known, the next event of it is heard.
    publish(*page.hub, "?type=paid", "2");
    page.browser.click("#frames-start");
    page.hub.wait_for_streams(1);
    page.browser.click("#tab-events");
    wait_until("the second event", || page.rows().last().is_some_and(|row| row.data == "2"));
}

#[test]
fn latency_is_measured() {
    let page = Page::of(Fanfare::start_alone(&[]));
    page.browser.click("#tab-latency");
    page.browser.click("#measure");
    page.wait_for_text("#latency-bar", "10 of 10 events arrived · http/1.1");
    let median = page.text("#latency-median");
    let number: f64 = median.trim_end_matches(" ms").parse().expect("milliseconds");
    assert!(number > 0.0 && number < 150.0, "{median}");
    assert_eq!(page.text("#latency-warning"), "");
    page.hub.wait_for_streams(0);
}

#[test]
fn events_that_are_held_back_on_the_way_are_explained() {
    let hub = Fanfare::start(&[]);
    let browser = Browser::start();
    // As HAProxy does it by default, only slower.
    let source = "const Native = EventSource;
        window.EventSource = class extends Native {
            set onmessage(receive) {
                super.onmessage = (event) => setTimeout(receive, 400, event);
            }
        };";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": source }));
    browser.open(&hub.url());
    let page = Page { browser, hub };
    page.browser.click("#tab-latency");
    page.browser.click("#measure");
    page.wait_for_text("#latency-warning", "holds events back");
    assert!(page.text("#latency-warning").contains("X-Accel-Buffering"));
    assert!(page.text("#latency-warning").contains("option http-no-delay"));
}

#[test]
fn a_browser_that_has_no_connection_left_is_explained() {
    let page = Page::open(&[]);
    let six = "window.six = Array.from({ length: 6 }, () => new EventSource('events'))";
    page.browser.run(six, &[]);
    page.hub.wait_for_streams(6);
    page.browser.click("#open");
    page.wait_for_state("connecting");
    page.wait_for_text("#connect-hint", "six connections");
    page.browser.run("window.six.forEach((source) => source.close())", &[]);
    page.wait_for_state("open");
    assert_eq!(page.text("#connect-hint"), "");
}

#[test]
fn a_refusal_is_explained() {
    let page = Page::open(&[]);
    page.browser.run(
        "document.getElementById('topics').value =
             Array.from({ length: 101 }, (_, number) => number).join()",
        &[],
    );
    page.browser.click("#open");
    page.wait_for_text("#connect-hint", "refused the stream with 400: ");
    page.wait_for_state("closed");
    wait_until("its reason", || page.text("#connect-hint").contains("topic"));
}

#[test]
fn a_full_hub_is_explained() {
    let page = Page::open(&[("FANFARE_MAX_SUBSCRIBERS", "0")]);
    page.browser.click("#open");
    page.wait_for_text("#connect-hint", "full or about to stop");
    page.wait_for_state("connecting");
}
