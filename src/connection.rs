//! One connection, between the kernel and actix: of TCP, or of a Unix socket.
//!
//! Owns: the socket and its options. Promises: a stream learns at once that its client has left,
//! without a write; a client that only half-closes still gets its answer; what a client sends
//! into a stream is thrown away, up to a limit; a stream that is cut is gone at once; a connection
//! on which nothing moves, or a request comes too slowly, is closed; connections without a stream
//! don't keep others out.
//! A stream may take the socket away from actix, once the kernel has everything that actix wrote.
//! Does not: know HTTP.

use std::{
    cell::{Cell, RefCell},
    fmt,
    future::poll_fn,
    io,
    net::{SocketAddr, TcpListener},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use actix_web::rt::net::TcpStream;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

mod clock;
mod lifeline;
mod lobby;
mod transport;

pub use clock::LINGER;
pub use lifeline::{Lifeline, discard_on_close};
pub use lobby::{Guest, Lobby};
pub use transport::Transport;

use clock::Clock;

/// What a client may send into its stream before it is taken for broken. Browsers send nothing.
pub const MAX_DISCARDED: usize = 64 * 1024;

/// What holds for every connection.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How soon a peer is gone that vanished or takes nothing.
    pub peer_timeout: Duration,
    /// `SO_SNDBUF`, in bytes.
    pub send_buffer: usize,
    /// Whether to probe a peer that is sent nothing. Not needed where heartbeats are frequent.
    pub probe: bool,
    /// How long nothing may move, while no stream is open.
    pub idle_timeout: Duration,
    /// How long the head of a request may take.
    pub header_timeout: Duration,
}

/// A connection as actix reads and writes it.
pub struct Connection {
    /// There until it is dropped.
    socket: Option<Transport>,
    state: Rc<State>,
    clock: Clock,
}

impl Drop for Connection {
    fn drop(&mut self) {
        let (socket, taker) = (self.socket.take(), self.state.taker.0.take());
        if let (Some(Transport::Tcp(socket)), Some(taker)) = (socket, taker) {
            taker(socket);
        }
    }
}

/// What the connection and its stream tell each other.
#[derive(Debug, Default)]
struct State {
    /// The stream that it carries, if it does.
    stream: RefCell<Option<Arc<Lifeline>>>,
    /// Its place among those that carry no stream.
    guest: Guest,
    /// Whether the socket can be taken.
    is_plain_tcp: bool,
    /// A request has come.
    asked: Cell<bool>,
    /// A request is being served.
    serving: Cell<bool>,
    /// The head of its answer is ready.
    answered: Cell<bool>,
    /// When the next request has to be whole, once something of it has come.
    due: Cell<Option<Instant>>,
    /// The rest of a request won't be read.
    given_up: Cell<bool>,
    gone: Cell<bool>,
    discarded: Cell<usize>,
    /// The kernel has everything that was written.
    flushed: Cell<bool>,
    /// The stream, while it waits for one of these.
    waiting: RefCell<Option<Waker>>,
    /// Who gets the socket when actix lets go of it.
    taker: Taker,
}

type Take = Box<dyn FnOnce(TcpStream)>;

#[derive(Default)]
struct Taker(RefCell<Option<Take>>);

impl fmt::Debug for Taker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Taker")
    }
}

impl State {
    fn wake_stream(&self) {
        if let Some(stream) = self.waiting.take() {
            stream.wake();
        }
    }
}

/// What a request knows of its connection.
#[derive(Debug, Clone)]
pub struct Watch(Rc<State>);

/// Held while the connection carries a stream: nothing is read from it meanwhile.
#[derive(Debug)]
pub struct OpenStream(Rc<State>);

impl Watch {
    /// Says that the head of a request has been read.
    pub fn begin_request(&self) {
        self.0.asked.set(true);
        self.0.serving.set(true);
        self.0.answered.set(false);
        self.0.due.set(None);
    }

    /// Says that the request has its answer: what comes when that is out belongs to the next.
    pub fn end_request(&self) {
        self.0.answered.set(true);
    }

    /// Whether a request has ever come.
    pub fn was_asked(&self) -> bool {
        self.0.asked.get()
    }

    /// Says that the connection now carries a stream.
    pub fn begin_stream(&self, lifeline: Arc<Lifeline>) -> OpenStream {
        self.0.guest.leave();
        *self.0.stream.borrow_mut() = Some(lifeline);
        OpenStream(Rc::clone(&self.0))
    }

    /// Says that the rest of the request's body won't be read, and that the connection is not
    /// worth keeping: it closes as soon as the client has stopped sending.
    pub fn give_up(&self) {
        self.0.given_up.set(true);
    }
}

impl OpenStream {
    /// Waits until the client has left.
    pub async fn client_gone(&self) {
        self.wait_for(&self.0.gone).await;
    }

    /// Says that the stream has more to send.
    pub fn sending(&self) {
        self.0.flushed.set(false);
    }

    /// Waits until the kernel has all that was sent so far. actix flushes its connection only
    /// when all its buffered bytes are written, those of earlier answers included.
    pub async fn all_sent(&self) {
        self.wait_for(&self.0.flushed).await;
    }

    /// Whether the socket can be taken: it is of TCP, and what is written to it needs no more.
    pub fn can_be_taken(&self) -> bool {
        self.0.is_plain_tcp
    }

    /// Takes the socket: `taker` gets it as soon as actix drops the connection, which it does
    /// when the stream fails.
    pub fn take_socket(&self, taker: impl FnOnce(TcpStream) + 'static) {
        *self.0.taker.0.borrow_mut() = Some(Box::new(taker));
    }

    async fn wait_for(&self, mark: &Cell<bool>) {
        poll_fn(|cx| {
            if mark.get() {
                return Poll::Ready(());
            }
            *self.0.waiting.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        if let Some(lifeline) = self.0.stream.take() {
            lifeline.let_go();
        }
        self.0.guest.enter();
    }
}

impl Connection {
    /// Takes over a socket that was accepted by a listener with these options.
    pub fn new(socket: Transport, options: Options, guest: Guest) -> Self {
        let clock = Clock::new(options.idle_timeout, options.header_timeout);
        // Without a bound it is a slow client that costs more.
        let _ = socket.bound(options.send_buffer);
        let is_plain_tcp = matches!(socket, Transport::Tcp(_));
        let state = Rc::new(State { guest, is_plain_tcp, ..State::default() });
        Self { socket: Some(socket), state, clock }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.socket.as_ref()?.peer()
    }

    fn socket(&mut self) -> io::Result<Pin<&mut Transport>> {
        self.socket.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// For the requests that come on it.
    pub fn watch(&self) -> Watch {
        Watch(Rc::clone(&self.state))
    }

    /// Reads what nobody wants, to see the end when it comes.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = [0; 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            let read = self.socket()?.poll_read(cx, &mut buffer);
            let length = buffer.filled().len();
            let discarded = self.state.discarded.get() + length;
            self.state.discarded.set(discarded);
            match read {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if length > 0 && discarded <= MAX_DISCARDED => {}
                Poll::Ready(result) => {
                    self.leave();
                    return Poll::Ready(result);
                }
            }
        }
    }

    fn leave(&self) {
        self.state.gone.set(true);
        self.state.wake_stream();
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let stream = this.state.stream.borrow().clone();
        if let Some(lifeline) = stream {
            return if lifeline.poll_cut(cx) {
                this.socket()?.discard_on_close();
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            } else {
                this.poll_discard(cx)
            };
        }
        let read = this.socket()?.poll_read(cx, buffer);
        if read.is_ready() {
            let due = this.clock.read();
            this.state.guest.enter();
            if !this.state.serving.get() && this.state.due.get().is_none() {
                this.state.due.set(Some(due));
            }
            // Also what trickles in has to be there in time.
        }
        if this.clock.poll_over(this.state.due.get(), cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if read.is_pending() && this.state.guest.is_shown_out(cx) {
            return Poll::Ready(Ok(()));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.clock.moved();
        self.state.flushed.set(false);
        let written = self.socket()?.poll_write(cx, bytes);
        if let (Poll::Ready(Ok(_)), Some(lifeline)) = (&written, &*self.state.stream.borrow()) {
            lifeline.progress();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The answer is out.
        if self.state.given_up.take() {
            self.clock.linger(cx);
        }
        if self.state.answered.take() {
            self.state.serving.set(false);
        }
        let flushed = self.socket()?.poll_flush(cx);
        // Only when that is news: the stream, polled again, makes actix flush again.
        if flushed.is_ready() && !self.state.flushed.replace(true) {
            self.state.wake_stream();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(cx)
    }
}

/// Lets the kernel find out about clients that have vanished, and bounds what it holds for those
/// that don't read (without a bound: 3.9 MiB, for hours). Sockets have the options of the listener
/// that accepted them: that saves three calls for each.
///
/// A client may vanish right after something was sent to it, and what is sent next, a heartbeat or
/// a probe, starts the time of the kernel: hence less than half.
pub fn set_options(listener: &TcpListener, options: Options) -> io::Result<()> {
    let half = options.peer_timeout / 2;
    let socket = SockRef::from(listener);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(half.mul_f64(0.95)))?;
    if options.probe {
        // Whole seconds is what the kernel counts these in.
        let probe = Duration::from_secs((half.as_secs() / 3).max(1));
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(probe).with_interval(probe))?;
    }
    socket.set_send_buffer_size(options.send_buffer)
}
