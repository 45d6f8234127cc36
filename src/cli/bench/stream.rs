//! One stream of a subscriber: request, head, then marks.
//!
//! Promises: nothing that arrives is passed over, however it is cut into reads; it keeps no
//! buffer of its own while it has nothing to wait for. Does not: reconnect.

use std::io::{self, ErrorKind, Read as _, Write as _};

use mio::{Token, event::Event, net::TcpStream};

use super::{
    answer::Head,
    mark::{Finder, Mark},
};

const ENDED: &str = "the server has ended the stream";

/// See the module.
#[derive(Debug)]
pub struct Stream {
    socket: TcpStream,
    topic: usize,
    state: State,
    /// What has to come before the next bytes: an unfinished head, or the beginning of a mark.
    kept: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Asked,
    Open { chunked: bool },
}

impl Stream {
    /// Registers a socket that connects.
    pub fn new(
        mut socket: TcpStream,
        topic: usize,
        registry: &mio::Registry,
        token: Token,
    ) -> io::Result<Self> {
        use mio::Interest;
        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { socket, topic, state: State::Connecting, kept: Vec::new() })
    }

    pub fn topic(&self) -> usize {
        self.topic
    }

    /// Whether the hub has answered with a stream.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Does what the event allows. An error says why the stream has ended.
    pub fn ready(
        &mut self,
        event: &Event,
        request: &[u8],
        buffer: &mut [u8],
        finder: &Finder,
        found: impl FnMut(Mark),
    ) -> Result<(), String> {
        let tell = |error: io::Error| error.to_string();
        if self.state == State::Connecting {
            if let Some(error) = self.socket.take_error().map_err(tell)? {
                return Err(tell(error));
            }
            if !event.is_writable() {
                return Ok(());
            }
            // A socket that has just been connected takes a request as a whole.
            self.socket.write_all(request).map_err(tell)?;
            self.state = State::Asked;
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.read(event.is_read_closed(), buffer, finder, found)?;
        }
        Ok(())
    }

    fn read(
        &mut self,
        to_the_end: bool,
        buffer: &mut [u8],
        finder: &Finder,
        mut found: impl FnMut(Mark),
    ) -> Result<(), String> {
        loop {
            let kept = self.kept.len();
            buffer[..kept].copy_from_slice(&self.kept);
            let length = match self.socket.read(&mut buffer[kept..]) {
                Ok(0) if self.is_open() => return Err(ENDED.to_owned()),
                Ok(0) => return Err("closed without an answer".to_owned()),
                Ok(length) => kept + length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.to_string()),
            };
            let body = if self.is_open() { 0 } else { self.head(&buffer[..length])? };
            if self.is_open() {
                let rest = finder.find(&buffer[body..length], &mut found);
                self.kept.clear();
                self.kept.extend_from_slice(rest);
                if self.state == (State::Open { chunked: true }) && is_end(&buffer[body..length]) {
                    return Err(ENDED.to_owned());
                }
            }
            // The socket was empty when it gave less than it could, and the poll tells when there
            // is more: no read is needed to see that. A close may have been told already.
            if length < buffer.len() && !to_the_end {
                return Ok(());
            }
        }
    }

    /// Returns where the body begins, once the head is there as a whole.
    fn head(&mut self, answer: &[u8]) -> Result<usize, String> {
        let Some(head) = Head::parse(answer)? else {
            self.kept.clear();
            self.kept.extend_from_slice(answer);
            return Ok(0);
        };
        if head.status != 200 {
            return Err(head.explain(answer));
        }
        if !head.is_stream() {
            return Err("200, but no event stream that goes on".to_owned());
        }
        self.state = State::Open { chunked: head.is_chunked() };
        self.kept = Vec::new();
        Ok(head.length)
    }
}

/// Whether the last chunk has come: the connection may stay.
fn is_end(bytes: &[u8]) -> bool {
    bytes
        .strip_suffix(b"0\r\n\r\n")
        .is_some_and(|before| before.is_empty() || before.ends_with(b"\r\n"))
}
