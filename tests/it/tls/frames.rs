//! Frames of HTTP/2 as the test says, one by one: a client that does what no library would.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::support::{Hub, PATIENCE, dawdle};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;

/// A connection without TLS. It answers nothing by itself: neither settings nor pings.
pub struct Client {
    pub socket: TcpStream,
}

#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// Of `RST_STREAM` and `WINDOW_UPDATE`.
    pub fn number(&self) -> u32 {
        u32::from_be_bytes(self.payload[..4].try_into().unwrap())
    }
}

impl Client {
    /// Connects, with this window for each of its streams.
    pub fn open(hub: Hub, window: u32) -> Self {
        let socket = TcpStream::connect(hub.0).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut this = Self { socket };
        let settings = [&[0, 4][..], &window.to_be_bytes()].concat();
        // One that keeps the hub busy may be closed already.
        let _ = this.socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        this.send(4, 0, 0, &settings);
        this
    }

    /// Whether it could be sent.
    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let stream = stream.to_be_bytes();
        let frame = [&length[1..], &[kind, flags], &stream, payload].concat();
        self.socket.write_all(&frame).is_ok()
    }

    /// A request, to its end or up to its body.
    pub fn ask(
        &mut self,
        stream: u32,
        request: &str,
        headers: &[(&str, &str)],
        ends: bool,
    ) -> bool {
        let (method, path) = request.split_once(' ').unwrap();
        let pseudo =
            [(":method", method), (":scheme", "http"), (":authority", "hub"), (":path", path)];
        let mut block = Vec::new();
        for (name, value) in pseudo.iter().chain(headers) {
            block.push(0);
            for text in [name, value] {
                write_length(&mut block, text.len());
                block.extend(text.bytes());
            }
        }
        self.send(HEADERS, 4 | u8::from(ends), stream, &block)
    }

    /// The next frame; none at the end.
    pub fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        if let Err(error) = self.socket.read_exact(&mut head) {
            let is_end =
                matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset);
            assert!(is_end, "nothing came: {error}");
            return None;
        }
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.socket.read_exact(&mut payload).ok()?;
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
        Some(Frame { kind: head[3], stream, payload })
    }

    /// Reads up to a frame of this kind.
    pub fn until(&mut self, kind: u8) -> Frame {
        let begun = Instant::now();
        loop {
            let frame = self.frame().expect("it is open");
            // Heartbeats would keep it waiting for ever.
            assert!(begun.elapsed() < PATIENCE, "no frame of kind {kind}");
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// Opens the window of a stream by a byte, again and again, until the connection is closed.
    pub fn trickle(&self, stream: u32) {
        let mut this = Self { socket: self.socket.try_clone().unwrap() };
        std::thread::spawn(move || {
            while this.send(WINDOW_UPDATE, 0, stream, &1_u32.to_be_bytes()) {
                dawdle(Duration::from_millis(200));
            }
        });
    }
}

/// As HPACK has it (RFC 7541, 5.1), with 7 bits at first.
fn write_length(block: &mut Vec<u8>, length: usize) {
    let mut push = |byte: usize| block.push(u8::try_from(byte).unwrap());
    let Some(mut rest) = length.checked_sub(127) else {
        return push(length);
    };
    push(127);
    while rest >= 128 {
        push(rest % 128 + 128);
        rest /= 128;
    }
    push(rest);
}
