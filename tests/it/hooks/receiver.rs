//! A server that takes hooks, and does with them what a test wants.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Instant,
};

use serde_json::Value;

use crate::support::wait_until;

/// `whsec_` and 32 bytes.
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// A request that was made.
#[derive(Debug, Clone)]
pub struct Received {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub at: Instant,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or_else(|| panic!("no {name}: {self:?}"), |(_, value)| value)
    }

    pub fn events(&self) -> Vec<Value> {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["events"].as_array().unwrap().clone()
    }

    /// Whether the library of Standard Webhooks takes it.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let mut python = Command::new("tests/clients/.venv/bin/python")
            .args(["tests/clients/standard_webhooks.py", secret])
            .args(
                ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|it| self.header(it)),
            )
            .stdin(Stdio::piped())
            .spawn()
            .expect("tests/install-tools.sh installs what is missing");
        python.stdin.take().unwrap().write_all(self.body.as_bytes()).unwrap();
        python.wait().unwrap().success()
    }
}

#[derive(Default)]
struct Shared {
    received: Vec<Received>,
    /// For the next requests; then 204.
    answers: Vec<&'static str>,
}

pub struct Receiver {
    pub address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

impl Receiver {
    pub fn start() -> Self {
        Self::over(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub fn over(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Mutex<Shared>>::default();
        let of_thread = Arc::clone(&shared);
        // Ends with the process.
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (socket, shared) = (socket.unwrap(), Arc::clone(&of_thread));
                std::thread::spawn(move || serve(&socket, &shared));
            }
        });
        Self { address, shared }
    }

    /// Has the next requests answered so: a status and headers.
    pub fn answer_with(&self, answers: &[&'static str]) {
        self.shared.lock().unwrap().answers = answers.to_vec();
    }

    pub fn url(&self) -> String {
        format!("http://{}/hooks?token=hidden-in-the-url", self.address)
    }

    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().unwrap().received.clone()
    }

    /// Waits until so many requests were made.
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        wait_until(&format!("{count} requests"), || self.received().len() >= count);
        self.received()
    }

    /// Waits until these events have come, in requests that were answered, and no more.
    pub fn wait_for_types(&self, types: &[&str]) -> Vec<Value> {
        let events = || self.received().iter().flat_map(Received::events).collect::<Vec<_>>();
        wait_until(&format!("{types:?}"), || events().len() >= types.len());
        let events = events();
        let came: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(came, types);
        events
    }
}

fn serve(socket: &TcpStream, shared: &Mutex<Shared>) {
    let mut reader = BufReader::new(socket);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let header = |line: &String| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let headers: Vec<_> = lines[1..].iter().map(header).collect();
        let length = headers.iter().find(|(name, _)| name == "content-length").unwrap();
        let mut body = vec![0; length.1.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        let received = Received { line: lines.remove(0), headers, body, at: Instant::now() };
        let answer = {
            let mut shared = shared.lock().unwrap();
            shared.received.push(received);
            let next = (!shared.answers.is_empty()).then(|| shared.answers.remove(0));
            next.unwrap_or("204 No Content")
        };
        if answer == "hang" {
            // Until the hub gives up on it.
            let _ = reader.read(&mut [0]);
            return;
        }
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
        if (&*socket).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
