use serde_json::json;

use super::{Page, application};
use crate::support::{Fanfare, browser::Browser};

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
