use std::{
    io::{BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::support::dawdle;

/// A hub that does to each event what a test tells it to.
pub struct Fake<F> {
    streams: Vec<TcpStream>,
    events: usize,
    /// How long after its answer an event is delivered.
    late: Duration,
    /// What delivers the last one.
    delivery: Option<thread::JoinHandle<()>>,
    /// Takes the number of an event and its data; returns what is sent to all streams, or `None`
    /// to close them.
    deliver: F,
}

impl<F: FnMut(usize, &str) -> Option<String> + Send + 'static> Fake<F> {
    pub fn start(deliver: F) -> SocketAddr {
        Self::start_late(Duration::ZERO, deliver)
    }

    pub fn start_late(late: Duration, deliver: F) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let fake = Arc::new(Mutex::new(Self {
            streams: Vec::new(),
            events: 0,
            late,
            delivery: None,
            deliver,
        }));
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let fake = Arc::clone(&fake);
                thread::spawn(move || Self::serve(&fake, &socket));
            }
        });
        address
    }

    fn serve(fake: &Mutex<Self>, socket: &TcpStream) {
        socket.set_nodelay(true).unwrap();
        let mut reader = BufReader::new(socket);
        while let Some((target, body)) = read_request(&mut reader) {
            let mut fake = fake.lock().unwrap();
            let mut answer = socket;
            if target == "GET /sub/bench0" {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
                answer.write_all(head.as_bytes()).unwrap();
                fake.streams.push(socket.try_clone().unwrap());
            } else {
                assert_eq!(target, "POST /pub/bench0");
                fake.publish(&body);
                answer.write_all(fake.answer().as_bytes()).unwrap();
            }
        }
    }

    /// Every second answer fills the buffer that it is read into to its last byte.
    fn answer(&self) -> String {
        let [head, body] = [
            "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\nX-Padding: ",
            "\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        ];
        let padding =
            if self.events.is_multiple_of(2) { 0 } else { 16 * 1024 - head.len() - body.len() };
        format!("{head}{}{body}", "x".repeat(padding))
    }

    fn publish(&mut self, data: &str) {
        let text = (self.deliver)(self.events, data);
        self.events += 1;
        let Some(text) = text else {
            self.streams
                .drain(..)
                .for_each(|stream| stream.shutdown(std::net::Shutdown::Both).unwrap());
            return;
        };
        if self.late.is_zero() {
            write(&text, &mut self.streams);
        } else {
            let (late, mut streams) = (self.late, Vec::new());
            streams.extend(self.streams.iter().map(|stream| stream.try_clone().unwrap()));
            let previous = self.delivery.take();
            let due = Instant::now() + late;
            self.delivery = Some(thread::spawn(move || {
                dawdle(due.saturating_duration_since(Instant::now()));
                // In their order, whichever thread wakes up first.
                if let Some(previous) = previous {
                    previous.join().unwrap();
                }
                write(&text, &mut streams);
            }));
        }
    }
}

/// In small pieces, so that most marks arrive in several.
fn write(text: &str, streams: &mut [TcpStream]) {
    for piece in text.as_bytes().chunks(11) {
        for stream in &mut *streams {
            // One that has left is no matter here.
            let _ = stream.write_all(piece);
        }
    }
}

/// A request's method and path, and its body; `None` at the end of the connection.
fn read_request(reader: &mut impl std::io::BufRead) -> Option<(String, String)> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    assert!(head.iter().any(|line| line == "X-Test: yes"), "{head:?}");
    let length = head.iter().find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let target = head[0].strip_suffix(" HTTP/1.1").unwrap().to_owned();
    Some((target, String::from_utf8(body).unwrap()))
}

/// How it is spoken to.
pub const MANNER: [&str; 10] = [
    "--subscribe-path",
    "/sub/{topic}",
    "--publish-path",
    "/pub/{topic}",
    "--header",
    "X-Test: yes",
    "--subscribers",
    "3",
    "--warm-up",
    "0",
];
