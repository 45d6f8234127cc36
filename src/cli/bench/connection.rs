//! One connection of a publisher: a request, its answer, the next request.
//!
//! Promises: the connection is kept while the server keeps it, and opened again where it does
//! not; a request is sent once. Does not: decide what is sent when.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{self, SocketAddr},
    time::Duration,
};

use mio::{Interest, Registry, Token, net::TcpStream};

use super::answer::Head;

/// How long a server may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    token: Token,
    socket: Option<TcpStream>,
    /// What is still to be sent.
    request: Vec<u8>,
    sent: usize,
    answer: Vec<u8>,
}

impl Connection {
    pub fn new(address: SocketAddr, token: Token) -> Self {
        let (request, answer) = (Vec::new(), Vec::new());
        Self { address, token, socket: None, request, sent: 0, answer }
    }

    /// Connects, unless it is connected. Waits for it: that is over before anything is timed,
    /// and a server that closes after each answer makes it part of what publishing costs.
    pub fn connect(&mut self, registry: &Registry) -> io::Result<()> {
        if self.socket.is_some() {
            return Ok(());
        }
        let socket = net::TcpStream::connect_timeout(&self.address, PATIENCE)?;
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        let mut socket = TcpStream::from_std(socket);
        registry.register(&mut socket, self.token, Interest::READABLE | Interest::WRITABLE)?;
        self.socket = Some(socket);
        Ok(())
    }

    /// Begins a request.
    pub fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.request.clear();
        self.request.extend_from_slice(request);
        self.sent = 0;
        self.answer.clear();
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(socket) = &mut self.socket else { return Err(ErrorKind::NotConnected.into()) };
        while self.sent < self.request.len() {
            match socket.write(&self.request[self.sent..]) {
                Ok(length) => self.sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Does what the socket is ready for. Returns the outcome of the request once there is one:
    /// success, or why not.
    pub fn ready(&mut self, buffer: &mut [u8]) -> Option<Result<(), String>> {
        if let Err(error) = self.flush() {
            return self.lost(&error.to_string());
        }
        loop {
            match self.socket.as_mut()?.read(buffer) {
                Ok(0) => {
                    let outcome = self.outcome(true);
                    self.socket = None;
                    return outcome.or_else(|| self.lost("closed without an answer"));
                }
                Ok(length) => {
                    self.answer.extend_from_slice(&buffer[..length]);
                    if length < buffer.len()
                        && let Some(outcome) = self.outcome(false)
                    {
                        return Some(outcome);
                    }
                }
                // An answer may have filled the buffer to its last byte.
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.outcome(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.lost(&error.to_string()),
            }
        }
    }

    /// The connection is gone. That is an outcome only while there is a request.
    fn lost(&mut self, why: &str) -> Option<Result<(), String>> {
        self.socket = None;
        let asked = !std::mem::take(&mut self.request).is_empty();
        asked.then(|| Err(why.to_owned()))
    }

    fn outcome(&mut self, at_end: bool) -> Option<Result<(), String>> {
        let head = match Head::parse(&self.answer) {
            Ok(head) => head?,
            Err(why) => return self.lost(&why),
        };
        if !head.is_whole(&self.answer, at_end) {
            return None;
        }
        if head.closes {
            self.socket = None;
        }
        self.request.clear();
        let answer = std::mem::take(&mut self.answer);
        Some(if head.is_success() { Ok(()) } else { Err(head.explain(&answer)) })
    }
}
