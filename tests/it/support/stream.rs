//! An open stream, read as it comes.

use std::{
    collections::VecDeque,
    net::{Shutdown, SocketAddr},
};

use super::{
    decoder::{Event, decode},
    http::{Connection, Response},
};

pub struct Stream {
    pub connection: Connection,
    pub head: Response,
    /// Text of the body that makes no whole event yet.
    text: String,
    events: VecDeque<Event>,
    last_event_id: String,
}

impl Stream {
    pub fn open(address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Self {
        Self::over(Connection::open(address), address, target, headers)
    }

    pub fn over(
        mut connection: Connection,
        address: SocketAddr,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Self {
        let mut head = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        connection.send(head + "\r\n");
        let head = connection.read_head();
        assert_eq!(head.status, 200, "{head:?}");
        Self {
            connection,
            head,
            text: String::new(),
            events: VecDeque::new(),
            last_event_id: String::new(),
        }
    }

    /// The next chunk as it was sent; `None` at the end of the stream.
    pub fn chunk(&mut self) -> Option<String> {
        let chunk = self.connection.read_chunk()?;
        Some(String::from_utf8(chunk).expect("a stream is UTF-8"))
    }

    /// The next event; `None` at the end of the stream.
    pub fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(mut event) = self.events.pop_front() {
                match &event.id {
                    Some(id) => self.last_event_id.clone_from(id),
                    None => event.last_event_id.clone_from(&self.last_event_id),
                }
                return Some(event);
            }
            let chunk = self.chunk()?;
            self.text += &chunk;
            if let Some(end) = self.text.rfind("\n\n") {
                let finished: String = self.text.drain(..end + 2).collect();
                self.events.extend(decode(&finished));
            }
        }
    }

    /// The next event, which has to come.
    pub fn event(&mut self) -> Event {
        self.next().unwrap_or_else(|| panic!("the stream has ended; rest: {:?}", self.text))
    }

    /// The first event, checked byte by byte. Returns the subscriber's id.
    pub fn greeting(&mut self) -> String {
        let first = self.chunk().expect("a stream begins with a greeting");
        let id =
            first.strip_prefix("data: {\"id\":\"").and_then(|rest| rest.strip_suffix("\"}\n\n"));
        let id = id.unwrap_or_else(|| panic!("no greeting: {first:?}"));
        let id: uuid::Uuid = id.parse().expect("a UUID");
        assert_eq!(id.get_version_num(), 4);
        id.to_string()
    }

    /// What is left once the hub has ended the stream: all of it, not only whole events.
    pub fn rest(&mut self) -> String {
        let mut rest = std::mem::take(&mut self.text);
        while let Some(chunk) = self.chunk() {
            rest += &chunk;
        }
        rest
    }

    /// Goes away as a closed tab does.
    pub fn leave(self) {
        self.connection.socket.shutdown(Shutdown::Both).expect("it is open");
    }
}
