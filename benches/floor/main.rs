//! The floor that servers are compared to: the least that delivering an event can cost.
//!
//! Two threads, each with half of the streams. What is posted goes to the streams of its topic by
//! one bare `write` each, in a plain loop; the publisher is answered when both threads are done.
//! It knows just enough HTTP for `fanfare bench`, and waits for clients that don't read: it is no
//! server that anyone could use.
//!
//! `cargo run --release --example floor [PORT]`

use std::{
    collections::HashMap,
    env,
    io::{self, ErrorKind, Read as _, Write as _},
    net::SocketAddr,
    rc::{Rc, Weak},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use mio::{
    Events, Interest, Poll, Token, Waker,
    net::{TcpListener, TcpStream},
};

const THREADS: usize = 2;
const LISTENER: Token = Token(usize::MAX);
const WAKE: Token = Token(usize::MAX - 1);

const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// What the threads tell each other.
enum Message {
    /// This client is yours.
    Take(TcpStream),
    /// Write this to your streams of this topic, and tell me.
    Write { topic: Arc<str>, event: Arc<[u8]>, publisher: usize },
    /// I have; you can answer this publisher.
    Done { publisher: usize },
}

struct Peer {
    messages: Sender<Message>,
    waker: Waker,
}

impl Peer {
    fn tell(&self, message: Message) -> io::Result<()> {
        self.messages.send(message).map_err(|_| ErrorKind::BrokenPipe)?;
        self.waker.wake()
    }
}

struct Client {
    socket: Rc<TcpStream>,
    received: Vec<u8>,
}

struct Floor {
    poll: Poll,
    messages: Receiver<Message>,
    /// All threads, and which of them this is.
    peers: Arc<[Peer]>,
    own: usize,
    /// In the first thread.
    listener: Option<TcpListener>,
    accepted: usize,
    clients: HashMap<usize, Client>,
    next_client: usize,
    streams: HashMap<Arc<str>, Vec<Weak<TcpStream>>>,
}

fn main() -> io::Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let port = env::args().nth(1).map_or(Ok(3000), |port| port.parse());
    let port = port.map_err(|_| io::Error::other("usage: floor [PORT]"))?;
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    println!("floor: http://{}", listener.local_addr()?);

    let (mut parts, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..THREADS {
        let poll = Poll::new()?;
        let (sender, messages) = channel();
        peers.push(Peer { messages: sender, waker: Waker::new(poll.registry(), WAKE)? });
        parts.push((poll, messages));
    }
    let peers: Arc<[Peer]> = peers.into();
    let mut listener = Some(listener);
    let threads: Vec<_> = (0..)
        .zip(parts)
        .map(|(own, (poll, messages))| {
            let (peers, listener) = (Arc::clone(&peers), listener.take());
            thread::spawn(move || {
                let (clients, streams) = (HashMap::new(), HashMap::new());
                let (accepted, next_client) = (0, 0);
                Floor {
                    poll,
                    messages,
                    peers,
                    own,
                    listener,
                    accepted,
                    clients,
                    next_client,
                    streams,
                }
                .run()
            })
        })
        .collect();
    // A thread ends only by an error, and the other is of no use then.
    threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
}

impl Floor {
    fn run(mut self) -> io::Result<()> {
        if let Some(listener) = &mut self.listener {
            self.poll.registry().register(listener, LISTENER, Interest::READABLE)?;
        }
        let mut events = Events::with_capacity(1024);
        loop {
            self.poll.poll(&mut events, None)?;
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    WAKE => self.obey()?,
                    Token(client) => self.read(client)?,
                }
            }
        }
    }

    /// Shares new clients out evenly.
    fn accept(&mut self) -> io::Result<()> {
        while let Some(listener) = &self.listener {
            match listener.accept() {
                Ok((socket, _)) => {
                    self.accepted += 1;
                    self.peers[self.accepted % THREADS].tell(Message::Take(socket))?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn obey(&mut self) -> io::Result<()> {
        while let Ok(message) = self.messages.try_recv() {
            match message {
                Message::Take(mut socket) => {
                    let client = self.next_client;
                    self.next_client += 1;
                    let registry = self.poll.registry();
                    registry.register(&mut socket, Token(client), Interest::READABLE)?;
                    socket.set_nodelay(true)?;
                    // Reads only follow events; writes wait for clients.
                    socket2::SockRef::from(&socket).set_nonblocking(false)?;
                    let client_of = Client { socket: Rc::new(socket), received: Vec::new() };
                    self.clients.insert(client, client_of);
                }
                Message::Write { topic, event, publisher } => {
                    self.write(&topic, &event);
                    self.peers[1 - self.own].tell(Message::Done { publisher })?;
                }
                Message::Done { publisher } => {
                    if let Some(client) = self.clients.get(&publisher) {
                        // One that has left is seen by the poll.
                        let _ = (&*client.socket).write(ANSWER);
                    }
                }
            }
        }
        Ok(())
    }

    /// The whole of delivery.
    fn write(&mut self, topic: &str, event: &[u8]) {
        if let Some(streams) = self.streams.get_mut(topic) {
            streams.retain(|stream| {
                stream.upgrade().is_some_and(|stream| (&*stream).write(event).is_ok())
            });
        }
    }

    fn read(&mut self, number: usize) -> io::Result<()> {
        let Some(client) = self.clients.get_mut(&number) else { return Ok(()) };
        let mut buffer = [0; 16 * 1024];
        match (&*client.socket).read(&mut buffer) {
            Ok(0) | Err(_) => {
                self.clients.remove(&number);
                return Ok(());
            }
            Ok(length) => client.received.extend_from_slice(&buffer[..length]),
        }
        let Some((is_publisher, topic, body)) = request(&client.received) else { return Ok(()) };
        if is_publisher {
            let event: Arc<[u8]> = [b"data: ", body, b"\n\n"].concat().into();
            client.received.clear();
            let (to, publisher) = (Arc::clone(&event), number);
            self.peers[1 - self.own].tell(Message::Write {
                topic: topic.clone(),
                event: to,
                publisher,
            })?;
            self.write(&topic, &event);
        } else {
            let _ = (&*client.socket).write(STREAM);
            client.received = Vec::new();
            self.streams.entry(topic).or_default().push(Rc::downgrade(&client.socket));
        }
        Ok(())
    }
}

/// Whether a request publishes, the query of its target, and its body: once it is there.
fn request(bytes: &[u8]) -> Option<(bool, Arc<str>, &[u8])> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(bytes).ok()? else { return None };
    let topic = request.path?.split_once('?').map_or("", |(_, query)| query);
    let length = request.headers.iter().find(|header| header.name == "Content-Length");
    let length =
        length.map_or(Some(0), |header| str::from_utf8(header.value).ok()?.parse().ok())?;
    let body = bytes.get(head..head + length)?;
    Some((request.method? == "POST", topic.into(), body))
}
