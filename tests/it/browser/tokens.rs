use serde_json::{Value, json};

use super::Page;
use crate::{
    auth::{CLOSED, closed, now, publish_with, token},
    support::{Fanfare, browser::ENTER, wait_until},
};

impl Page {
    /// Opens the section for the token, and fills it in.
    pub fn give(&self, token: &str, way: &str) {
        self.browser.run("document.getElementById('access').open = true", &[]);
        self.browser.fill("#token", token);
        self.browser.click(&format!("[name=way][value={way}]"));
    }

    /// Publishes, and waits for an answer with this status.
    pub fn send(&self, status: u16) {
        self.browser.run("document.getElementById('answer-status').textContent = ''", &[]);
        self.browser.click("#send");
        self.wait_for_text("#answer-status", &format!("{status} in "));
    }
}

/// A token for all, with these claims besides.
fn everything(claims: &Value) -> String {
    let mut all = json!({"mercure": {"publish": ["*"], "subscribe": ["*"]}});
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    token(&all)
}

/// A page with a stream, and with a token for all that is sent this way.
fn connected(way: &str) -> Page {
    let page = Page::of(closed(&[]));
    page.give(&everything(&json!({})), way);
    page.connect();
    page
}

#[test]
fn a_token_in_the_header_opens_a_stream_and_publishes() {
    let page = connected("header");
    page.send(200);
    assert_eq!(page.wait_for_rows(1)[0].data, r#"{"message": "hello"}"#);
    assert_eq!(page.browser.console(), [""; 0]);
    assert!(!page.hub.log().contains("authorization="), "{}", page.hub.log());
}

#[test]
fn a_token_in_a_cookie_opens_a_stream_and_publishes_where_it_may() {
    let page = connected("cookie");
    // The hub has not been told that it may.
    page.send(403);
    page.wait_for_text("#answer-advice", "FANFARE_PUBLISH_ORIGINS");
    assert!(page.text("#answer-advice").contains(&page.hub.url()));
    let cookie = "return document.cookie.split('=')[0]";
    assert_eq!(page.browser.run(cookie, &[]), "mercureAuthorization");
    // Away, it is gone; back, it is there.
    page.browser.open(&format!("{}/health/live", page.hub.url()));
    page.browser.wait_for("document.cookie === ''");
    page.browser.open(&page.hub.url());
    assert_eq!(page.browser.run(cookie, &[]), "mercureAuthorization");
    page.connect();
    page.give("", "cookie");
    assert_eq!(page.browser.run("return document.cookie", &[]), "");
}

#[test]
fn a_cookie_may_have_another_name_and_publishes_from_a_listed_origin() {
    let settings = [("FANFARE_COOKIE_NAME", "t"), ("FANFARE_PUBLISH_ORIGINS", "http://127.0.0.1*")];
    let page = Page::of(Fanfare::start(&[&CLOSED[..], &settings].concat()));
    page.give(&everything(&json!({})), "cookie");
    // The hub says which.
    page.browser.wait_for("document.getElementById('cookie').value === 't'");
    assert!(page.browser.run("return document.cookie", &[]).as_str().unwrap().starts_with("t=ey"));
    page.connect();
    page.send(200);
    page.wait_for_rows(1);
    // What the browser does not take is told.
    page.browser.fill("#cookie", "__Host-t");
    page.browser.press(&[ENTER]);
    page.wait_for_text("#token-problem", "needs https");
}

#[test]
fn each_stream_has_a_ticket_of_its_own() {
    let page = connected("ticket");
    page.send(200);
    page.wait_for_rows(1);
    page.browser.click("#drop");
    page.wait_for_state("dropped");
    page.browser.click("#drop");
    page.wait_for_state("open");
    page.send(200);
    page.wait_for_rows(2);
    assert_eq!(page.hub.log().matches("POST /ticket 200").count(), 2);
    assert_eq!(page.browser.console(), [""; 0]);
    // Where there are none to be had, there is no need for one.
    let page = Page::open_another(&[]);
    page.give("x", "ticket");
    page.connect();
}

#[test]
fn a_private_event_reaches_whose_token_covers_it() {
    let page = Page::of(closed(&[]));
    let mut stream = crate::support::Stream::open(
        page.hub.0,
        "/events?topic=*",
        &[("Authorization", &format!("Bearer {}", token(&json!({}))))],
    );
    stream.greeting();
    page.give(&everything(&json!({})), "header");
    page.connect();
    page.hub.wait_for_subscribers(2);
    page.browser.click("#private");
    page.send(200);
    page.wait_for_text("#answer-body", r#""subscribers": 1"#);
    page.browser.click("#private");
    page.browser.fill("#data", "2");
    page.send(200);
    assert_eq!(page.wait_for_rows(2)[0].data, r#"{"message": "hello"}"#);
    assert_eq!(stream.event().data, "2");
}

#[test]
fn its_curl_line_has_the_variable_token_and_never_the_token() {
    let page = Page::of(closed(&[]));
    let both = everything(&json!({}));
    page.give(&both, "header");
    page.browser.click("#private");
    page.browser.click("#as-curl > summary");
    let line = page.text("#curl");
    assert!(line.contains("$TOKEN") && line.contains("private=1"), "{line}");
    assert!(both.split('.').all(|part| !line.contains(part)), "{line}");
    page.connect();
    let ran = std::process::Command::new("sh").args(["-c", &line]).env("TOKEN", &both).output();
    assert!(ran.as_ref().unwrap().stdout.starts_with(br#"{"success":true"#), "{line}: {ran:?}");
    page.wait_for_rows(1);
    page.give("", "header");
    assert!(!page.text("#curl").contains("TOKEN"));
}

#[test]
fn a_refusal_says_what_the_hub_said_and_what_to_do() {
    let page = Page::of(closed(&[]));
    page.browser.click("#open");
    page.wait_for_state("refused");
    page.wait_for_text("#connect-hint", "401: this needs a token");
    page.wait_for_text("#connect-hint", "Paste a token under Token");
    // There it is.
    page.browser.wait_for("document.getElementById('token').checkVisibility()");
    page.send(401);
    page.wait_for_text("#answer-advice", "Paste a token under Token");

    page.give(&format!("{}x", everything(&json!({}))), "header");
    page.browser.click("#open");
    page.wait_for_text("#connect-hint", "not signed with a key of this hub");
    page.wait_for_state("refused");
    page.browser.click("[name=way][value=ticket]");
    page.browser.click("#open");
    page.hub.wait_for_log("POST /ticket 401");
    page.wait_for_text("#connect-hint", "not signed with a key of this hub");
    page.wait_for_state("refused");

    page.give(&token(&json!({"mercure": {"publish": ["news", "/books/{id}"]}})), "header");
    page.send(403);
    page.wait_for_text("#answer-advice", "lets you publish: news, /books/{id}.");
    page.browser.fill("#publish-topics", "news");
    page.send(200);
    assert_eq!(page.text("#answer-advice"), "");
    // And it subscribes, to what is public.
    page.connect();

    page.browser.click("#close");
    let expired = everything(&json!({"exp": now() - 60}));
    page.give(&expired, "header");
    page.browser.click("#open");
    page.wait_for_state("expired");
    page.wait_for_text("#connect-hint", "Paste a new one under Token");
}

#[test]
fn a_stream_ends_with_its_token_and_goes_on_with_another() {
    let page = Page::of(closed(&[]));
    let another = everything(&json!({"exp": now() + 3600}));
    page.give(&everything(&json!({"exp": now() + 6})), "header");
    page.connect();
    publish_with(*page.hub, &another);
    page.wait_for_rows(1);
    page.wait_for_state("expired");
    page.wait_for_text("#connect-hint", "the token has expired");
    page.wait_for_text("#token-state", "expired");
    page.hub.wait_for_streams(0);

    publish_with(*page.hub, &another);
    page.browser.fill("#token", &another);
    page.browser.click("#drop");
    page.wait_for_state("open");
    let rows = page.wait_for_rows(2);
    assert_eq!((&*rows[1].data, &*rows[1].mark), ("1", ""));
    assert_eq!(page.text("#connect-hint"), "");
}

#[test]
fn it_shows_what_a_token_says_and_keeps_it_for_this_tab_alone() {
    let page = Page::of(closed(&[]));
    let claims = json!({"sub": "ålice", "exp": now() + 125, "mercure": {"publish": ["news"]}});
    let text = token(&claims);
    page.give(&format!("Bearer {text}\t"), "header");
    assert_eq!(page.browser.run("return document.getElementById('token').type", &[]), "password");
    page.browser.click("#show-token");
    assert_eq!(page.browser.run("return document.getElementById('token').type", &[]), "text");
    assert_eq!(page.text("#may-publish"), "news");
    assert_eq!(page.text("#may-subscribe"), "nothing");
    assert!(page.text("#payload").contains("\"ålice\""), "{}", page.text("#payload"));
    assert!(page.text("#expiry").starts_with("expires in 2 min "), "{}", page.text("#expiry"));
    page.wait_for_text("#token-state", "header · expires in 1 min 5");

    let stored = "return [localStorage.length, document.cookie,
        sessionStorage.getItem('fanfare-token')].map(String)";
    let kept = page.browser.run(stored, &[]);
    assert_eq!((&kept[0], &kept[1]), (&json!("0"), &json!("")));
    assert!(kept[2].as_str().unwrap().contains(&text));
    page.browser.open(&page.hub.url());
    page.connect();
    page.give("", "header");
    assert_eq!(page.browser.run(stored, &[])[2], "null");
    assert_eq!(page.text("#token-state"), "none");

    // Details of access tokens; the older claim; and what is no token.
    let detail = "https://mercure.rocks/authorization-detail";
    let topics = json!([{"match": "/a"}, {"match": "/b/:id", "match_type": "urlpattern"}]);
    for (claims, publish, subscribe) in [
        (
            json!({"authorization_details": [
                {"type": detail, "actions": ["publish", "subscribe"], "topics": topics},
                {"type": "other", "actions": ["publish"], "topics": [{"match": "/c"}]},
            ]}),
            "/a, /b/:id",
            "/a, /b/:id",
        ),
        (
            json!({"https://mercure.rocks/": {"subscribe": ["x"]}, "mercure": {"publish": ["y"]}}),
            "nothing",
            "x",
        ),
        (json!({"mercure": 1, "exp": "soon"}), "nothing", "nothing"),
    ] {
        page.give(&token(&claims), "header");
        assert_eq!(
            (&*page.text("#may-publish"), &*page.text("#may-subscribe")),
            (publish, subscribe)
        );
        assert_eq!(page.text("#expiry"), "never expires");
    }
    for (text, problem) in [
        ("eyJ.x", "three parts"),
        ("a.b.c", "first part"),
        ("e30.WzFd.x", "second part"),
        ("ä", "not sent"),
    ] {
        page.give(text, "header");
        page.wait_for_text("#token-problem", problem);
        assert!(
            !page.browser.run("return document.getElementById('claims').hidden", &[]).is_null()
        );
    }
}

#[test]
fn latency_is_measured_on_a_closed_hub() {
    for way in ["header", "cookie"] {
        let settings = [("FANFARE_PUBLISH_ORIGINS", "http://127.0.0.1*")];
        let page = Page::of(Fanfare::start_alone(&[&CLOSED[..], &settings].concat()));
        page.browser.click("#tab-latency");
        page.give(&everything(&json!({})), way);
        page.browser.click("#measure");
        wait_until("it is measured", || page.text("#latency-bar").contains("10 of 10"));
    }
}
