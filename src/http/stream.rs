//! A stream as the answer to a request: of the hub's own endpoint, and of Mercure.
//!
//! Owns: what happens between a subscription and its connection. Promises: the stream ends as soon
//! as the client has left; once it is live, its Broadcaster gets the socket, where that is allowed.
//! Does not: know what was asked for, or whether that is granted.

use std::time::Duration;

use actix::Addr;
use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{ConnectionType, Version, header},
    web::Bytes,
};
use futures_util::{Stream, stream};

use super::{error::ApiError, h2::Exchange, mercure::Present};
use crate::{
    auth::Grant,
    connection::{OpenStream, Watch},
    hub::{Broadcaster, Hub, Next, Notices, Resume, Seat, Subscription, Terms},
    sse::Frame,
    topic::Selector,
};

/// When a browser comes back that a full hub has turned away, in milliseconds.
const COME_BACK: std::ops::Range<u64> = 30_000..60_000;

/// Whether Broadcasters write to sockets themselves.
#[derive(Debug, Clone, Copy)]
pub struct DirectWrite(pub bool);

/// What a worker makes streams with.
pub struct Streams {
    hub: Hub,
    broadcaster: Addr<Broadcaster>,
    direct_write: DirectWrite,
}

impl Streams {
    pub fn new(hub: Hub, broadcaster: Addr<Broadcaster>, direct_write: DirectWrite) -> Self {
        Self { hub, broadcaster, direct_write }
    }

    /// Opens a stream, and answers with it. Its end is told of where its beginning was.
    pub fn open(
        &self,
        request: &HttpRequest,
        mut head: HttpResponseBuilder,
        seat: Seat,
        ask: (Vec<Selector>, Option<Resume>),
        terms: Terms,
        present: Option<Present>,
    ) -> Result<HttpResponse, ApiError> {
        let (selectors, resume) = ask;
        let mut subscription =
            self.hub.subscribe(&self.broadcaster, seat, selectors, resume, terms);
        if let Some(present) = present {
            subscription.keep(present);
        }
        let lifeline = subscription.lifeline();
        let connection = match request.conn_data::<Watch>() {
            Some(watch) => Some(watch.begin_stream(lifeline)),
            None => {
                let exchange = request.extensions().get::<Exchange>().cloned();
                exchange.ok_or(ApiError::NotReady)?.begin_stream(lifeline, subscription.overdue());
                None
            }
        };
        // Its chunks are what a Broadcaster writes.
        let chunked = request.version() == Version::HTTP_11;
        let takeable = connection.as_ref().is_some_and(OpenStream::can_be_taken);
        let direct = chunked && takeable && self.direct_write.0;
        let body = Body { subscription, connection, direct };
        Ok(answer(request, &mut head, stream::unfold(Some(body), next)))
    }
}

/// A stream that is over after these bytes.
pub fn answer_once(
    request: &HttpRequest,
    mut head: HttpResponseBuilder,
    bytes: Bytes,
) -> HttpResponse {
    // Its socket has to be free for others then.
    answer(request, head.force_close(), stream::iter([Ok::<_, ApiError>(bytes)]))
}

fn answer<E: std::error::Error + 'static>(
    request: &HttpRequest,
    head: &mut HttpResponseBuilder,
    body: impl Stream<Item = Result<Bytes, E>> + 'static,
) -> HttpResponse {
    let mut response = head.streaming(body);
    if request.version() < Version::HTTP_11 {
        // It knows no chunks: its stream ends with its connection.
        response.head_mut().no_chunking(true);
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    response
}

/// The same head without a stream, for `HEAD`.
pub fn head_alone(mut head: HttpResponseBuilder) -> HttpResponse {
    head.streaming(stream::empty::<Result<Bytes, ApiError>>())
}

/// What a grant means for a stream; nothing private without one.
pub fn terms(grant: Option<Grant>, notices: Notices) -> Terms {
    let Some(grant) = grant else { return Terms { notices, ..Terms::default() } };
    let time_left = grant.time_left();
    Terms { private: grant.subscribe, subject: grant.subject, time_left, notices }
}

/// A browser never asks again after a 503 or 429 (WHATWG HTML, 9.2.3), but it obeys a `retry`: not
/// before this time is over. `None` for a client that is no `EventSource`.
pub fn come_back_later(request: &HttpRequest, hub: &Hub, wait: Option<Duration>) -> Option<Bytes> {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let is_event_source = accept.is_some_and(|accept| accept.contains("text/event-stream"));
    let limited = || wait.unwrap_or_default() + Duration::from_millis(fastrand::u64(COME_BACK));
    let after = hub.come_back_after().unwrap_or_else(limited);
    is_event_source.then(|| Frame::come_back(after).bytes())
}

/// A stream as actix polls it.
struct Body {
    subscription: Subscription,
    /// None with HTTP/2, where the connection is not the stream's alone: what serves it drops this
    /// when the client has left.
    connection: Option<OpenStream>,
    /// Whether the Broadcaster may write to the socket itself.
    direct: bool,
}

/// The end of a body whose socket has been taken over. It reaches no client.
#[derive(Debug, thiserror::Error)]
#[error("the Broadcaster has taken the socket over")]
struct TakenOver;

async fn next(body: Option<Body>) -> Option<(Result<Bytes, TakenOver>, Option<Body>)> {
    let Body { mut subscription, connection, direct } = body?;
    loop {
        let Some(own) = &connection else {
            match subscription.next().await {
                Next::Frame(frame) => {
                    let body = Body { subscription, connection, direct };
                    return Some((Ok(frame.bytes()), Some(body)));
                }
                Next::Live => continue,
                Next::End => return None,
            }
        };
        let next = tokio::select! {
            biased;
            () = own.client_gone() => Next::End,
            () = own.all_sent(), if direct && subscription.is_settled() => {
                own.take_socket(|socket| subscription.hand_over(socket));
                return Some((Err(TakenOver), None));
            }
            next = subscription.next() => next,
        };
        match next {
            Next::Frame(frame) => {
                own.sending();
                let body = Body { subscription, connection, direct };
                return Some((Ok(frame.bytes()), Some(body)));
            }
            Next::Live => {}
            Next::End => return None,
        }
    }
}
