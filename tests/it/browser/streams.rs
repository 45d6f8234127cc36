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
fn every_event_is_shown_whatever_its_type() {
    let page = Page::open(&[]);
    page.connect();
    // An EventSource has the last two for itself.
    let types = ["order", "paid", "open", "error"];
    for kind in types {
        publish(*page.hub, &format!("?type={kind}"), "1");
    }
    let rows = page.wait_for_rows(4);
    assert_eq!(rows.iter().map(|row| &*row.kind).collect::<Vec<_>>(), types);
    assert_eq!(page.text("#state"), "open");
}

#[test]
fn the_page_reads_the_wire_format_as_a_browser_does() {
    // The hub never sends most of these: the reader is asked alone, with pieces of one character.
    let page = Page::open(&[]);
    let read = |wire: &str| {
        page.browser.run(
            "return import(new URL('static/parser.js', document.baseURI)).then(({ Parser }) => {
                 const parser = new Parser('asked');
                 const events = [...arguments[0]].flatMap((piece) => parser.push(piece));
                 return [events.map(({ type, data, id }) => [type, data, id]),
                     parser.lastEventId, parser.retry];
             })",
            &[wire.into()],
        )
    };
    for (wire, read_as) in [
        ("data: 1\n\n", json!([[["message", "1", null]], "asked", null])),
        ("data: a\r\ndata:b\rdata\n\r\n", json!([[["message", "a\nb\n", null]], "asked", null])),
        ("event: x\nid: 7\ndata:  y\n\n", json!([[["x", " y", "7"]], "7", null])),
        // A block without data is no event; its id counts, and its type goes.
        ("event: x\nid: 8\n\ndata: 1\n\n", json!([[["message", "1", null]], "8", null])),
        (
            "id: 9\ndata: 1\n\nid\ndata: 2\n\n",
            json!([[["message", "1", "9"], ["message", "2", ""]], "", null]),
        ),
        ("id: a\0b\ndata: 1\n\n", json!([[["message", "1", null]], "asked", null])),
        ("retry: 50\nretry: -1\nretry:\n", json!([[], "asked", 50])),
        (
            ":\n: comment\nnonsense: 1\ndata: a:b\u{2028}c\n\n",
            json!([[["message", "a:b\u{2028}c", null]], "asked", null]),
        ),
        ("data: unfinished\n", json!([[], "asked", null])),
    ] {
        assert_eq!(read(wire), read_as, "{wire:?}");
    }
}

#[test]
fn raw_frames_show_the_same_stream_with_its_heartbeats() {
    let page = Page::open(&[("FANFARE_HEARTBEAT", "200ms")]);
    page.connect();
    page.browser.click("#tab-frames");
    page.wait_for_text("#frame-list", "data: {\"id\":");
    page.browser.wait_for("document.querySelectorAll('#frame-list .heartbeat').length >= 2");
    assert!(page.text("#frame-list .heartbeat").ends_with("2 B\nheartbeat\n:↵"));
    publish(*page.hub, "?type=paid", "1");
    page.wait_for_text("#frame-list", "event: paid↵");
    assert_eq!(page.hub.ready()["streams"], 1);
    // A paused list stands still, and has all that came when it goes on.
    page.browser.click("#pause");
    page.wait_for_text("#frames-bar", "paused");
    publish(*page.hub, "", "\"held\"");
    page.browser.click("#tab-events");
    page.wait_for_text("#event-bar", "paused, 1 held");
    page.browser.click("#tab-frames");
    assert!(!page.text("#frame-list").contains("held"));
    page.browser.click("#pause");
    page.wait_for_text("#frame-list", "data: \"held\"↵");
    page.browser.click("#frames-clear");
    assert!(!page.text("#frame-list").contains("held"));
}

#[test]
fn a_stream_that_ends_is_asked_for_again() {
    let page = Page::open(&[("FANFARE_MAX_AGE", "1s")]);
    publish(*page.hub, "?retry=1", "1");
    page.browser.fill("#last-event-id", "earliest");
    page.connect();
    page.wait_for_rows(1);
    wait_until("it has come back twice", || page.text("#reconnects") == "2");
    publish(*page.hub, "", "2");
    let rows = page.wait_for_rows(2);
    assert_eq!(rows.iter().map(|row| &*row.data).collect::<Vec<_>>(), ["1", "2"]);
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
