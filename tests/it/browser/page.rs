use std::{collections::BTreeSet, process::Command};

use serde_json::json;

use super::{Page, application, publish};
use crate::support::{
    Fanfare,
    browser::{Browser, CONTROL, ENTER, LEFT, RIGHT, TAB, UP},
};

/// Connects, publishes from the page, and looks whether the browser has a complaint: a failed
/// request, a broken policy, an error in a script.
fn works_without_a_complaint(page: &Page) {
    page.connect();
    page.browser.click("#send");
    page.wait_for_text("#answer-status", "200");
    page.wait_for_rows(1);
    assert_eq!(page.browser.console(), [""; 0]);
}

#[test]
fn it_opens_at_both_of_its_addresses_without_a_complaint_of_the_browser() {
    let page = Page::open(&[]);
    works_without_a_complaint(&page);
    page.browser.open(&format!("{}/static/index.html", page.hub.url()));
    works_without_a_complaint(&page);
}

#[test]
fn it_works_under_a_path_that_a_proxy_adds() {
    let hub = Fanfare::start(&[]);
    let browser = Browser::start();
    browser.open(&format!("http://{}/sse/", application(hub.0, "")));
    let page = Page { browser, hub };
    works_without_a_complaint(&page);
    assert!(page.text("#hub-address").ends_with("/sse"));
}

#[test]
fn an_event_shows_its_id_type_topic_and_size() {
    let page = Page::open(&[]);
    page.browser.fill("#topics", "orders/81");
    page.connect();
    let id = publish(*page.hub, "?topic=orders/81&type=paid", r#"{"sum":12345678901234567890}"#);
    publish(*page.hub, "?topic=orders/82&type=paid", "2");
    publish(*page.hub, "?topic=orders/81", "3");
    let rows = page.wait_for_rows(2);
    assert_eq!(rows.len(), 2, "{rows:?}");
    let row = &rows[0];
    assert_eq!((&*row.id, &*row.kind, &*row.topic), (&*id, "paid", "orders/81"));
    // The number is as it was sent, and not as JavaScript would print it.
    assert_eq!((&*row.data, &*row.size), (r#"{"sum": 12345678901234567890}"#, "28 B"));
    page.browser.click("[name=shape][value=raw]");
    assert_eq!(page.rows()[0].data, r#"{"sum":12345678901234567890}"#);
}

#[test]
fn what_it_publishes_arrives_with_its_topics_and_its_type() {
    let page = Page::open(&[]);
    page.connect();
    page.browser.fill("#data", r#"{"total": 1.50}"#);
    page.browser.fill("#publish-topics", "orders/1, all orders");
    page.browser.fill("#type", "paid");
    page.browser.fill("#id", "mine");
    page.browser.fill("#retry", "1500");
    page.browser.click("#send");
    page.wait_for_text("#answer-body", r#""subscribers": 1"#);
    assert!(page.text("#answer-status").starts_with("200 in "));
    let row = page.wait_for_rows(1).remove(0);
    assert_eq!((&*row.id, &*row.kind, &*row.data), ("mine", "paid", r#"{"total": 1.50}"#));
    assert_eq!(row.topic, "orders/1, all orders");
    // The hub's refusal is shown too.
    page.browser.fill("#retry", "soon");
    page.browser.click("#send");
    page.wait_for_text("#answer-status", "400 in ");
    page.wait_for_text("#answer-body", "retry");
}

#[test]
fn ctrl_and_enter_publish() {
    let page = Page::open(&[]);
    page.connect();
    page.browser.click("#data");
    page.browser.press(&[CONTROL, ENTER]);
    assert_eq!(page.wait_for_rows(1)[0].data, r#"{"message": "hello"}"#);
}

#[test]
fn it_publishes_forms() {
    let page = Page::open(&[]);
    page.connect();
    page.browser.click("[name=format][value=form]");
    page.browser.fill("#data", "message=1 + 1 = 2 & é\ntag=a\ntag=b");
    page.browser.click("#send");
    let row = page.wait_for_rows(1).remove(0);
    assert_eq!(row.data, r#"{"message": "1 + 1 = 2 & é", "tag": ["a", "b"]}"#);
}

#[test]
fn data_that_is_not_json_is_refused_before_it_is_sent() {
    let page = Page::open(&[]);
    page.browser.fill("#data", r#"{"message": }"#);
    assert!(page.text("#data-error").starts_with("Not JSON: "), "{}", page.text("#data-error"));
    page.browser.click("#send");
    page.browser.wait_for("document.activeElement.id === 'data'");
    page.browser.fill("#data", r#"{"message": 1}"#);
    assert_eq!(page.text("#data-error"), "");
    page.browser.click("#send");
    page.wait_for_text("#answer-body", "success");
    // It was the first that the hub has seen.
    page.hub.wait_for_log("POST /send-event 200");
    assert!(!page.hub.log().contains("POST /send-event 400"));
}

#[test]
fn its_curl_line_publishes_the_same_from_a_shell() {
    let page = Page::open(&[]);
    page.connect();
    page.browser.fill("#publish-topics", "it's `a` $HOME/{topic}?&");
    page.browser.fill("#data", r#""@it's\n \"$HOME\" `a` \\ é""#);
    page.browser.click("#as-curl > summary");
    let line = page.text("#curl");
    let ran = Command::new("sh").args(["-c", &line]).output().expect("there is a shell");
    assert!(ran.stdout.starts_with(br#"{"success":true,"#), "{line}: {ran:?}");
    page.browser.click("#send");
    let rows = page.wait_for_rows(2);
    assert_eq!(rows[0].data, r#""@it's\n \"$HOME\" `a` \\ é""#);
    assert_eq!(rows[0].data, rows[1].data);
    // And under the same topic: who asks for it alone gets both.
    let query = "?topic=it's%20%60a%60%20$HOME%2F%7Btopic%7D%3F%26&lastEventID=earliest";
    let mut stream = page.hub.subscribe(&format!("/events{query}"));
    assert_eq!(stream.event().id.as_deref(), Some(&*rows[0].id));
    assert_eq!(stream.event().id.as_deref(), Some(&*rows[1].id));
}

#[test]
fn events_are_shown_as_text_whatever_is_in_them() {
    let page = Page::open(&[]);
    page.connect();
    let hostile = "<img src=x onerror=alert(1)><b>bold</b>";
    publish(*page.hub, "?id=%3Cb%3Eid%3C%2Fb%3E", &json!([hostile]).to_string());
    let row = page.wait_for_rows(1).remove(0);
    assert_eq!((&*row.id, row.data), ("<b>id</b>", json!([hostile]).to_string()));
    page.browser.wait_for("document.querySelector('#event-list :is(img, b)') === null");
}

#[test]
fn the_filter_looks_at_ids_types_and_data() {
    let page = Page::open(&[]);
    page.connect();
    publish(*page.hub, "?id=first", r#""brass""#);
    publish(*page.hub, "?type=paid", r#""strings""#);
    publish(*page.hub, "", r#""woodwind""#);
    page.wait_for_rows(3);
    for (text, found) in [("FIRST", "brass"), ("paid", "strings"), ("wood", "woodwind")] {
        page.browser.fill("#filter", text);
        let rows = page.rows();
        assert_eq!(rows.len(), 1, "{text}");
        assert!(rows[0].data.contains(found));
        assert_eq!(page.text("#event-bar"), "1 of 4 shown");
    }
    // What comes later is filtered too.
    publish(*page.hub, "", r#""wood, more of it""#);
    publish(*page.hub, "", r#""brass""#);
    page.wait_for_text("#event-bar", "of 6 shown");
    assert_eq!(page.rows().len(), 2);
}

#[test]
fn the_newest_five_hundred_stay_and_the_view_follows_them_until_it_is_scrolled() {
    let page = Page::open(&[]);
    page.connect();
    let publish_many = |from: usize| {
        (from..from + 600).for_each(|number| drop(publish(*page.hub, "", &number.to_string())));
        page.browser.wait_for(&format!(
            "document.querySelector('#event-list > :last-child .data').textContent === '{}'",
            from + 599
        ));
    };
    publish_many(0);
    let rows = page.rows();
    assert_eq!((rows.len(), &*rows[0].data, &*rows[499].data), (500, "100", "599"));
    assert_eq!(page.text("#event-count"), "601");
    let distance = "const list = document.getElementById('event-list');
                    return list.scrollHeight - list.clientHeight - Math.ceil(list.scrollTop)";
    assert!(page.browser.run(distance, &[]).as_f64() < Some(2.0));

    page.browser.run("document.getElementById('event-list').scrollTop -= 400", &[]);
    page.browser.wait_for("!document.getElementById('follow').checked");
    publish_many(600);
    assert!(page.browser.run(distance, &[]).as_f64() > Some(300.0));
    page.browser.click("#follow");
    assert!(page.browser.run(distance, &[]).as_f64() < Some(2.0));
    page.browser.click("#clear");
    assert_eq!((page.rows().len(), &*page.text("#event-bar")), (0, "No events yet"));
}

#[test]
fn copying_takes_the_data_as_it_was_sent() {
    let page = Page::open(&[]);
    page.connect();
    publish(*page.hub, "", r#"{"a":1}"#);
    page.wait_for_rows(1);
    // Without a clipboard, as in a page over plain HTTP from another machine; and with one.
    for prepare in ["Object.defineProperty(navigator, 'clipboard', { configurable: true })", ""] {
        page.browser.run(prepare, &[]);
        page.browser.click("#event-list > :last-child .copy");
        page.wait_for_text("#event-list > :last-child .copy", "Copied");
        page.browser.fill("#filter", "");
        page.browser.click("#filter");
        page.browser.press(&[CONTROL, "v"]);
        page.browser.wait_for(r#"document.getElementById('filter').value === '{"a":1}'"#);
        page.browser.run("delete navigator.clipboard", &[]);
        page.wait_for_text("#event-list > :last-child .copy", "Copy");
    }
}

/// What the Tab key has to reach: all that is visible and can be used, but for what the arrow keys
/// reach from there. By id or name.
const CONTROLS: &str =
    "return [...document.querySelectorAll('button, input, textarea, summary, ol')]
    .filter((one) => !one.disabled && one.checkVisibility() && one.id !== 'latency-bars')
    .filter((one) => one.type !== 'radio' || one.checked)
    .filter((one) => one.role !== 'tab' || one.ariaSelected === 'true')
    .filter((one) => one.className !== 'copy')
    .map((one) => one.id || one.name || one.tagName)";

#[test]
fn the_keyboard_reaches_all_of_it() {
    let page = Page::open(&[]);
    page.connect();
    let id = publish(*page.hub, "", "1");
    publish(*page.hub, "", "2");
    page.wait_for_rows(2);
    page.wait_for_text("#last-id", "-2");
    page.browser.click("h1");
    for tab in ["tab-events", "tab-frames", "tab-latency"] {
        let controls = page.browser.run(CONTROLS, &[]);
        let mut missing: BTreeSet<_> =
            controls.as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
        assert!(missing.len() > 15, "{missing:?}");
        for _ in 0..missing.len() + 3 {
            page.browser.press(&[TAB]);
            let at = "const at = document.activeElement; return at.id || at.name || at.tagName";
            missing.remove(page.browser.run(at, &[]).as_str().unwrap());
        }
        assert!(missing.is_empty(), "the Tab key does not reach {missing:?}");
        page.browser.run("document.getElementById(arguments[0]).focus()", &[tab.into()]);
        page.browser.press(&[RIGHT]);
    }
    // The third arrow key has gone round to the first tab.
    assert_eq!(page.browser.run("return document.activeElement.id", &[]), "tab-events");
    page.browser.press(&[LEFT]);
    assert_eq!(page.browser.run("return document.activeElement.id", &[]), "tab-latency");
    page.browser.press(&[RIGHT]);

    page.browser.run("document.getElementById('event-list').focus()", &[]);
    page.browser.press(&[UP]);
    page.browser.press(&[UP]);
    let focused = "return document.activeElement.closest('li').dataset.id";
    assert_eq!(page.browser.run(focused, &[]), id);
}

#[test]
fn a_phone_does_not_scroll_sideways() {
    let page = Page::open(&[]);
    page.connect();
    let long = "a".repeat(250);
    publish(*page.hub, &format!("?id={long}"), &json!([long]).to_string());
    page.wait_for_rows(1);
    page.browser.click("#send");
    page.browser.click("#as-curl > summary");
    let phone = json!({ "width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true });
    page.browser.devtools("Emulation.setDeviceMetricsOverride", &phone);
    for tab in ["#tab-frames", "#tab-latency", "#tab-events"] {
        page.browser.click(tab);
        let widths = "return [document.documentElement.scrollWidth, innerWidth]";
        assert_eq!(page.browser.run(widths, &[]), json!([360, 360]), "{tab}");
    }
}
