//! Subscribing: `GET`, `HEAD`, and `QUERY`, which is a `GET` with a body.
//!
//! Promises: a stream has nothing but what was published, after a comment that is there at once;
//! the head says from which id it goes on, where one was asked for. Does not: know what a matcher
//! takes (`topic`).

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{Method, header},
    web::{Data, Payload},
};

use super::{
    authorization::Access,
    cursor::{Cursor, Place},
    dialect::{
        Dialect::{self, New, Old},
        is_matcher,
    },
    document::Kind,
    error::MercureError,
    fields::Fields,
    names::visible,
    presence::Presence,
    publish::read_form,
};
use crate::{
    auth::Grant,
    http::{
        BodyLimits, Credentials, Limits, address,
        stream::{Streams, answer_once, come_back_later, head_alone, terms},
    },
    hub::{Hub, Notices, Resume},
    sse::Frame,
    topic::{Base, MAX_TOPICS, Selector},
};

/// The most matchers of a subscription of 1.0.
pub const MAX_MATCHERS: usize = 100;

/// What a request asks for, and may have.
struct Ask {
    dialect: Dialect,
    kinds: Vec<Kind>,
    selectors: Vec<Selector>,
    cursor: Option<Cursor>,
    grant: Option<Grant>,
}

/// `GET`, `HEAD` and `QUERY`.
pub async fn get(
    request: HttpRequest,
    payload: Payload,
    hub: Data<Hub>,
    streams: Data<Streams>,
    body: Data<BodyLimits>,
    limits: Data<Limits>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, MercureError> {
    if let Err(limited) = limits.connect.by_address(&request, 1) {
        return send_away(&request, &hub, limited);
    }
    let Ask { dialect, kinds, selectors, cursor, grant } =
        read(&request, payload, &body, &credentials).await?;
    let subject = grant.as_ref().and_then(|grant| grant.subject.as_ref());
    if let Err(limited) = limits.connect.by_subject(&request, subject, 1) {
        return send_away(&request, &hub, limited);
    }
    let takes_seat = request.method() != Method::HEAD;
    let seat = match takes_seat.then(|| hub.admit(address(&request), subject)).transpose() {
        Ok(seat) => seat,
        Err(refusal) => return send_away(&request, &hub, refusal),
    };
    let terms = terms(grant.clone(), Notices::Off);
    let mut head = head();
    let mut resume = None;
    if let Some(cursor) = cursor {
        let place = match Place::find(cursor, dialect, &hub, &selectors, &terms).await {
            Ok(place) => place,
            Err(error) => return send_away(&request, &hub, error),
        };
        if let Some(header) = place.header(dialect) {
            head.insert_header(header);
        }
        resume = place.resume;
    }
    let Some(seat) = seat else { return Ok(head_alone(head)) };
    let mut present = None;
    if let Some(presence) = request.app_data::<Data<Presence>>() {
        if dialect == New {
            // It may see itself come; who asks in 0.x may not.
            resume = resume.or_else(|| Some(Resume::After(hub.head())));
        }
        let asked = kinds.into_iter().zip(selectors.iter().map(Selector::text));
        let present = present.insert(presence.enter(&hub, &seat, asked, grant.as_ref()));
        present.come().await;
    }
    Ok(streams.open(&request, head, seat, (selectors, resume), terms, present)?)
}

/// A browser never asks again after an error: it is sent away for a while.
fn send_away(
    request: &HttpRequest,
    hub: &Hub,
    why: impl Into<MercureError>,
) -> Result<HttpResponse, MercureError> {
    let why = why.into();
    let wait = if let MercureError::Limited(limited) = &why { limited.wait } else { None };
    let later = come_back_later(request, hub, wait).filter(|_| request.method() != Method::HEAD);
    let later = later.ok_or(why)?;
    let comment = Frame::heartbeat().bytes();
    Ok(answer_once(request, head(), [comment, later].concat().into()))
}

/// Whether it may comes before what it asks for.
async fn read(
    request: &HttpRequest,
    payload: Payload,
    limits: &BodyLimits,
    credentials: &Credentials,
) -> Result<Ask, MercureError> {
    let query = Fields::parse(request.query_string().as_bytes())?;
    let is_query = request.method().as_str() == "QUERY";
    let dialect = if is_query { Some(New) } else { Dialect::of_subscription(&query) };
    let access = Access::of(credentials, request, &query, dialect);
    let grant = access.subscriber().await?;
    let dialect = access.dialect().unwrap_or(Old);
    let body =
        if is_query { read_form(request, payload, limits).await? } else { Fields::default() };
    let fields = || query.pairs().chain(body.pairs());
    let matchers = match dialect {
        Old => topics(fields())?,
        New => matchers(fields(), credentials.authority.base())?,
    };
    let (kinds, selectors) = matchers.into_iter().unzip();
    let cursor = Cursor::of(request, dialect, [&query, &body]);
    Ok(Ask { dialect, kinds, selectors, cursor, grant })
}

type Pair<'a> = (&'a [u8], &'a [u8]);
type Matchers = Vec<(Kind, Selector)>;

/// The selectors of 0.x: topics or templates.
fn topics<'a>(fields: impl Iterator<Item = Pair<'a>>) -> Result<Matchers, MercureError> {
    let texts = fields.filter_map(|(name, value)| (name == b"topic").then_some(value));
    let texts: Vec<_> = texts.collect();
    if texts.is_empty() {
        return Err(MercureError::Parameter(r#"Missing "topic" parameter."#));
    }
    if texts.len() > MAX_TOPICS {
        return Err(MercureError::Parameter(r#"Too many "topic" parameters."#));
    }
    let read = |text| {
        let text = std::str::from_utf8(text).map_err(|_| MercureError::BadRequest)?;
        Ok((Kind::Selector, Selector::parse(text)?))
    };
    texts.into_iter().map(read).collect()
}

/// The matchers of 1.0: topics, and URL Patterns.
fn matchers<'a>(
    fields: impl Iterator<Item = Pair<'a>>,
    base: &Base,
) -> Result<Matchers, MercureError> {
    let mut matchers = Vec::new();
    for (name, value) in fields {
        if name == b"topic" {
            return Err(MercureError::Parameter("`topic` is of 0.x: write `match`"));
        }
        if !is_matcher(name) {
            continue;
        }
        if matchers.len() == MAX_MATCHERS {
            return Err(MercureError::Parameter("too many matchers in subscription"));
        }
        matchers.push(match name {
            b"match" => (Kind::Exact, Selector::exact(visible("match", value)?)?),
            b"match_exact" => (Kind::Exact, Selector::exact(visible("match_exact", value)?)?),
            b"match_urlpattern" => {
                let pattern = Selector::parse_pattern(visible("match_urlpattern", value)?, base);
                let wrong = |_| MercureError::Parameter("invalid topic matcher pattern");
                (Kind::UrlPattern, pattern.map_err(wrong)?)
            }
            _ => {
                return Err(MercureError::Parameter(
                    "this matcher is unknown: there are match, match_exact and match_urlpattern",
                ));
            }
        });
    }
    if matchers.is_empty() {
        return Err(MercureError::Parameter(r#"missing "match" subscription parameter"#));
    }
    Ok(matchers)
}

/// What keeps caches and proxies from holding events back, as the official hub has it. Without
/// its `Connection: keep-alive`, which says nothing in HTTP/1.1, and which actix leaves out.
fn head() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((
            header::CACHE_CONTROL,
            "private, no-cache, no-store, must-revalidate, max-age=0",
        ))
        .insert_header((header::PRAGMA, "no-cache"))
        // The official hub has misspelt it for years.
        .insert_header(("expire", "0"))
        .insert_header((header::EXPIRES, "0"))
        .insert_header(("x-accel-buffering", "no"));
    response
}
