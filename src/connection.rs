//! One TCP connection, between the kernel and actix.
//!
//! Owns: the socket and its options. Promises: a stream learns at once that its client has left,
//! without a write; a client that only half-closes still gets its answer; what a client sends
//! into a stream is thrown away, up to a limit; a connection on which nothing moves is closed.
//! A stream may take the socket away from actix, once the kernel has everything that actix wrote.
//! Does not: know HTTP.

use std::{
    cell::{Cell, RefCell},
    fmt,
    future::{Future as _, poll_fn},
    io,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use actix_web::rt::{
    net::TcpStream,
    time::{Sleep, sleep},
};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a client may send into its stream before it is taken for broken. Browsers send nothing.
pub const MAX_DISCARDED: usize = 64 * 1024;

/// How long a client may pause that goes on sending what won't be read. Closing at once would
/// reset the connection under the answer.
pub const LINGER: Duration = Duration::from_secs(1);

/// What holds for every connection.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How soon a peer is gone that vanished or takes nothing.
    pub peer_timeout: Duration,
    /// `SO_SNDBUF`, in bytes.
    pub send_buffer: usize,
    /// How long nothing may move, while no stream is open.
    pub idle_timeout: Duration,
}

/// A connection as actix reads and writes it.
pub struct Connection {
    /// There until it is dropped.
    socket: Option<TcpStream>,
    state: Rc<State>,
    idle: Idle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let (Some(socket), Some(taker)) = (self.socket.take(), self.state.taker.0.take()) {
            taker(socket);
        }
    }
}

/// What the connection and its stream tell each other.
#[derive(Debug, Default)]
struct State {
    streaming: Cell<bool>,
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
    /// Says that the connection now carries a stream.
    pub fn begin_stream(&self) -> OpenStream {
        self.0.streaming.set(true);
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
        self.0.streaming.set(false);
    }
}

impl Connection {
    /// Takes over an accepted socket.
    pub fn new(socket: TcpStream, options: Options) -> Self {
        if let Err(error) = set_options(&socket, options) {
            // A client that has left already; its connection ends by itself.
            log::debug!("socket options: {error}");
        }
        Self { socket: Some(socket), state: Rc::default(), idle: Idle::new(options.idle_timeout) }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.socket.as_ref()?.peer_addr().ok()
    }

    fn socket(&mut self) -> io::Result<Pin<&mut TcpStream>> {
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
        if this.state.streaming.get() {
            return this.poll_discard(cx);
        }
        match this.socket()?.poll_read(cx, buffer) {
            Poll::Pending if this.idle.poll_over(cx) => {
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(result) => {
                this.idle.moved();
                Poll::Ready(result)
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.idle.moved();
        self.state.flushed.set(false);
        self.socket()?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The answer is out.
        if self.state.given_up.take() {
            self.idle.shorten(LINGER, cx);
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

/// Watches for a connection on which nothing moves. actix has time-outs for the first head and
/// between requests, none for a second head that stops half-way, or for a body that it is still
/// skipping when the answer is out.
struct Idle {
    limit: Duration,
    moved: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl Idle {
    fn new(limit: Duration) -> Self {
        Self { limit, moved: Instant::now(), alarm: Box::pin(sleep(limit)) }
    }

    fn moved(&mut self) {
        self.moved = Instant::now();
    }

    fn shorten(&mut self, limit: Duration, cx: &mut Context<'_>) {
        self.limit = limit;
        self.moved = Instant::now();
        self.alarm.as_mut().reset((self.moved + limit).into());
        // For the wake-up: it is not over yet.
        let _ = self.alarm.as_mut().poll(cx);
    }

    fn poll_over(&mut self, cx: &mut Context<'_>) -> bool {
        while self.alarm.as_mut().poll(cx).is_ready() {
            let over = self.moved + self.limit;
            if over <= Instant::now() {
                return true;
            }
            self.alarm.as_mut().reset(over.into());
        }
        false
    }
}

/// Lets the kernel find out about clients that have vanished, and bounds what it holds for those
/// that don't read (without a bound: 3.9 MiB, for hours).
///
/// A client may vanish while nothing is sent to it; keep-alive probes notice that after
/// `TCP_USER_TIMEOUT`. But data sent just before starts that time anew: hence the half.
fn set_options(socket: &TcpStream, options: Options) -> io::Result<()> {
    let half = options.peer_timeout / 2;
    // Whole seconds is what the kernel counts these in.
    let probe = Duration::from_secs((half.as_secs() / 3).max(1));
    let socket = SockRef::from(socket);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(half))?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(probe).with_interval(probe))?;
    socket.set_send_buffer_size(options.send_buffer)
}
