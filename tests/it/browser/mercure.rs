use std::process::Command;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::{Page, application};
use crate::{
    auth::{self, SECRET, now, token},
    support::{Fanfare, Hub, browser::Browser},
};

impl Page {
    fn choose_mercure(&self) {
        self.browser.click("[name=protocol][value=mercure]");
    }

    /// Asks for a resource's hub.
    fn look(&self, resource: &str) {
        self.browser.run("document.getElementById('discovery').open = true", &[]);
        self.browser.fill("#resource", resource);
        self.browser.click("#look");
    }
}

#[test]
fn discovery_fills_in_the_hub_of_this_origin() {
    let hub = Fanfare::start(&[]);
    let link = "</books/1.jsonld>; rel=\"self\", </sse/.well-known/mercure>; \
                rel=\"x mercure\"; last-event-id=\"a\\\"b,<c>\"";
    let address = application(hub.0, &format!("Link: {link}\r\n"));
    let browser = Browser::start();
    browser.open(&format!("http://{address}/sse/"));
    let page = Page { browser, hub };
    page.choose_mercure();
    page.look("/books/1");
    page.wait_for_text("#look-hint", "filled in");
    assert_eq!(page.text("#link"), link);
    assert_eq!(page.text("#hub-address"), format!("{address}/sse/.well-known/mercure"));
    let filled = page.browser.run(
        "return ['topics', 'last-event-id'].map((id) => document.getElementById(id).value)",
        &[],
    );
    assert_eq!(filled, json!([format!("http://{address}/books/1.jsonld"), "a\"b,<c>"]));
    page.look("/nothing");
    page.wait_for_text("#look-hint", "404, without a link to a hub");
    page.look("http://");
    page.wait_for_text("#look-hint", "This is no URL");
    let console = page.browser.console();
    assert!(console.iter().all(|line| line.contains("404")), "{console:?}");
}

#[test]
fn discovery_reads_resources_of_other_origins_and_the_page_itself_does_not() {
    let hub = Fanfare::start(&[]);
    let open = "Link: <https://hub.example/.well-known/mercure>; rel=mercure\r\n\
                Access-Control-Allow-Origin: *\r\n";
    let shown = application(hub.0, &format!("{open}Access-Control-Expose-Headers: Link\r\n"));
    let hidden = application(hub.0, open);
    let closed = application(hub.0, "Link: <https://hub.example/>; rel=mercure\r\n");
    let page = Page::of(hub);
    page.choose_mercure();
    page.look(&format!("http://{shown}/books/1"));
    page.wait_for_text("#look-hint", "Its hub is https://hub.example/.well-known/mercure.");
    assert_eq!(page.text("#link"), "<https://hub.example/.well-known/mercure>; rel=mercure");
    assert_eq!(page.text("#hub-address"), format!("{}/.well-known/mercure", page.hub.0));
    page.look(&format!("http://{hidden}/books/1"));
    page.wait_for_text("#look-hint", "Access-Control-Expose-Headers: Link");
    page.look(&format!("http://{closed}/books/1"));
    page.wait_for_text("#look-hint", "does not allow this origin");
    // The token is in the page, and the worker that may ask others does not get it.
    page.browser.console();
    let own = format!("return fetch('http://{shown}/books/1').then(() => 'read', () => 'refused')");
    assert_eq!(page.browser.run(&own, &[]), "refused");
    let console = page.browser.console().join("\n");
    assert!(console.contains("Content Security Policy"), "{console}");
}

#[test]
fn the_page_reads_links_as_they_are_written() {
    let page = Page::open(&[]);
    let read = |header: &str| {
        page.browser.run(
            "return import(new URL('static/link.js', document.baseURI)).then(
                 ({ links, related }) => related(links(arguments[0]), 'mercure'))",
            &[header.into()],
        )
    };
    for (header, found) in [
        ("", json!([])),
        ("<a>", json!([])),
        ("<a>; rel=mercure", json!([{"target": "a", "rel": "mercure"}])),
        ("<a> ;REL = \"Mercure\"", json!([{"target": "a", "rel": "Mercure"}])),
        (
            "<a>; rel=preload, <b,c>; x; rel=\"self mercure\"",
            json!([
                {"target": "b,c", "x": "", "rel": "self mercure"}
            ]),
        ),
        // The first counts; and commas and quotes may be in what is quoted.
        (
            "<a>; rel=mercure; rel=self; t=\"x, <y>; \\\"z\\\"\"",
            json!([
                {"target": "a", "rel": "mercure", "t": "x, <y>; \"z\""}
            ]),
        ),
        ("<a>; rel=mercure, nonsense <b>; rel=mercure", json!([{"target": "a", "rel": "mercure"}])),
    ] {
        assert_eq!(read(header), found, "{header}");
    }
}

/// The hub of these tests: its secret is that of all tests of tokens.
fn closed(settings: &[(&str, &str)]) -> Page {
    let page = Page::of(auth::closed(settings));
    page.choose_mercure();
    page
}

fn bearer(claims: &Value) -> String {
    token(&json!({ "mercure": claims }))
}

/// A token of 1.0 for all.
fn access_token(hub: Hub) -> String {
    let header = Header { typ: Some("at+jwt".to_owned()), ..Header::new(Algorithm::HS256) };
    let detail = json!({
        "type": "https://mercure.rocks/authorization-detail",
        "actions": ["publish", "subscribe"],
        "topics": [{ "match": "*" }],
        "payload": { "name": "Mei" },
    });
    let claims = json!({
        "exp": now() + 3600,
        "aud": format!("{}/.well-known/mercure", hub.url()),
        "authorization_details": [detail],
    });
    encode(&header, &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

#[test]
fn it_subscribes_and_publishes_by_mercure() {
    for way in ["header", "cookie", "ticket"] {
        let page = closed(&[("FANFARE_PUBLISH_ORIGINS", "http://127.0.0.1*")]);
        page.give(&bearer(&json!({"publish": ["*"], "subscribe": ["*"]})), way);
        page.browser.fill("#topics", "https://example.com/books/{id}");
        page.browser.click("#open");
        page.wait_for_state("open");
        page.hub.wait_for_subscribers(1);
        page.browser.fill("#data", "any text\nin two lines");
        page.browser.fill("#publish-topics", "https://example.com/books/1");
        page.browser.fill("#type", "new");
        page.browser.fill("#id", "urn:mine");
        page.browser.fill("#retry", "1500");
        page.browser.click("#private");
        page.send(200);
        let row = page.wait_for_rows(1).remove(0);
        assert_eq!(
            (&*row.id, &*row.kind, &*row.data),
            ("urn:mine", "new", "any text\nin two lines")
        );
        assert_eq!(row.topic, "https://example.com/books/1");
        assert_eq!(page.text("#answer-body"), "urn:mine");
        assert_eq!(page.browser.console(), [""; 0]);
        // It goes on where it was.
        page.browser.click("#drop");
        page.wait_for_state("dropped");
        page.hub.wait_for_streams(0);
        page.browser.fill("#id", "");
        page.send(200);
        page.browser.click("#drop");
        page.wait_for_state("open");
        let rows = page.wait_for_rows(2);
        assert!(rows[1].id.starts_with("urn:uuid:") && rows[1].mark.is_empty(), "{rows:?}");
        assert_eq!(page.text("#connect-hint"), "");
    }
}

#[test]
fn its_curl_line_for_mercure_publishes_the_same() {
    let page = closed(&[]);
    let both = bearer(&json!({"publish": ["*"], "subscribe": ["*"]}));
    page.give(&both, "header");
    page.browser.click("#open");
    page.wait_for_state("open");
    page.hub.wait_for_subscribers(1);
    page.browser.fill("#publish-topics", "it's `a` $HOME?&");
    page.browser.fill("#data", "@it's\n\"$HOME\" `a` \\ é = 1 + 1 & more");
    page.browser.click("#private");
    page.browser.click("#as-curl > summary");
    let line = page.text("#curl");
    assert!(both.split('.').all(|part| !line.contains(part)), "{line}");
    let ran = Command::new("sh").args(["-c", &line]).env("TOKEN", &both).output().unwrap();
    assert!(ran.stdout.starts_with(b"urn:uuid:"), "{line}: {ran:?}");
    page.send(200);
    let rows = page.wait_for_rows(2);
    assert_eq!(rows[0].data, "@it's\n\"$HOME\" `a` \\ é = 1 + 1 & more");
    assert_eq!((&rows[0].data, &*rows[1].topic), (&rows[1].data, "it's `a` $HOME?&"));
}

#[test]
fn it_subscribes_by_the_parameters_of_1_0() {
    let page = closed(&[]);
    // It takes access tokens alone.
    page.browser.click("[name=by][value=match]");
    page.give(&bearer(&json!({"publish": ["*"], "subscribe": ["*"]})), "header");
    page.browser.click("#open");
    page.wait_for_state("refused");
    page.wait_for_text("#connect-hint", "at+jwt");
    page.give(&access_token(*page.hub), "header");
    for (parameter, pattern) in [
        ("match", "https://example.com/books/1"),
        ("match_urlpattern", "https://example.com/books/:id"),
    ] {
        page.browser.click(&format!("[name=by][value={parameter}]"));
        page.browser.fill("#topics", pattern);
        page.browser.click("#open");
        page.wait_for_state("open");
        page.hub.wait_for_subscribers(1);
        page.browser.click("#clear");
        page.browser.fill("#publish-topics", "https://example.com/books/1");
        page.send(200);
        assert_eq!(page.wait_for_rows(1)[0].data, "hello");
        page.browser.click("#close");
        page.hub.wait_for_streams(0);
    }
    // What it can't resume from is told.
    page.browser.fill("#last-event-id", "never-was");
    page.browser.click("#open");
    page.wait_for_text("#connect-hint", "The hub knows no event never-was any more");
}

#[test]
fn refusals_of_mercure_are_explained_as_far_as_it_says_why() {
    let page = closed(&[]);
    page.browser.click("#open");
    page.wait_for_state("refused");
    page.wait_for_text("#connect-hint", "Paste a token under Token");
    page.give(&bearer(&json!({"publish": ["news"]})), "header");
    page.browser.fill("#publish-topics", "sport");
    page.send(401);
    page.wait_for_text("#answer-advice", "lets you publish: news.");
    page.give(&token(&json!({"exp": now() - 60})), "header");
    page.browser.click("#open");
    page.wait_for_state("expired");
    // And a hub without a key has no such endpoint.
    let page = Page::open_another(&[]);
    page.choose_mercure();
    page.browser.click("#open");
    page.wait_for_text("#connect-hint", "once it has a key");
    page.wait_for_state("closed");
}

#[test]
fn it_lists_active_subscriptions() {
    let page = closed(&[("FANFARE_SUBSCRIPTIONS", "on")]);
    page.browser.click("#tab-subscriptions");
    page.wait_for_text("#subscriptions-bar", "401");
    let tokens =
        [bearer(&json!({"subscribe": ["*"], "payload": {"name": "Mei"}})), access_token(*page.hub)];
    for (token, parameter) in tokens.iter().zip(["topic", "match"]) {
        page.give(token, "header");
        page.browser.click(&format!("[name=by][value={parameter}]"));
        page.browser.fill("#topics", "https://example.com/1, https://example.com/2");
        page.browser.click("#open");
        page.wait_for_state("open");
        page.hub.wait_for_subscribers(1);
        page.browser.click("#refresh");
        page.wait_for_text("#subscriptions-bar", "2 subscriptions");
        page.wait_for_text("#subscriptions-bar", "last event id #");
        let list = page.text("#subscription-list");
        for part in ["https://example.com/1", "https://example.com/2", "urn:uuid:", "\"Mei\""] {
            assert!(list.contains(part), "{part}: {list}");
        }
        page.browser.click("#close");
        page.hub.wait_for_streams(0);
    }
    // Its tab goes with the protocol.
    page.browser.click("[name=protocol][value=fanfare]");
    page.browser.wait_for("document.getElementById('events').checkVisibility()");
    let page = Page::of(Fanfare::start_another(&auth::CLOSED));
    page.choose_mercure();
    page.browser.click("#tab-subscriptions");
    page.wait_for_text("#subscriptions-bar", "FANFARE_SUBSCRIPTIONS is off");
}
