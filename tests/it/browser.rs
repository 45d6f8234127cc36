use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
};

use serde_json::json;

use crate::support::{Fanfare, Hub, browser::Browser, wait_until};

/// The reader of the description of its interface.
mod api;
/// The small client for everyone's pages, in two browsers.
mod client;
/// The operator's side of the page.
mod dashboard;
/// What it has for Mercure: discovery, its endpoint, its list of subscriptions.
mod mercure;
/// The page of the hub, by hand: what it shows, and what it publishes.
mod page;
/// Its streams: marks, dropping and resuming, the bytes on the wire, and what goes wrong.
mod streams;
/// Its token: how it is sent, what it says, and what happens without one.
mod tokens;

/// The test page of a hub, open in a browser. The browser ends first.
struct Page {
    browser: Browser,
    hub: Fanfare,
}

/// An event in the page's list.
#[derive(Debug, PartialEq)]
struct Row {
    id: String,
    kind: String,
    topic: String,
    mark: String,
    size: String,
    data: String,
}

impl Page {
    fn open(settings: &[(&str, &str)]) -> Self {
        Self::of(Fanfare::start(settings))
    }

    /// One more, in a test that has its turn already.
    fn open_another(settings: &[(&str, &str)]) -> Self {
        Self::of(Fanfare::start_another(settings))
    }

    fn of(hub: Fanfare) -> Self {
        let browser = Browser::start();
        browser.open(&hub.url());
        Self { browser, hub }
    }

    fn wait_for_state(&self, state: &str) {
        self.browser
            .wait_for(&format!("document.getElementById('state').textContent === '{state}'"));
    }

    /// Connects, and waits for the greeting to be in the list.
    fn connect(&self) {
        self.browser.click("#open");
        self.wait_for_state("open");
        self.browser.wait_for("document.querySelector('[data-mark=greeting]')");
    }

    /// The rows that the filter leaves, but for greetings.
    fn rows(&self) -> Vec<Row> {
        let rows = self.browser.run(
            "return [...document.querySelectorAll('#event-list > li:not([hidden])')]
                 .filter((row) => row.dataset.mark !== 'greeting')
                 .map((row) => [row.dataset.id, row.dataset.type, row.dataset.mark,
                     ...['topic', 'size', 'data'].map(
                         (name) => row.querySelector(`.${name}`).textContent)])",
            &[],
        );
        let row = |row: &serde_json::Value| {
            let [id, kind, mark, topic, size, data] =
                [0, 1, 2, 3, 4, 5].map(|at| row[at].as_str().unwrap_or_default().to_owned());
            Row { id, kind, topic, mark, size, data }
        };
        rows.as_array().expect("rows are a list").iter().map(row).collect()
    }

    /// Waits until there are so many rows, and returns them.
    fn wait_for_rows(&self, count: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        wait_until(&format!("{count} rows"), || {
            rows = self.rows();
            rows.len() >= count
        });
        rows
    }

    fn text(&self, selector: &str) -> String {
        self.browser.text(selector)
    }

    fn wait_for_text(&self, selector: &str, text: &str) {
        wait_until(&format!("{text:?} in {selector}"), || self.text(selector).contains(text));
    }
}

/// Publishes, and returns the event's id.
fn publish(hub: Hub, query: &str, json: &str) -> String {
    hub.publish(query, json)["id"].as_str().expect("an event has an id").to_owned()
}

/// A server that has the hub under `/sse`, as a proxy does, and a resource of its own, `/books/1`, with
/// these header lines. Each connection is for one request.
fn application(hub: SocketAddr, headers: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let book = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 4\r\n\r\nbook");
    let carry = move |mut browser: TcpStream, book: &str| -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            browser.read_exact(&mut byte)?;
            head.extend(byte);
        }
        let head = String::from_utf8(head).expect("a head is text");
        if head.starts_with("GET /books/1 ") {
            browser.write_all(book.as_bytes())?;
            return browser.shutdown(Shutdown::Both);
        }
        let prefixed = head.contains(" /sse/");
        let head = head.replacen(" /sse/", if prefixed { " /" } else { " /outside/" }, 1);
        let mut upstream = TcpStream::connect(hub)?;
        upstream.write_all(head.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes())?;
        let (mut from, mut to) = (browser.try_clone()?, upstream.try_clone()?);
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            to.shutdown(Shutdown::Write)
        });
        std::io::copy(&mut upstream, &mut browser)?;
        browser.shutdown(Shutdown::Both)
    };
    std::thread::spawn(move || {
        for browser in listener.incoming().map_while(Result::ok) {
            let book = book.clone();
            std::thread::spawn(move || carry(browser, &book));
        }
    });
    address
}

/// Opens a stream from a page: one of another hub, which has no policy that would forbid it.
fn open_stream_from(browser: &Browser, page: &str, url: &str, options: &serde_json::Value) {
    browser.open(page);
    browser.run(
        "const [url, options] = arguments;
         window.received = [];
         window.source = new EventSource(url, options);
         source.onmessage = ({ data }) => received.push(data);",
        &[url.into(), options.clone()],
    );
}

#[test]
fn the_tutorials_page_works_from_disk_as_it_is() {
    let page = std::fs::read_to_string("tests/tutorial/index.html").unwrap();
    let readme = std::fs::read_to_string("README.md").unwrap();
    assert!(readme.contains(&format!("```html\n{page}```\n")), "the README shows this page");
    // Its address is in the page. The harness asks for another than the default.
    let hub = Fanfare::start(&[("PORT", "3000"), ("FANFARE_HOST", "0.0.0.0")]);
    let browser = Browser::start();
    // The browser's log says no more of an object than that it is one.
    let source = "const { log } = console;
                  console.log = (...values) => log(...values.map((v) => JSON.stringify(v)));";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": source }));
    browser.open(concat!("file://", env!("CARGO_MANIFEST_DIR"), "/tests/tutorial/index.html"));
    let mut lines = Vec::new();
    let mut wait_for_line = |text: &str| {
        wait_until(&format!("{text} in the console"), || {
            lines.extend(browser.console());
            lines.iter().any(|line| line.contains(text))
        });
        assert!(lines.iter().all(|line| line.contains(r#"{\"id\":"#)), "more: {lines:?}");
    };
    wait_for_line(r#"{\"id\":\""#);
    hub.wait_for_subscribers(1);
    publish(*hub, "", r#"{"id": 1, "name": "BigBoxCode", "website": "https://example.com"}"#);
    wait_for_line(r#"{\"id\":1,\"name\":\"BigBoxCode\",\"website\":\"https://example.com\"}"#);
}

#[test]
fn a_page_of_another_origin_receives() {
    let other = Fanfare::start(&[]);
    let hub = Fanfare::start_another(&[]);
    let browser = Browser::start();
    let page = format!("{}/health/live", other.url());
    open_stream_from(&browser, &page, &format!("{}/events", hub.url()), &json!({}));
    browser.wait_for("window.received.length === 1");
    hub.wait_for_subscribers(1);
    publish(*hub, "", "[42]");
    browser.wait_for("window.received[1] === '[42]'");
}

#[test]
fn credentials_are_for_the_listed_origins_alone() {
    let other = Fanfare::start(&[]);
    let hub = Fanfare::start_another(&[("FANFARE_CORS_ORIGINS", &other.url())]);
    let browser = Browser::start();
    let url = format!("{}/events", hub.url());
    let with_credentials = json!({ "withCredentials": true });

    let page = format!("{}/health/live", other.url());
    open_stream_from(&browser, &page, &url, &with_credentials);
    browser.wait_for("window.received.length === 1 && window.source.withCredentials");

    // The same server by another name is another origin.
    let page = page.replace("127.0.0.1", "localhost");
    open_stream_from(&browser, &page, &url, &with_credentials);
    browser.wait_for("window.source.readyState === EventSource.CLOSED");
    let console = browser.console().join("\n");
    assert!(console.contains("blocked by CORS policy"), "{console}");
    assert_eq!(browser.run("return window.received", &[]), json!([]));
}

#[test]
fn a_list_of_origins_does_not_lock_the_hubs_own_page_out() {
    let page = Page::open(&[("FANFARE_CORS_ORIGINS", "https://a.example")]);
    page.connect();
    page.browser.click("#send");
    page.wait_for_text("#answer-status", "200");
    page.wait_for_rows(1);
}

#[test]
fn a_page_outlives_the_hub_and_is_told_what_is_lost() {
    let mut page = Page::open(&[]);
    page.connect();
    publish(*page.hub, "", "1");
    page.wait_for_rows(1);

    let port = page.hub.0.port().to_string();
    page.hub.signal("KILL");
    page.hub.wait();
    page.wait_for_state("connecting");
    let again = Fanfare::start_another(&[("PORT", &port)]);
    page.wait_for_state("open");
    again.wait_for_subscribers(1);
    let id = publish(*again, "", "2");

    let rows = page.wait_for_rows(3);
    assert_eq!((&*rows[1].kind, &*rows[1].mark), ("gap", "gap"));
    assert!(rows[1].data.contains("epoch"), "{rows:?}");
    assert_eq!((&*rows[2].data, &*rows[2].id, &*rows[2].mark), ("2", &*id, ""));
    assert_eq!(rows.len(), 3);
    assert_eq!(page.text("#reconnects"), "1");
    assert_eq!(page.text("#last-id"), id);
}
