//! `GET /events`: the stream of one subscriber.

use actix::Addr;
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{ConnectionType, Version, header},
    web::{Bytes, Data},
};
use futures_util::stream;

use super::{credentials::Credentials, error::ApiError, query::Query};
use crate::{
    auth::Grant,
    connection::{OpenStream, Watch},
    history::LastEventId,
    hub::{Broadcaster, Hub, Next, Subscription, Terms},
    invalid::Invalid,
    sse::Frame,
    topic::{MAX_TOPICS, Selector, Topic},
};

/// Where a client may say what it received last, besides the header: the first name that is
/// there and not empty counts. They are those of Mercure 0.x, of the polyfills, of Mercure 1.0,
/// and of the header itself.
const LAST_EVENT_ID: [&str; 4] = ["lastEventID", "lastEventId", "last_event_id", "Last-Event-ID"];

/// When a browser that was turned away comes back, in milliseconds.
const COME_BACK: std::ops::Range<u64> = 30_000..60_000;

/// What a subscriber asks for.
struct Ask {
    selectors: Vec<Selector>,
    last_event_id: Option<LastEventId>,
}

impl Ask {
    fn parse(request: &HttpRequest, query: &Query) -> Result<Self, ApiError> {
        let mut selectors =
            query.all("topic").map(Selector::parse).collect::<Result<Vec<_>, _>>()?;
        if selectors.len() > MAX_TOPICS {
            return Err(Invalid::TooMany { field: "topic", limit: MAX_TOPICS }.into());
        }
        if selectors.is_empty() {
            selectors.push(Selector::Exact(Topic::default()));
        }
        Ok(Self { selectors, last_event_id: last_event_id(request, query) })
    }
}

/// The header before the query: a browser that reconnects still has the URL that it began with.
fn last_event_id(request: &HttpRequest, query: &Query) -> Option<LastEventId> {
    let header = request.headers().get("last-event-id");
    // Browsers send it as UTF-8; what isn't can only be an id that never was.
    let header = header.map(|value| String::from_utf8_lossy(value.as_bytes()));
    header.as_deref().and_then(LastEventId::parse).or_else(|| {
        LAST_EVENT_ID.iter().flat_map(|name| query.all(name)).find_map(LastEventId::parse)
    })
}

/// Whether Broadcasters write to sockets themselves.
#[derive(Debug, Clone, Copy)]
pub struct DirectWrite(pub bool);

/// `GET`.
pub async fn get(
    request: HttpRequest,
    hub: Data<Hub>,
    broadcaster: Data<Addr<Broadcaster>>,
    direct_write: Data<DirectWrite>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    let query = Query::parse(request.query_string())?;
    let ask = Ask::parse(&request, &query)?;
    let grant = credentials.subscriber(&request, &query).await?;
    let address = super::address(&request);
    let seat = match hub.admit(address) {
        Ok(seat) => seat,
        // A browser never asks again after a 503 (WHATWG HTML, 9.2.3), but it obeys a `retry`.
        Err(_) if is_event_source(&request) => return Ok(come_back_later()),
        Err(refusal) => return Err(refusal.into()),
    };
    let watch = request.conn_data::<Watch>().ok_or(ApiError::NotReady)?;
    let terms = grant.map(terms).unwrap_or_default();
    let subscription = hub.subscribe(&broadcaster, seat, ask.selectors, ask.last_event_id, terms);
    let connection = watch.begin_stream(subscription.lifeline());
    // Its chunks are what a Broadcaster writes.
    let direct = request.version() == Version::HTTP_11 && direct_write.0;
    let body = Body { subscription, connection, direct };
    let mut response = head().streaming(stream::unfold(Some(body), next));
    if request.version() < Version::HTTP_11 {
        // It knows no chunks: its stream ends with its connection.
        response.head_mut().no_chunking(true);
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// `HEAD`: the same head; no place is taken.
pub async fn head_only(
    request: HttpRequest,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    let query = Query::parse(request.query_string())?;
    Ask::parse(&request, &query)?;
    credentials.subscriber(&request, &query).await?;
    Ok(head().streaming(stream::empty::<Result<Bytes, ApiError>>()))
}

/// What a grant means for a stream.
fn terms(grant: Grant) -> Terms {
    let time_left = grant.time_left();
    Terms { private: grant.subscribe, subject: grant.subject, time_left }
}

/// A stream as actix polls it.
struct Body {
    subscription: Subscription,
    connection: OpenStream,
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
        let next = tokio::select! {
            biased;
            () = connection.client_gone() => Next::End,
            () = connection.all_sent(), if direct && subscription.is_settled() => {
                connection.take_socket(|socket| subscription.hand_over(socket));
                return Some((Err(TakenOver), None));
            }
            next = subscription.next() => next,
        };
        match next {
            Next::Frame(frame) => {
                connection.sending();
                let body = Body { subscription, connection, direct };
                return Some((Ok(frame.bytes()), Some(body)));
            }
            Next::Live => {}
            Next::End => return None,
        }
    }
}

fn head() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        // Exactly this: Postman does not show a stream with a charset.
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        // `no-transform`: HAProxy and others would compress, and hold events back.
        .insert_header((header::CACHE_CONTROL, "no-cache, no-transform"))
        // nginx buffers a response otherwise, until it ends.
        .insert_header(("x-accel-buffering", "no"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    response
}

fn is_event_source(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/event-stream"))
}

fn come_back_later() -> HttpResponse {
    let after = std::time::Duration::from_millis(fastrand::u64(COME_BACK));
    head().body(Frame::come_back(after).bytes())
}
