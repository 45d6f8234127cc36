//! `GET /events`: the stream of one subscriber.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::header, web::Data};

use super::{
    Limits, MAX_TOPICS, address,
    credentials::Credentials,
    error::ApiError,
    query::Query,
    stream::{Streams, come_back_later, head_alone, terms},
};
use crate::{
    history::LastEventId,
    hub::{Hub, Notices, Resume},
    invalid::Invalid,
    topic::{Selector, Topic},
};

/// Where a client may say what it received last, besides the header: the first name that is
/// there and not empty counts. They are those of Mercure 0.x, of the polyfills, of Mercure 1.0,
/// and of the header itself.
const LAST_EVENT_ID: [&str; 4] = ["lastEventID", "lastEventId", "last_event_id", "Last-Event-ID"];

/// What a subscriber asks for.
struct Wanted {
    selectors: Vec<Selector>,
    last_event_id: Option<LastEventId>,
}

impl Wanted {
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

/// `GET`.
pub async fn get(
    request: HttpRequest,
    hub: Data<Hub>,
    streams: Data<Streams>,
    limits: Data<Limits>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    if let Err(limited) = limits.connect.by_address(&request, 1) {
        return send_away(&request, &hub, limited.into());
    }
    let query = Query::parse(request.query_string())?;
    let wanted = Wanted::parse(&request, &query)?;
    let grant = credentials.subscriber(&request, &query).await?;
    let subject = grant.as_ref().and_then(|grant| grant.subject.as_ref());
    if let Err(limited) = limits.connect.by_subject(&request, subject, 1) {
        return send_away(&request, &hub, limited.into());
    }
    let seat = match hub.admit(address(&request), subject) {
        Ok(seat) => seat,
        Err(refusal) => return send_away(&request, &hub, refusal.into()),
    };
    let Wanted { selectors, last_event_id } = wanted;
    let resume = last_event_id.map(Resume::Id);
    streams.open(&request, head(), seat, (selectors, resume), terms(grant, Notices::On), None)
}

/// `HEAD`: the same head; no place is taken.
pub async fn head_only(
    request: HttpRequest,
    limits: Data<Limits>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    limits.connect.by_address(&request, 1)?;
    let query = Query::parse(request.query_string())?;
    Wanted::parse(&request, &query)?;
    let grant = credentials.subscriber(&request, &query).await?;
    limits.connect.by_subject(&request, grant.and_then(|grant| grant.subject).as_ref(), 1)?;
    Ok(head_alone(head()))
}

/// A browser never asks again after an error: it is sent away for a while.
fn send_away(request: &HttpRequest, hub: &Hub, why: ApiError) -> Result<HttpResponse, ApiError> {
    let wait = if let ApiError::Limited(limited) = why { limited.wait } else { None };
    let later = come_back_later(request, hub, wait).ok_or(why)?;
    // Its socket has to be free for others meanwhile.
    Ok(head().force_close().body(later))
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
