//! An open stream of the protocol, compared byte by byte.

use std::{net::Shutdown, time::Instant};

use serde_json::Value;

use crate::support::{Connection, Event, PATIENCE, Response, decode};

pub struct Reading {
    pub connection: Connection,
    pub head: Response,
    /// What has come and has not been asked for yet.
    text: String,
}

impl Reading {
    pub fn new(connection: Connection, head: Response) -> Self {
        Self { connection, head, text: String::new() }
    }

    /// More text; false at the end of the stream.
    fn receive(&mut self) -> bool {
        let Some(chunk) = self.connection.read_chunk() else { return false };
        self.text += &String::from_utf8(chunk).expect("a stream is UTF-8");
        true
    }

    /// The next bytes have to be these.
    #[track_caller]
    pub fn reads(&mut self, expected: &str) {
        while self.text.len() < expected.len() && expected.starts_with(&self.text) {
            assert!(self.receive(), "ended after {:?}, before {expected:?}", self.text);
        }
        assert!(
            self.text.starts_with(expected),
            "\n  came:     {:?}\n  expected: {expected:?}",
            self.text
        );
        self.text.drain(..expected.len());
    }

    /// The next line, with its end.
    #[track_caller]
    pub fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.text.find('\n') {
                return self.text.drain(..=end).collect();
            }
            assert!(self.receive(), "the stream has ended: {:?}", self.text);
        }
    }

    /// The next event, unless it takes too long: heartbeats alone would keep a reader for ever.
    fn next_since(&mut self, begun: Instant) -> Option<Event> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(event) = decode(&block).pop() {
                    assert!(event.id.is_some(), "every event has an id: {block:?}");
                    return Some(event);
                }
            } else if !self.receive() {
                return None;
            }
            assert!(begun.elapsed() < PATIENCE, "no event within {PATIENCE:?}: {:?}", self.text);
        }
    }

    /// The next event; `None` where the stream ends without one.
    pub fn next(&mut self) -> Option<Event> {
        self.next_since(Instant::now())
    }

    #[track_caller]
    pub fn event(&mut self) -> Event {
        let rest = self.text.clone();
        self.next().unwrap_or_else(|| panic!("the stream has ended; before: {rest:?}"))
    }

    /// The ids of the next events.
    #[track_caller]
    pub fn ids(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.event().id.unwrap_or_default()).collect()
    }

    /// The next event whose data is a document with this value: what else comes is skipped.
    #[track_caller]
    pub fn document(&mut self, name: &str, value: &str) -> (Event, Value) {
        let begun = Instant::now();
        loop {
            let what = format!("{name} {value:?}");
            let event = self.next_since(begun).unwrap_or_else(|| panic!("ended before {what}"));
            let document: Value = serde_json::from_str(&event.data).unwrap_or_default();
            if document[name] == value {
                return (event, document);
            }
        }
    }

    /// All that comes until the hub ends the stream.
    pub fn rest(&mut self) -> String {
        let begun = Instant::now();
        while self.receive() {
            assert!(begun.elapsed() < PATIENCE, "it goes on and on: {:?}", self.text);
        }
        std::mem::take(&mut self.text)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// Goes away as a closed tab does.
    pub fn leave(self) {
        self.connection.socket.shutdown(Shutdown::Both).expect("it is open");
    }
}
