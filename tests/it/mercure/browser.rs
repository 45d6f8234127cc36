//! A real browser with its token in a cookie, on a page of another origin.

use serde_json::{Value, json};

use super::{
    dialect::Dialect::{self, New, Old},
    hub::{Mercure, PATH, form},
};
use crate::support::{Fanfare, browser::Browser};

/// One name for both generations: that of 1.0 begins with `__Secure-`, which a browser takes from
/// HTTPS alone.
const COOKIE: (&str, &str) = ("FANFARE_COOKIE_NAME", "mercureAuthorization");

/// A page that is served by someone else than the hub, on the same host: so its cookies are the
/// hub's as well, whose port counts for the origin alone.
struct Page {
    browser: Browser,
    hub: Mercure,
    _site: Fanfare,
}

impl Page {
    fn open() -> Self {
        let site = Fanfare::start(&[]);
        let hub = Mercure::another(&[
            COOKIE,
            ("FANFARE_CORS_ORIGINS", &site.url()),
            ("FANFARE_PUBLISH_ORIGINS", &site.url()),
        ]);
        let browser = Browser::start();
        browser.open(&format!("{}/health/live", site.url()));
        Self { browser, hub, _site: site }
    }

    fn sign_in(&self, token: &str) {
        self.browser.run(
            "document.cookie = `mercureAuthorization=${arguments[0]}; path=/.well-known/mercure`",
            &[token.into()],
        );
    }

    /// Opens an `EventSource` with credentials.
    fn listen(&self, query: &str) {
        let url = format!("{}{PATH}{query}", self.hub.url());
        self.browser.run(
            "window.received = [];
             window.source = new EventSource(arguments[0], { withCredentials: true });
             source.onmessage = ({ data, lastEventId }) => received.push([lastEventId, data]);",
            &[url.into()],
        );
    }

    /// Publishes from the page: the status and the text of the answer, or the name of an error.
    fn publish(&self, fields: &[(&str, &str)]) -> Value {
        let url = format!("{}{PATH}", self.hub.url());
        self.browser.run(
            "const [url, body] = arguments;
             const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
             return fetch(url, { method: 'POST', credentials: 'include', headers, body })
                 .then(async (answer) => [answer.status, await answer.text()], ({ name }) => name);",
            &[url.into(), form(fields).into()],
        )
    }
}

#[test]
fn a_page_of_another_origin_receives_private_events_with_its_cookie() {
    let page = Page::open();
    for dialect in Dialect::BOTH {
        page.sign_in(&dialect.subscriber(&["a"]));
        page.listen(&dialect.topics(&["a"]));
        page.browser.wait_for("source.readyState === EventSource.OPEN");
        page.hub.publishes(&[
            ("topic", "a"),
            ("id", "1"),
            ("data", "it's private"),
            ("private", ""),
        ]);
        page.browser.wait_for("received.length === 1");
        assert_eq!(page.browser.run("return received", &[]), json!([["1", "it's private"]]));
        page.browser.run("source.close()", &[]);
        page.hub.wait_for_streams(0);
    }
    // Without the cookie it is turned away, for good.
    page.sign_in("; max-age=0");
    page.listen(&Old.topics(&["a"]));
    page.browser.wait_for("source.readyState === EventSource.CLOSED");
}

#[test]
fn a_listed_page_publishes_with_its_cookie_and_no_other_does() {
    let page = Page::open();
    let mut reading = page.hub.listen_to(Old, &["a"]);
    for dialect in Dialect::BOTH {
        page.sign_in(&dialect.publisher(&["a"]));
        let fields = [("topic", "a"), ("id", "own"), ("data", "x")];
        assert_eq!(page.publish(&fields), json!([200, "own"]), "{dialect:?}");
        reading.reads("id: own\ndata: x\n\n");
    }
    // The browser sends the cookie from every page of this host. A form needs no preflight; only
    // the hub's look at the origin is in the way.
    let other = Fanfare::start_another(&[]);
    page.browser.open(&format!("{}/health/live", other.url()));
    let url = format!("{}{PATH}", page.hub.url());
    for dialect in [Old, New] {
        page.sign_in(&dialect.publisher(&["a"]));
        let answer = page.browser.run(
            "const [url, body] = arguments;
             const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
             const options = { method: 'POST', mode: 'no-cors', credentials: 'include' };
             return fetch(url, { ...options, headers, body }).then(({ type }) => type);",
            &[url.clone().into(), form(&[("topic", "a"), ("data", "forged")]).into()],
        );
        assert_eq!(answer, "opaque", "it has been sent");
    }
    page.hub.publishes(&[("topic", "a"), ("id", "end")]);
    reading.reads("id: end\ndata: \n\n");
}

// J9
#[test]
fn a_page_of_another_origin_reads_the_cursor() {
    let page = Page::open();
    page.hub.publishes(&[("topic", "a"), ("id", "1")]);
    for dialect in Dialect::BOTH {
        page.sign_in(&dialect.subscriber(&["a"]));
        let url = format!("{}{PATH}{}", page.hub.url(), dialect.topics_after(&["a"], "1"));
        let cursor = page.browser.run(
            "const [url, name] = arguments;
             const stop = new AbortController();
             return fetch(url, { credentials: 'include', signal: stop.signal }).then((answer) => {
                 const cursor = answer.headers.get(name);
                 stop.abort();
                 return cursor;
             });",
            &[url.into(), dialect.cursor_header().into()],
        );
        assert_eq!(cursor, "1", "{dialect:?}");
    }
}
