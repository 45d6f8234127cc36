//! HTTP/2: one connection that carries many requests, and streams among them.
//!
//! Owns: the connection, from its preface to its end. Promises: a stream ends as soon as its client
//! resets it, or is cut, and in time where its client reads nothing; what is not read of one stream
//! holds up no other, and of each a bounded part waits here; a body that nobody reads takes no room
//! from other requests; a connection on which nothing is asked and nothing streams is closed, and
//! so is one that was told to go and has no stream, whatever its client does. Does not: use actix's
//! own: that notices neither a reset nor a cut while a stream is silent or stuck, and has no limit
//! of streams.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io,
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use actix_http::{Payload, Request, error::PayloadError};
use actix_server::GracefulShutdownSignal;
use actix_service::Service;
use actix_web::{
    Error, HttpMessage as _, HttpResponse,
    body::MessageBody,
    dev::ServiceResponse,
    http::{Method, header},
    rt,
    web::Bytes,
};
use futures_util::stream;
use h2::{Reason, RecvStream, server};
use http::request;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout},
};

use super::h2_answer::{self, Bounds, head_of};
use crate::{
    connection::{Guest, LINGER, Lifeline, Transport},
    hub::{Hub, Overdue},
};

/// The most requests of one connection at a time: pages open a stream for each of their parts, and
/// browsers make all of them share one connection.
const MAX_STREAMS: u32 = 1024;
/// What waits of a stream in memory until the kernel takes it.
const SEND_BUFFER: usize = 16 * 1024;
/// The largest head of a request, as HTTP/2 counts it.
const MAX_HEAD: u32 = 16 * 1024;

/// What a connection holds to.
#[derive(Clone)]
pub struct Rules {
    /// How long the first frames may take.
    pub header_timeout: Duration,
    /// How long it may go on without a request.
    pub keep_alive: Duration,
    /// How long the client may take nothing of an answer.
    pub peer_timeout: Duration,
    /// Told when connections have to end.
    pub stopping: GracefulShutdownSignal,
    /// While it drains, an answer is the last where no stream is open: what comes then has to find
    /// another connection, and perhaps another process. Where one is, some clients (Node's) would
    /// give it up.
    pub hub: Hub,
}

/// What the requests of a connection share.
pub struct Traffic {
    guest: Guest,
    /// How long the client may take nothing of an answer.
    patience: Duration,
    /// Requests that are not answered whole; streams among them.
    requests: Cell<usize>,
    streams: Cell<usize>,
    /// When the last of them ended.
    quiet_since: Cell<Instant>,
    /// When the last stream ended.
    streamless_since: Cell<Instant>,
    changed: Notify,
}

/// One request and its answer. Among the request's extensions, for who opens a stream.
#[derive(Clone)]
pub struct Exchange(Rc<ExchangeState>);

struct ExchangeState {
    traffic: Rc<Traffic>,
    lifeline: RefCell<Option<Arc<Lifeline>>>,
    overdue: RefCell<Option<Overdue>>,
}

impl Exchange {
    fn begin(traffic: &Rc<Traffic>) -> Self {
        traffic.requests.set(traffic.requests.get() + 1);
        if traffic.streams.get() == 0 {
            traffic.guest.enter();
        }
        let traffic = Rc::clone(traffic);
        let (lifeline, overdue) = Default::default();
        Self(Rc::new(ExchangeState { traffic, lifeline, overdue }))
    }

    /// Says that the answer is a stream, and what its writer has to watch.
    pub fn begin_stream(&self, lifeline: Arc<Lifeline>, overdue: Overdue) {
        self.0.overdue.replace(Some(overdue));
        let traffic = &self.0.traffic;
        if self.0.lifeline.replace(Some(lifeline)).is_none() {
            traffic.streams.set(traffic.streams.get() + 1);
            traffic.guest.leave();
        }
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            patience: self.0.traffic.patience,
            lifeline: self.0.lifeline.borrow().clone(),
            overdue: self.0.overdue.take(),
        }
    }
}

impl Drop for ExchangeState {
    fn drop(&mut self) {
        let traffic = &self.traffic;
        traffic.requests.set(traffic.requests.get() - 1);
        if let Some(lifeline) = self.lifeline.take() {
            lifeline.let_go();
            traffic.streams.set(traffic.streams.get() - 1);
            if traffic.streams.get() == 0 {
                traffic.streamless_since.set(Instant::now());
                traffic.guest.enter();
            }
        }
        traffic.quiet_since.set(Instant::now());
        traffic.changed.notify_one();
    }
}

/// Serves a connection until it ends.
pub async fn serve<App, Body>(
    transport: Transport,
    app: Rc<App>,
    guest: Guest,
    rules: Rules,
) -> io::Result<()>
where
    App: Service<Request, Response = ServiceResponse<Body>, Error = Error> + 'static,
    Body: MessageBody + 'static,
{
    let peer = transport.peer();
    let mut builder = server::Builder::new();
    builder
        .max_concurrent_streams(MAX_STREAMS)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(MAX_HEAD);
    let handshake = tokio::select! {
        done = timeout(rules.header_timeout, builder.handshake::<_, Bytes>(transport)) => done,
        () = shown_out(&guest) => return Err(io::ErrorKind::ConnectionAborted.into()),
    };
    let mut connection =
        handshake.map_err(|_| io::ErrorKind::TimedOut)?.map_err(io::Error::other)?;
    let traffic = Rc::new(Traffic {
        guest,
        patience: rules.peer_timeout,
        requests: Cell::default(),
        streams: Cell::default(),
        quiet_since: Cell::new(Instant::now()),
        streamless_since: Cell::new(Instant::now()),
        changed: Notify::new(),
    });
    let mut ending: Option<Ending> = None;
    loop {
        let over = traffic.over(ending.as_ref(), &rules);
        let is_over =
            || traffic.over(ending.as_ref(), &rules).is_some_and(|at| at <= Instant::now());
        let told = tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((_, mut respond))) if ending.as_ref().is_some_and(Ending::binds) => {
                    respond.send_reset(Reason::REFUSED_STREAM);
                    false
                }
                Some(Ok((request, respond))) => {
                    let (parts, body) = request.into_parts();
                    let is_head = parts.method == Method::HEAD;
                    let exchange = Exchange::begin(&traffic);
                    let request = request_of(parts, body, peer, &exchange);
                    let answer = answer(app.call(request), respond, exchange, is_head);
                    drop(rt::spawn(answer));
                    false
                }
                Some(Err(error)) => return Err(io::Error::other(error)),
                None => return Ok(()),
            },
            () = traffic.changed.notified() => {
                traffic.streams.get() == 0 && rules.hub.is_draining()
            }
            // Something may have begun meanwhile.
            () = sleep_until(over.unwrap_or_else(Instant::now)), if over.is_some() => {
                if ending.is_some() && is_over() {
                    return Ok(());
                }
                is_over()
            }
            () = rules.stopping.notified(), if ending.is_none() => true,
            () = shown_out(&traffic.guest), if !ending.as_ref().is_some_and(|it| it.is_urgent) => {
                ending.get_or_insert_with(|| {
                    connection.graceful_shutdown();
                    Ending::begin()
                }).is_urgent = true;
                false
            }
        };
        if told && ending.is_none() {
            ending = Some(Ending::begin());
            connection.graceful_shutdown();
        }
    }
}

/// A connection has been told to go.
struct Ending {
    since: Instant,
    /// Others wait for its place.
    is_urgent: bool,
}

impl Ending {
    fn begin() -> Self {
        Self { since: Instant::now(), is_urgent: false }
    }

    /// Whether what comes now can't have crossed it.
    fn binds(&self) -> bool {
        self.since.elapsed() >= LINGER
    }
}

impl Traffic {
    /// When the connection is over, should nothing happen until then.
    fn over(&self, ending: Option<&Ending>, rules: &Rules) -> Option<Instant> {
        let is_quiet = self.requests.get() == 0;
        let Some(ending) = ending else {
            return is_quiet.then(|| self.quiet_since.get() + rules.keep_alive);
        };
        if self.streams.get() > 0 {
            return None;
        }
        // What has not been answered or read then won't be.
        let since = ending.since.max(self.streamless_since.get());
        let last = since + if ending.is_urgent { LINGER } else { rules.header_timeout };
        let lingered = since.max(self.quiet_since.get()) + LINGER;
        Some(if is_quiet { last.min(lingered) } else { last })
    }
}

async fn shown_out(guest: &Guest) {
    poll_fn(|cx| if guest.is_shown_out(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// The request as actix has them.
fn request_of(
    parts: request::Parts,
    body: RecvStream,
    peer: Option<SocketAddr>,
    exchange: &Exchange,
) -> Request {
    let mut request = Request::new();
    if !body.is_end_stream() {
        *request.payload() =
            Payload::Stream { payload: Box::pin(stream::unfold(Unread(body), next_piece)) };
    }
    let authority = parts.uri.authority().and_then(|it| it.as_str().parse().ok());
    let head = request.head_mut();
    head.uri = parts.uri;
    head.method = parts.method;
    head.version = parts.version;
    head.headers = parts.headers.into();
    head.peer_addr = peer;
    // It stands for the header (RFC 9113, 8.3.1), which all who ask for the host look at.
    if let Some(authority) = authority {
        head.headers.insert(header::HOST, authority);
    }
    request.extensions_mut().insert(exchange.clone());
    request
}

/// A body, or what is left of one. Whoever drops that gives its room in the connection's window
/// back: HTTP/2 would do so only with the end of the answer, and all requests share that window.
struct Unread(RecvStream);

impl Drop for Unread {
    fn drop(&mut self) {
        let window = self.0.flow_control();
        // It is as much as is taken.
        let _ = window.release_capacity(window.used_capacity());
    }
}

async fn next_piece(mut body: Unread) -> Option<(Result<Bytes, PayloadError>, Unread)> {
    let piece = body.0.data().await?;
    let piece = piece.and_then(|piece| {
        body.0.flow_control().release_capacity(piece.len())?;
        Ok(piece)
    });
    Some((piece.map_err(|error| PayloadError::Io(io::Error::other(error))), body))
}

/// Answers one request. `exchange` goes when that is done, however it ends.
async fn answer<Body: MessageBody>(
    response: impl Future<Output = Result<ServiceResponse<Body>, Error>>,
    respond: server::SendResponse<Bytes>,
    exchange: Exchange,
    is_head: bool,
) {
    let sent = match response.await {
        Ok(response) => {
            let (request, response) = response.into_parts();
            // The answer may last for hours, and the head has some KiB.
            drop(request);
            send(response, respond, &exchange, is_head).await
        }
        Err(error) => send(HttpResponse::from_error(error), respond, &exchange, is_head).await,
    };
    if let Err(error) = sent {
        log::debug!("an answer over HTTP/2 was not taken: {error}");
    }
}

async fn send<Body: MessageBody>(
    response: HttpResponse<Body>,
    mut respond: server::SendResponse<Bytes>,
    exchange: &Exchange,
    is_head: bool,
) -> Result<(), h2::Error> {
    let head = head_of(&response);
    let body = response.into_body();
    let is_whole = is_head || body.size().is_eof();
    let stream = respond.send_response(head, is_whole)?;
    if is_whole { Ok(()) } else { h2_answer::send_body(body, stream, exchange.bounds()).await }
}
