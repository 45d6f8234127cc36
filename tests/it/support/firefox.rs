//! A real Firefox, driven by its own protocol, Marionette: `length:[0, id, command, parameters]`
//! over TCP. The commands are those of `WebDriver`, and no driver is needed in between.
//! <https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html>
//!
//! Needs `firefox-esr` in the path: Debian's package of this name.

use std::{
    cell::{Cell, RefCell},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    process::Command,
};

use serde_json::{Value, json};

use super::{PATIENCE, Program, browser::Tabs, fanfare::Folder};

/// A free port; and nothing from the network.
const PREFERENCES: &str = r#"user_pref("marionette.port", 0);
user_pref("app.normandy.enabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.safebrowsing.update.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,");
user_pref("toolkit.telemetry.server", "");
"#;

/// A browser with one window, for one test.
pub struct Firefox {
    connection: RefCell<BufReader<TcpStream>>,
    last: Cell<u64>,
    _program: Program,
    _profile: Folder,
}

impl Firefox {
    pub fn start() -> Self {
        let profile = Folder::new();
        std::fs::write(profile.0.join("user.js"), PREFERENCES).expect("the folder can be written");
        let mut command = Command::new("firefox-esr");
        command.args(["--headless", "--no-remote", "--marionette", "--profile"]).arg(&profile.0);
        // Nothing of the developer's.
        command.env("HOME", &profile.0);
        let mut program = Program::start(command);
        let port = loop {
            if let Some((_, port)) = program.line().split_once("Listening on port ") {
                break port.parse().expect("a port is a number");
            }
        };
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        let connection = RefCell::new(BufReader::new(socket));
        let firefox = Self { connection, last: Cell::new(0), _program: program, _profile: profile };
        assert_eq!(firefox.read()["marionetteProtocol"], 3);
        firefox.command("NewSession", &json!({}));
        firefox
    }

    fn read(&self) -> Value {
        let mut connection = self.connection.borrow_mut();
        let mut length = Vec::new();
        connection.read_until(b':', &mut length).expect("it answers");
        length.pop();
        let length = String::from_utf8(length).expect("a length is text");
        let mut message = vec![0; length.parse().expect("a length is a number")];
        connection.read_exact(&mut message).expect("a message is whole");
        serde_json::from_slice(&message).expect("a message is JSON")
    }

    /// One command; what it answers, or a panic with what it complains about.
    fn command(&self, name: &str, parameters: &Value) -> Value {
        let id = self.last.replace(self.last.get() + 1);
        let message = json!([0, id, format!("WebDriver:{name}"), parameters]).to_string();
        let message = format!("{}:{message}", message.len());
        self.connection.borrow_mut().get_mut().write_all(message.as_bytes()).expect("it reads");
        let answer = self.read();
        assert_eq!((&answer[1], &answer[2]), (&json!(id), &Value::Null), "{name} {parameters}");
        answer[3].clone()
    }
}

impl Tabs for Firefox {
    fn open(&self, url: &str) {
        self.command("Navigate", &json!({ "url": url }));
    }

    fn run(&self, script: &str, arguments: &[Value]) -> Value {
        let parameters = json!({ "script": script, "args": arguments });
        self.command("ExecuteScript", &parameters)["value"].clone()
    }

    fn tab(&self) -> String {
        let tab = self.command("GetWindowHandle", &json!({}));
        tab["value"].as_str().expect("a tab has a name").to_owned()
    }

    fn new_tab(&self) -> String {
        let tab = self.command("NewWindow", &json!({ "type": "tab" }));
        tab["handle"].as_str().expect("a tab has a name").to_owned()
    }

    fn switch(&self, tab: &str) {
        self.command("SwitchToWindow", &json!({ "handle": tab }));
    }

    fn close_tab(&self) {
        self.command("CloseWindow", &json!({}));
    }
}
