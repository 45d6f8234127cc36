mod browser;
mod certificates;
mod frames;
mod greedy;
mod h2;
mod h2c;
mod openssl;

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Fanfare, Program};
use openssl::Ca;

/// A hub with a certificate of a CA that only its clients here know.
struct Secure {
    hub: Fanfare,
    ca: Ca,
}

impl Secure {
    fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_with(Ca::new(), settings)
    }

    fn start_with(ca: Ca, settings: &[(&str, &str)]) -> Self {
        let (certificate, key) = ca.issue("first");
        let files = [("FANFARE_TLS_CERT", &*certificate), ("FANFARE_TLS_KEY", &*key)];
        let hub = Fanfare::start(&[&files[..], settings].concat());
        Self { hub, ca }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.hub.0.port())
    }

    /// curl, which trusts the CA and nobody else.
    fn curl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--no-buffer", "--cacert"]);
        command.arg(self.ca.path("ca.pem")).args(arguments);
        command
    }

    fn ask(&self, arguments: &[&str], path: &str) -> Output {
        self.curl(arguments).arg(self.url(path)).output().unwrap()
    }

    fn ready(&self) -> Value {
        let output = self.ask(&["--http2"], "/health/ready");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }

    fn publish(&self, json: &str) -> Value {
        let output = self.ask(&["--http2", "--json", json], "/send-event");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }

    /// A stream, of which the lines are read one by one, with its greeting read.
    fn stream(&self, version: &str) -> Program {
        let mut stream = Program::start(self.curl(&[version, &self.url("/events")]));
        assert!(stream.line().starts_with("data: {\"id\""));
        stream
    }

    /// A script's client of HTTP/2.
    fn node(&self, arguments: &[&str]) -> Program {
        node(&self.url(""), &self.ca.path("ca.pem"), arguments)
    }
}

fn node(url: &str, ca: &str, arguments: &[&str]) -> Program {
    let mut command = Command::new("node");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls/h2.mjs"));
    command.args([url, ca]).args(arguments);
    Program::start(command)
}

/// Reads lines up to one that begins so.
fn read_until(program: &mut Program, begins: &str) -> String {
    loop {
        let line = program.line();
        if line.starts_with(begins) {
            return line;
        }
    }
}
