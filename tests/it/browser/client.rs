//! `static/fanfare.js`, in Chromium and in Firefox: each test is run in both.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
};

use serde_json::json;

use super::publish;
use crate::{
    auth::{CLOSED, token},
    support::{
        Fanfare, Folder, Hub,
        browser::{Browser, Tabs},
        firefox::Firefox,
        request, wait_until,
    },
};

fn in_both(test: impl Fn(&dyn Tabs)) {
    test(&Browser::start());
    test(&Firefox::start());
}

/// Opens a document of the hub that has no policy, and runs a module in it. `HUB` is its URL there,
/// and what the module notes is in `window.heard`.
fn run_module(browser: &dyn Tabs, document: Hub, hub: Hub, module: &str) {
    browser.open(&format!("{}/healthz", document.url()));
    let module = format!(
        "import {{ subscribe }} from '{url}/static/fanfare.js';
         const HUB = '{url}';
         const heard = window.heard = [];
         const note = ({{ type, data }}) => heard.push(`${{type}} ${{data}}`);
         {module}",
        url = hub.url(),
    );
    run_script(browser, &module);
}

fn run_script(browser: &dyn Tabs, module: &str) {
    browser.run(
        "const script = document.createElement('script');
         script.type = 'module';
         script.textContent = arguments[0];
         document.head.append(script);",
        &[module.into()],
    );
}

/// What the page has noted so far.
fn heard(browser: &dyn Tabs) -> Vec<String> {
    let text =
        browser.run("return JSON.stringify(window.wrappedJSObject?.heard ?? window.heard)", &[]);
    serde_json::from_str(text.as_str().unwrap_or("[]")).expect("it is a list of texts")
}

fn wait_to_hear(browser: &dyn Tabs, what: &str) {
    let mut all = Vec::new();
    wait_until(&format!("{what:?} is heard"), || {
        all = heard(browser);
        all.iter().any(|one| one == what)
    });
}

/// How often this was heard.
fn times(browser: &dyn Tabs, what: &str) -> usize {
    heard(browser).iter().filter(|one| *one == what).count()
}

#[test]
fn it_is_small() {
    let size = std::fs::metadata("static/fanfare.js").unwrap().len();
    assert!(size < 5120, "static/fanfare.js has {size} bytes");
}

/// Answers all that comes to the port of a hub that is away, until somebody has asked for a stream
/// so many times.
fn refuse_streams(address: std::net::SocketAddr, statuses: &[&str]) {
    let listener = TcpListener::bind(address).expect("the hub's port is free");
    let mut statuses = statuses.iter();
    let mut status = statuses.next();
    while let Some(answer) = status {
        let (mut socket, _) = listener.accept().expect("a browser asks");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match socket.read(&mut byte) {
                Ok(1) => head.extend(byte),
                // A connection in advance, with no request.
                _ => break,
            }
        }
        let head = String::from_utf8_lossy(&head);
        let _ = write!(
            socket,
            "HTTP/1.1 {answer}\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n"
        );
        if head.starts_with("GET /events") {
            status = statuses.next();
        }
    }
}

/// Browsers give up at any answer but 200.
#[test]
fn it_comes_back_after_a_restart_that_first_answers_503_and_404() {
    in_both(|browser| {
        let other = Fanfare::start(&[]);
        let history = Folder::new();
        let place = format!("file://{}/history.redb", history.0.display());
        let mut hub = Fanfare::start_another(&[("FANFARE_HISTORY", &place)]);
        // From a page of another origin, where Firefox gives up more often.
        run_module(
            browser,
            *other,
            *hub,
            "const stream = subscribe(HUB + '/events');
             ['message', 'gap', 'state', 'greeting'].forEach((type) =>
                 stream.addEventListener(type, note));",
        );
        hub.wait_for_subscribers(1);
        publish(*hub, "", "1");
        wait_to_hear(browser, "message 1");

        let port = hub.0.port().to_string();
        hub.signal("TERM");
        hub.wait();
        refuse_streams(hub.0, &["503 Service Unavailable", "404 Not Found"]);
        let again = Fanfare::start_another(&[("PORT", &port), ("FANFARE_HISTORY", &place)]);
        publish(*again, "", "2");
        wait_to_hear(browser, "message 2");
        publish(*again, "", "3");
        wait_to_hear(browser, "message 3");

        let heard = heard(browser);
        let messages: Vec<_> = heard.iter().filter(|one| one.starts_with("message")).collect();
        assert_eq!(messages, ["message 1", "message 2", "message 3"], "{heard:?}");
        assert!(!heard.iter().any(|one| one.starts_with("gap")), "nothing is lost: {heard:?}");
        let states: Vec<_> = heard.iter().filter(|one| one.starts_with("state")).collect();
        assert_eq!(states, ["state open", "state connecting", "state open"], "{heard:?}");
        let greetings = heard.iter().filter(|one| one.starts_with("greeting {\"id\":")).count();
        assert_eq!(greetings, 2, "{heard:?}");
    });
}

#[test]
fn it_tells_of_a_gap_and_of_types_that_are_asked_for_later() {
    in_both(|browser| {
        let hub = Fanfare::start(&[]);
        run_module(
            browser,
            *hub,
            *hub,
            "const stream = window.stream =
                 subscribe('/events', { topics: ['news', '/books/{id}'], lastEventId: '#1-1' });
             ['message', 'gap'].forEach((type) => stream.addEventListener(type, note));",
        );
        wait_to_hear(browser, r##"gap {"asked":"#1-1","reason":"epoch","from":null}"##);
        hub.wait_for_subscribers(1);
        publish(*hub, "?topic=news", "1");
        publish(*hub, "?topic=weather", "2");
        wait_to_hear(browser, "message 1");
        run_script(
            browser,
            "stream.addEventListener('price', ({ type, data, lastEventId }) =>
                 heard.push(`${type} ${data} ${lastEventId} ${stream.lastEventId}`));
             heard.push('listens');",
        );
        wait_to_hear(browser, "listens");
        // Those of an EventSource itself change nothing.
        publish(*hub, "?topic=news&type=error", "3");
        publish(*hub, "?topic=news&type=open", "4");
        publish(*hub, "?topic=%2Fbooks%2F7&type=price&id=p1", "5");
        wait_to_hear(browser, "price 5 p1 p1");
        assert_eq!(heard(browser).len(), 4, "{:?}", heard(browser));
        run_script(browser, "stream.close(); heard.push(stream.state)");
        wait_to_hear(browser, "closed");
        hub.wait_for_streams(0);
    });
}

#[test]
fn tabs_share_a_stream_and_one_takes_over() {
    in_both(|browser| {
        let hub = Fanfare::start(&[]);
        let module = "const stream = window.stream = subscribe('/events', { share: 'alice' });
             ['message', 'gap', 'state'].forEach((type) => stream.addEventListener(type, note));";
        let first = browser.tab();
        run_module(browser, *hub, *hub, module);
        hub.wait_for_subscribers(1);
        publish(*hub, "", "1");
        wait_to_hear(browser, "message 1");

        // Those that come later hear of the state; one is interested in more.
        let [second, third] = [(), ()].map(|()| browser.new_tab());
        browser.switch(&second);
        run_module(
            browser,
            *hub,
            *hub,
            &format!("{module} stream.addEventListener('price', note)"),
        );
        wait_to_hear(browser, "state open");
        browser.switch(&third);
        run_module(browser, *hub, *hub, module);
        wait_to_hear(browser, "state open");
        assert_eq!(hub.ready()["streams"], 1, "it is shared");
        publish(*hub, "?type=price", "2");
        publish(*hub, "", "3");
        wait_to_hear(browser, "message 3");
        browser.switch(&second);
        wait_to_hear(browser, "message 3");
        wait_to_hear(browser, "price 2");

        // The one with the connection goes, and the next resumes where it was.
        browser.switch(&first);
        browser.close_tab();
        publish(*hub, "", "4");
        publish(*hub, "?type=price", "5");
        browser.switch(&third);
        wait_to_hear(browser, "message 4");
        browser.switch(&second);
        wait_to_hear(browser, "price 5");
        hub.wait_for_streams(1);

        // So it is when a stream is closed.
        run_script(browser, "stream.close(); heard.push('closed')");
        wait_to_hear(browser, "closed");
        browser.switch(&third);
        publish(*hub, "", "6");
        wait_to_hear(browser, "message 6");
        hub.wait_for_streams(1);
        for number in [3, 4, 6] {
            assert_eq!(times(browser, &format!("message {number}")), 1, "{:?}", heard(browser));
        }
        browser.switch(&second);
        assert_eq!(times(browser, "message 6"), 0, "a closed stream is silent");
        assert!(!heard(browser).iter().any(|one| one.starts_with("gap")), "{:?}", heard(browser));
    });
}

#[test]
fn other_names_and_other_topics_are_other_streams() {
    in_both(|browser| {
        let hub = Fanfare::start(&[]);
        run_module(
            browser,
            *hub,
            *hub,
            "subscribe('/events', { share: 'alice' });
             subscribe('/events', { share: 'alice' });
             subscribe('/events', { share: 'bob' });
             subscribe('/events', { share: 'alice', topics: 'news' }).addEventListener('message', note);",
        );
        hub.wait_for_subscribers(3);
        publish(*hub, "?topic=news", "1");
        wait_to_hear(browser, "message 1");
        assert_eq!(hub.ready()["streams"], 3);
    });
}

#[test]
fn each_connection_has_a_ticket_of_its_own() {
    in_both(|browser| {
        // Streams end, and are opened again.
        let settings = [&CLOSED[..], &[("FANFARE_MAX_AGE", "1s")]].concat();
        let hub = Fanfare::start(&settings);
        let claims = json!({"mercure": {"subscribe": ["*"], "publish": ["*"]}});
        let token = token(&claims);
        run_module(
            browser,
            *hub,
            *hub,
            &format!(
                "const ticket = async () => {{
                     // The first can't be had.
                     if (heard.push('asked') === 1) throw new Error();
                     const headers = {{ Authorization: 'Bearer {token}' }};
                     const answer = await fetch('/ticket', {{ method: 'POST', headers }});
                     return (await answer.json()).ticket;
                 }};
                 const stream = subscribe('/events', {{ ticket }});
                 stream.addEventListener('message', note);
                 stream.addEventListener('greeting', () => heard.push('greeting'));"
            ),
        );
        let publish = |json: &str| {
            let authorization = format!("Bearer {token}");
            let headers =
                [("Authorization", &*authorization), ("Content-Type", "application/json")];
            let answer = request(hub.0, "POST", "/send-event?private", &headers, json.as_bytes());
            assert_eq!(answer.status, 200, "{}", answer.text());
        };
        wait_until("the first connection", || times(browser, "greeting") == 1);
        publish("1");
        wait_to_hear(browser, "message 1");
        wait_until("two more", || times(browser, "greeting") >= 3);
        publish("2");
        wait_to_hear(browser, "message 2");
        let heard = heard(browser);
        let [asked, greeted] = ["asked", "greeting"].map(|it| times(browser, it));
        assert!(asked > greeted, "a ticket for each connection: {heard:?}");
        assert_eq!((times(browser, "message 1"), times(browser, "message 2")), (1, 1), "{heard:?}");
        assert!(!hub.log().contains(" 401 "), "no ticket is used twice: {}", hub.log());
    });
}

/// The examples of a document.
fn examples(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(document).unwrap();
    let blocks = text.split("```js\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(str::to_owned).collect()
}

#[test]
fn the_examples_of_its_document_work() {
    let token = token(&json!({"mercure": {"subscribe": ["*"], "publish": ["*"]}}));
    let examples = examples("docs/client.md");
    assert_eq!(examples.len(), 3);
    in_both(|browser| {
        for example in &examples {
            let closed = example.contains("ticket");
            let hub = Fanfare::start(if closed { &CLOSED } else { &[] });
            browser.open(&format!("{}/healthz", hub.url()));
            run_script(
                browser,
                &format!(
                    "window.heard = [];
                     window.token = '{token}';
                     console.log = (...values) => heard.push(values.join(' '));"
                ),
            );
            // As it is, but for the hub's address.
            run_script(browser, &example.replace("http://localhost:3000", &hub.url()));
            hub.wait_for_subscribers(1);
            let authorization = format!("Bearer {token}");
            let authorization = ("Authorization", &*authorization);
            let headers = [authorization, ("Content-Type", "application/json")];
            let target = "/send-event?topic=news&type=price&id=p1";
            assert_eq!(request(hub.0, "POST", target, &headers, b"12.50").status, 200);
            wait_to_hear(browser, "p1 12.50");
        }
    });
}
