//! A real Chromium, driven by the W3C's `WebDriver`: JSON over HTTP, with no library in between.
//!
//! Needs `chromium` and `chromedriver` in the path: Debian's packages `chromium` and
//! `chromium-driver`.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use super::{fanfare::Folder, http::request, wait_until};

/// Nothing of the developer's, nothing from the network, and no graphics card.
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
];

/// The name under which an answer has an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys, as the protocol writes them.
pub const TAB: &str = "\u{e004}";
pub const CONTROL: &str = "\u{e009}";
pub const ENTER: &str = "\u{e007}";
pub const LEFT: &str = "\u{e012}";
pub const UP: &str = "\u{e013}";
pub const RIGHT: &str = "\u{e014}";

/// What tests ask of any browser.
pub trait Tabs {
    /// Opens a page, and waits until it has loaded with all its modules.
    fn open(&self, url: &str);

    /// Runs the body of a function in the page, and returns what it returns or promises.
    fn run(&self, script: &str, arguments: &[Value]) -> Value;

    /// The name of the tab that the others are about.
    fn tab(&self) -> String;

    fn new_tab(&self) -> String;

    /// From here on all is about this tab.
    fn switch(&self, tab: &str);

    fn close_tab(&self);
}

/// A browser with one window, for one test.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    profile: Folder,
}

impl Browser {
    pub fn start() -> Self {
        // It takes a free port of IPv4, and gives up where that port is not free of IPv6 too.
        let (driver, port) = (0..10).find_map(|_| start_driver()).expect("it says its port");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut browser = Self { driver, address, session: String::new(), profile: Folder::new() };
        browser.session = browser.begin();
        browser
    }

    fn begin(&self) -> String {
        let mut flags = FLAGS.map(str::to_owned).to_vec();
        flags.push(format!("--user-data-dir={}", self.profile.0.display()));
        let capabilities = json!({
            // A CA of the test's is in no browser.
            "acceptInsecureCerts": true,
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": flags },
        });
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let session = self.command("POST", "/session", &body);
        format!("/session/{}", session["sessionId"].as_str().expect("a session has an id"))
    }

    /// One command; what it answers, or a panic with what it complains about.
    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        let headers = [("Content-Type", "application/json")];
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let response = request(self.address, method, path, &headers, body.as_bytes());
        let answer = response.json();
        assert_eq!(response.status, 200, "{method} {path} {body}: {answer:#}");
        answer["value"].clone()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.command("POST", &format!("{}{path}", self.session), body)
    }

    /// Opens a page, and waits until it has loaded with all its modules.
    pub fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Runs the body of a function in the page, and returns what it returns or promises.
    pub fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// Waits until an expression in the page is true.
    pub fn wait_for(&self, expression: &str) {
        let script = format!("return Boolean({expression})");
        wait_until(expression, || self.run(&script, &[]) == true);
    }

    /// A command of Chromium's own protocol.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    fn element(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector }));
        format!("/element/{}", found[ELEMENT].as_str().expect("an element has an id"))
    }

    /// Clicks where the element is, which has to be in reach of the mouse.
    pub fn click(&self, selector: &str) {
        self.post(&format!("{}/click", self.element(selector)), &json!({}));
    }

    /// Types into a field, in place of what is in it.
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("{element}/clear"), &json!({}));
        self.post(&format!("{element}/value"), &json!({ "text": text }));
    }

    /// Presses these keys together, wherever the focus is, and lets them go.
    pub fn press(&self, keys: &[&str]) {
        let down = keys.iter().map(|key| json!({ "type": "keyDown", "value": key }));
        let up = keys.iter().rev().map(|key| json!({ "type": "keyUp", "value": key }));
        let actions: Vec<_> = down.chain(up).collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.post("/actions", &json!({ "actions": [keyboard] }));
    }

    /// The visible text of an element.
    pub fn text(&self, selector: &str) -> String {
        let path = format!("{}{}/text", self.session, self.element(selector));
        self.command("GET", &path, &Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// What the console got since the last call: also failed requests and broken policies.
    pub fn console(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().expect("a log is a list");
        let message = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        entries.iter().map(message).collect()
    }
}

impl Tabs for Browser {
    fn open(&self, url: &str) {
        Self::open(self, url);
    }

    fn run(&self, script: &str, arguments: &[Value]) -> Value {
        Self::run(self, script, arguments)
    }

    fn tab(&self) -> String {
        let tab = self.command("GET", &format!("{}/window", self.session), &Value::Null);
        tab.as_str().expect("a tab has a name").to_owned()
    }

    fn new_tab(&self) -> String {
        let tab = self.post("/window/new", &json!({ "type": "tab" }));
        tab["handle"].as_str().expect("a tab has a name").to_owned()
    }

    fn switch(&self, tab: &str) {
        self.post("/window", &json!({ "handle": tab }));
    }

    fn close_tab(&self) {
        self.command("DELETE", &format!("{}/window", self.session), &Value::Null);
    }
}

/// Starts a driver, and reads on which port it listens; `None` where it has ended instead.
fn start_driver() -> Option<(Child, u16)> {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        // The browser's processes join its group, and can be ended with it.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver is installed (Debian: chromium, chromium-driver)");
    let stdout = driver.stdout.take().expect("it is piped");
    let port = BufReader::new(stdout)
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split("successfully on port ").nth(1).map(str::to_owned))
        .and_then(|rest| rest.trim_end_matches('.').parse().ok());
    if port.is_none() {
        let _ = driver.wait();
    }
    Some((driver, port?))
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked first, it takes its profile's locks and files along. A test that has failed does
        // not ask: a second panic would hide the first.
        if !std::thread::panicking() {
            self.command("DELETE", &self.session, &Value::Null);
        }
        let group = format!("-{}", self.driver.id());
        let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).status();
        let _ = self.driver.wait();
    }
}
