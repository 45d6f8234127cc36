use serde_json::{Value, json};

use super::{Page, publish};
use crate::{
    admin::{ADMIN, operated, read},
    support::{
        Stream,
        browser::{Browser, ENTER, RIGHT, TAB},
        wait_until,
    },
};

/// A hub that has an operator, with its page at this size.
fn open(settings: &[(&str, &str)], width: u32) -> Page {
    let (hub, browser) = (operated(settings), Browser::start());
    let screen =
        json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500});
    browser.devtools("Emulation.setDeviceMetricsOverride", &screen);
    browser.open(&hub.url());
    Page { browser, hub }
}

impl Page {
    /// Chooses the dashboard, and gives it the token that it asks for.
    fn enter(&self, token: &str) {
        self.browser.click("#tab-dashboard");
        self.browser.wait_for("document.getElementById('operator-form').checkVisibility()");
        self.browser.fill("#operator-token", token);
        self.browser.press(&[ENTER]);
    }

    fn operate(&self) {
        self.enter(ADMIN);
        self.browser.wait_for("document.getElementById('dash').checkVisibility()");
        // That it asked without a token is in the log.
        self.browser.console();
    }

    /// The cells below a column's title, from top to bottom.
    fn cells(&self, list: &str, title: &str) -> Vec<String> {
        let script = "const [list, title] = arguments;
            return [...document.querySelectorAll(`#${list} tbody tr`)].map(
                (row) => [...row.cells].find(({ dataset }) => dataset.label === title).textContent)";
        let cells = self.browser.run(script, &[list.into(), title.into()]);
        let text = |cell: &Value| cell.as_str().unwrap().to_owned();
        cells.as_array().unwrap().iter().map(text).collect()
    }

    fn wait_for_cells(&self, list: &str, title: &str, wanted: &[&str]) {
        wait_until(&format!("{title} {wanted:?}"), || self.cells(list, title) == wanted);
    }

    fn overflows(&self) -> bool {
        self.browser.run("return document.documentElement.scrollWidth > innerWidth", &[]) == true
    }
}

#[test]
fn its_numbers_are_those_of_the_endpoints_on_wide_and_narrow_screens() {
    for width in [1280, 390] {
        let page = open(&[], width);
        let mut streams: Vec<_> =
            (0..3).map(|n| page.hub.subscribe(&format!("/events?topic=t{n}&topic=all"))).collect();
        page.hub.wait_for_subscribers(3);
        for _ in 0..4 {
            publish(*page.hub, "?topic=all", "1");
        }
        for stream in &mut streams {
            (0..4).for_each(|_| drop(stream.event()));
        }
        page.operate();
        page.wait_for_text("#meter-subscribers .number", "3");
        page.wait_for_text("#meter-published .below", "4 in all");
        page.wait_for_text("#meter-delivered .below", "12 in all");
        page.wait_for_text("#meter-history .number", "4");
        page.wait_for_cells("dash-subscribers", "Events", &["4", "4", "4"]);
        let asked = page.cells("dash-subscribers", "Asks for");
        assert_eq!(asked, ["t2, all", "t1, all", "t0, all"], "the newest first");
        let rows = read(*page.hub, "/admin/subscribers?sort=since&order=desc");
        let last: Vec<_> =
            rows["rows"].as_array().unwrap().iter().map(|row| &row["last_id"]).collect();
        assert_eq!(json!(page.cells("dash-subscribers", "Last id")), json!(last));
        // A rate is there from the second answer on, and its line.
        page.wait_for_text("#meter-published .number", "/s");
        page.browser
            .wait_for("document.querySelector('#meter-published polyline').points.length > 1");
        assert!(!page.overflows(), "{width}");

        page.browser.click("#tab-topics");
        page.wait_for_cells("dash-topics", "Name", &["all", "t0", "t1", "t2"]);
        assert_eq!(page.cells("dash-topics", "Subscribers"), ["3", "1", "1", "1"]);
        assert_eq!(page.cells("dash-topics", "Events"), ["4", "0", "0", "0"]);
        assert!(!page.overflows(), "{width}");
        for (tab, text) in [
            ("counts", "Streams that ended"),
            ("log", "anyone who reaches this address may publish and subscribe"),
            ("settings", "FANFARE_ADMIN_TOKEN"),
        ] {
            page.browser.click(&format!("#tab-{tab}"));
            page.wait_for_text(&format!("#dash-{tab}"), text);
            assert!(!page.overflows(), "{tab} {width}");
        }
        assert!(!page.text("#dash-settings").contains(ADMIN));
        assert_eq!(page.browser.console(), [""; 0]);
    }
}

#[test]
fn a_stream_that_opens_is_a_row_and_one_that_is_ended_is_none() {
    for width in [1280, 390] {
        let page = open(&[], width);
        page.operate();
        page.wait_for_text("#dash-subscribers .bar", "Nobody listens");
        let mut stream = Stream::open(page.hub.0, "/events?topic=mine", &[]);
        let id = stream.greeting();
        page.wait_for_cells("dash-subscribers", "Id", &[&id[..8]]);
        page.browser.click("#dash-subscribers .end-stream");
        page.wait_for_text("#ending-whom", &id);
        page.browser.click("#ending-no");
        page.browser.wait_for("!document.getElementById('ending').open");
        assert_eq!(page.hub.ready()["ended"]["revoked"], 0);
        page.browser.click("#dash-subscribers .end-stream");
        page.browser.wait_for("document.getElementById('ending').open");
        page.browser.click("#ending-yes");
        stream.rest();
        page.wait_for_cells("dash-subscribers", "Id", &[]);
        assert_eq!(page.hub.ready()["ended"]["revoked"], 1);
        page.wait_for_text("#meter-subscribers .number", "0");
        assert_eq!(page.browser.console(), [""; 0]);
    }
}

#[test]
fn lists_are_filtered_sorted_and_in_pages() {
    let page = open(&[], 1280);
    let _streams: Vec<_> =
        (0..30).map(|n| page.hub.subscribe(&format!("/events?topic=t{n}"))).collect();
    page.hub.wait_for_subscribers(30);
    publish(*page.hub, "?topic=t7", "1");
    page.operate();
    let said = "#dash-subscribers .bar";
    page.wait_for_text(said, "1 to 25 of 30");
    page.browser.click("#dash-subscribers .turns button:last-child");
    page.wait_for_text(said, "26 to 30 of 30");
    page.wait_for_cells("dash-subscribers", "Asks for", &["t4", "t3", "t2", "t1", "t0"]);
    page.browser.click("#dash-subscribers th:nth-child(7) button");
    page.wait_for_text(said, "1 to 25 of 30");
    wait_until("who got most is first", || {
        page.cells("dash-subscribers", "Asks for").first().is_some_and(|first| first == "t7")
    });
    page.browser.fill("#subscriber-filter", "t12");
    page.wait_for_cells("dash-subscribers", "Asks for", &["t12"]);
    page.browser.fill("#subscriber-filter", "nobody's");
    page.wait_for_text(said, "Nobody like this");
    page.browser.run("document.getElementById('subscriber-by').value = 'address'", &[]);
    page.browser.fill("#subscriber-filter", "nowhere");
    page.wait_for_text(said, "`address` is not an IP address");
    page.browser.fill("#subscriber-filter", "127.0.0.1");
    page.wait_for_text(said, "1 to 25 of 30");
    page.browser.click("#tab-topics");
    page.browser.fill("#topic-filter", "t7");
    page.wait_for_cells("dash-topics", "Events", &["1"]);
}

#[test]
fn the_token_is_asked_for_kept_for_the_tab_and_in_no_url() {
    let page = open(&[], 1280);
    page.enter("not-the-operator's-token");
    page.wait_for_text("#operator-problem", "The hub does not take this token.");
    page.browser.fill("#operator-token", ADMIN);
    page.browser.press(&[ENTER]);
    page.browser.wait_for("document.getElementById('dash').checkVisibility()");
    assert_eq!(page.browser.run("return document.getElementById('operator-token').value", &[]), "");
    page.browser.run("location.reload()", &[]);
    page.wait_for_text("#meter-subscribers .number", "0");
    assert_eq!(page.browser.run("return location.hash + location.search", &[]), "#dashboard");
    page.browser.click("#operator-leave");
    page.browser.wait_for("document.getElementById('operator-form').checkVisibility()");
    assert_eq!(page.browser.run("return JSON.stringify(sessionStorage)", &[]), "{}");
    assert!(!page.hub.log().contains(ADMIN));
}

#[test]
fn a_hub_without_an_operator_says_how_to_have_one() {
    let page = Page::open(&[]);
    page.browser.click("#tab-dashboard");
    page.wait_for_text("#operator-off", "FANFARE_ADMIN_TOKEN=$(openssl rand -hex 24)");
    assert_eq!(
        page.browser.run("return document.getElementById('operator-form').checkVisibility()", &[]),
        false
    );
}

#[test]
fn it_asks_only_while_it_is_shown_and_sets_what_is_logged() {
    let page = open(&[], 1280);
    page.operate();
    page.browser.click("#tab-log");
    page.browser.fill("#log-filter", "info,fanfare=loud");
    page.browser.press(&[ENTER]);
    page.wait_for_text("#log-said", "`filter` is not a filter");
    page.browser.fill("#log-filter", "fanfare=debug");
    page.browser.press(&[ENTER]);
    page.wait_for_text("#log-said", "Set: fanfare=debug");
    assert_eq!(read(*page.hub, "/admin/log-level")["filter"], "fanfare=debug");
    let asked = || page.hub.log().matches("GET /admin/stats 200").count();
    wait_until("it asks again and again", || asked() > 2);
    page.browser.click("#tab-try");
    // One may be under way. What is not shown for three times as long as it waits does not ask.
    let settled = page.browser.run(
        "return new Promise((resolve) => setTimeout(() => resolve(performance.getEntriesByType('resource').length), 2000))",
        &[],
    );
    let later = page.browser.run(
        "return new Promise((resolve) => setTimeout(() => resolve(performance.getEntriesByType('resource').length), 6000))",
        &[],
    );
    assert_eq!(settled, later);
    page.browser.click("#tab-dashboard");
    let before = asked();
    wait_until("it asks again", || asked() > before);
}

#[test]
fn it_works_by_the_keyboard_alone() {
    let page = open(&[], 1280);
    let mut stream = page.hub.subscribe("/events");
    let focused = |selector: &str| {
        let script = format!("return document.activeElement.matches('{selector}')");
        page.browser.run(&script, &[]) == true
    };
    let tab_to = |selector: &str| {
        for _ in 0..40 {
            page.browser.press(&[TAB]);
            if focused(selector) {
                return;
            }
        }
        panic!("{selector} is in no one's reach");
    };
    tab_to("#tab-try");
    page.browser.press(&[RIGHT]);
    assert!(focused("#tab-dashboard"));
    page.browser.wait_for("document.getElementById('operator-form').checkVisibility()");
    tab_to("#operator-token");
    ADMIN.chars().for_each(|key| page.browser.press(&[&key.to_string()]));
    page.browser.press(&[ENTER]);
    page.browser.wait_for("document.querySelector('.end-stream')");
    tab_to(".end-stream");
    // The focus stays there while rows are shown anew.
    let shown = page.text("#dash-about");
    wait_until("it was shown anew", || page.text("#dash-about") != shown);
    assert!(focused(".end-stream"));
    page.browser.press(&[ENTER]);
    page.browser.wait_for("document.getElementById('ending').open");
    assert!(focused("#ending-no"));
    tab_to("#ending-yes");
    page.browser.press(&[ENTER]);
    stream.rest();
}
