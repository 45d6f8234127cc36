//! Plain HTTP/1.1 over a plain socket: what is sent is what the test says, byte by byte.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Instant,
};

use socket2::{Domain, Socket, Type};

use super::PATIENCE;

/// A connection with what has been received and not read yet.
pub struct Connection {
    pub socket: TcpStream,
    received: Vec<u8>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("it listens"))
    }

    /// From another address of this machine, where there are ports enough: those of 127.0.0.1 are
    /// for all tests, and each is kept for a minute.
    pub fn open_from(source: Ipv4Addr, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
        socket.connect(&address.into()).expect("it listens");
        Self::over(socket.into())
    }

    pub fn over(socket: TcpStream) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, received: Vec::new() }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).expect("the hub reads");
    }

    /// More bytes from the socket; false at its end.
    fn receive(&mut self) -> bool {
        let mut piece = [0; 16384];
        match self.socket.read(&mut piece) {
            Ok(0) => false,
            Ok(length) => {
                self.received.extend_from_slice(&piece[..length]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            // A process that is stopped and goes on, as debuggers do it.
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => self.receive(),
            Err(error) => panic!("nothing came: {error}; so far: {:?}", self.text()),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }

    /// Reads up to and with this text.
    pub fn read_until(&mut self, end: &str) -> Vec<u8> {
        loop {
            let found = self.received.windows(end.len()).position(|w| w == end.as_bytes());
            if let Some(at) = found {
                return self.received.drain(..at + end.len()).collect();
            }
            assert!(self.receive(), "closed before {end:?}: {:?}", self.text());
        }
    }

    /// Reads so many bytes.
    pub fn read_exactly(&mut self, length: usize) -> Vec<u8> {
        while self.received.len() < length {
            assert!(self.receive(), "closed early: {:?}", self.text());
        }
        self.received.drain(..length).collect()
    }

    /// Reads until the hub closes.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while self.receive() {}
        std::mem::take(&mut self.received)
    }

    /// Reads the head of an answer: status and headers.
    pub fn read_head(&mut self) -> Response {
        let head = self.read_until("\r\n\r\n");
        let head = String::from_utf8(head).expect("a head is text");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap_or_default();
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let header = |line: &str| {
            let (name, value) = line.split_once(':').expect("a header has a colon");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        Response {
            status: status.expect("a status line"),
            headers: lines.map(header).collect(),
            body: Vec::new(),
        }
    }

    /// The next chunk of a chunked body; `None` is the last.
    pub fn read_chunk(&mut self) -> Option<Vec<u8>> {
        let size = String::from_utf8(self.read_until("\r\n")).unwrap();
        let size = usize::from_str_radix(size.trim_end(), 16).expect("a chunk size");
        let chunk = self.read_exactly(size);
        assert_eq!(self.read_exactly(2), b"\r\n");
        (size > 0).then_some(chunk)
    }

    /// Reads a whole answer to a request that was not `HEAD`.
    pub fn read_response(&mut self) -> Response {
        let mut response = self.read_head();
        self.read_body(&mut response);
        response
    }

    /// Reads what follows a head that was not the answer to a `HEAD`.
    pub fn read_body(&mut self, response: &mut Response) {
        let begun = Instant::now();
        if response.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.read_chunk() {
                response.body.extend(chunk);
                // Heartbeats would keep it waiting for the end of a stream for ever.
                assert!(begun.elapsed() < 3 * PATIENCE, "this has no end: {:?}", response.text());
            }
        } else if let Some(length) = response.header("content-length") {
            response.body = self.read_exactly(length.parse().expect("a length"));
        } else if !matches!(response.status, 100 | 204 | 304) {
            response.body = self.read_to_end();
        }
    }
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.text()))
    }
}

/// One request on a connection of its own.
pub fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    request_over(Connection::open(address), address, method, target, headers, body)
}

/// The same from another address of this machine, such as 127.0.0.2.
pub fn request_from(
    source: &str,
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let connection = Connection::open_from(source.parse().unwrap(), address);
    request_over(connection, address, method, target, headers, body)
}

fn request_over(
    mut connection: Connection,
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    head += "\r\n";
    connection.send([head.as_bytes(), body].concat());
    if method == "HEAD" { connection.read_head() } else { connection.read_response() }
}

pub fn get(address: SocketAddr, target: &str) -> Response {
    request(address, "GET", target, &[], b"")
}

pub fn post_json(address: SocketAddr, target: &str, json: &str) -> Response {
    request(address, "POST", target, &[("Content-Type", "application/json")], json.as_bytes())
}
