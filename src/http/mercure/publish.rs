//! Publishing: `POST` with form fields.
//!
//! Promises: a stranger is refused before the body is read; what is published is one event of the
//! history, under the id that is answered. Does not: look at fields of the URL.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Payload},
};
use mime::Mime;
use url::Url;
use uuid::Uuid;

use super::{
    authorization::Access,
    dialect::Dialect::{self, New, Old},
    error::{MercureError, TEXT},
    fields::Fields,
    names::{is_reserved, is_reserved_url, visible},
};
use crate::{
    auth::AuthError,
    event::{Event, EventId, EventType, Retry},
    http::{BodyLimits, Credentials, Limits, body::read},
    hub::Hub,
    invalid::Invalid,
    topic::{MAX_TOPICS, Topic, Topics},
};

/// `POST`.
pub async fn post(
    request: HttpRequest,
    payload: Payload,
    hub: Data<Hub>,
    body: Data<BodyLimits>,
    limits: Data<Limits>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, MercureError> {
    limits.publish.by_address(&request, 1)?;
    let query = Fields::parse(request.query_string().as_bytes())?;
    let access = Access::of(&credentials, &request, &query, None);
    let (grant, dialect) = access.publisher().await?;
    limits.publish.by_subject(&request, grant.subject.as_ref(), 1)?;
    let fields = read_form(&request, payload, &body).await?;

    let topics = fields.all("topic").collect::<Vec<_>>();
    if topics.is_empty() {
        return Err(MercureError::Parameter(r#"Missing "topic" parameter"#));
    }
    if topics.len() > MAX_TOPICS {
        return Err(MercureError::Parameter("too many topics in update"));
    }
    let retry = retry(&fields)?;
    let topics = topics.into_iter().map(|topic| Topic::parse(&String::from_utf8_lossy(topic)));
    let topics = Topics::new(topics.collect::<Result<_, _>>()?)?;
    if !grant.may_publish(&topics).await {
        return Err(access.refuse(AuthError::NotGranted));
    }
    match dialect {
        Old if topics.iter().any(is_reserved) => return Err(MercureError::Reserved),
        Old => {}
        New => check_topics(&fields, &topics, &credentials.resource(&request))?,
    }
    let id = match text(dialect, &fields, "id")? {
        Some(id) => EventId::parse(&id)?,
        None => EventId::parse(&Uuid::now_v7().urn().to_string())?,
    };
    let kind = text(dialect, &fields, "type")?;
    if dialect == New && kind.as_deref() == Some("mercure") {
        return Err(MercureError::Parameter("`type` is `mercure`, which is for the hub's events"));
    }
    let kind = kind.map(|kind| EventType::parse(&kind)).transpose()?;
    let data = data(dialect, fields.first("data").unwrap_or_default())?;
    let private = fields.first("private").is_some();

    let event = Event { topics, data, id: Some(id), kind, retry, ttl: None, private };
    let receipt = hub.publish(event).await?;
    Ok(HttpResponse::Ok().content_type(TEXT).body(receipt.id))
}

/// How many times larger a form may be than a body of the hub's own: its escapes take three bytes
/// for one of them.
const FORM_FACTOR: usize = 4;

/// The fields of a body. One of another type than a form has none.
pub async fn read_form(
    request: &HttpRequest,
    payload: Payload,
    limits: &BodyLimits,
) -> Result<Fields, MercureError> {
    let max_bytes = limits.max_bytes.saturating_mul(FORM_FACTOR);
    let limits = BodyLimits { max_bytes, ..limits.clone() };
    let (body, _portion) = read(request, payload, &limits).await?;
    let Some(kind) = request.headers().get(header::CONTENT_TYPE) else {
        return Ok(Fields::default());
    };
    let kind = kind.to_str().ok().and_then(|kind| kind.parse::<Mime>().ok());
    // The crate takes a parameter without a value, which is none (RFC 9110, 5.6.6).
    let kind = kind.filter(|kind| kind.params().all(|(_, value)| value != ""));
    let kind = kind.ok_or(MercureError::BadRequest)?;
    if kind.essence_str() == mime::APPLICATION_WWW_FORM_URLENCODED.essence_str() {
        Fields::parse(&body)
    } else {
        Ok(Fields::default())
    }
}

/// An empty one is none, as forms send it; and 0 means none.
fn retry(fields: &Fields) -> Result<Option<Retry>, MercureError> {
    let text = String::from_utf8_lossy(fields.first("retry").unwrap_or_default());
    if text.is_empty() {
        return Ok(None);
    }
    let retry =
        Retry::parse(&text).map_err(|_| MercureError::Parameter(r#"Invalid "retry" parameter"#))?;
    Ok(Some(retry).filter(|retry| retry.as_millis() > 0))
}

fn check_topics(fields: &Fields, topics: &Topics, hub: &str) -> Result<(), MercureError> {
    for topic in fields.all("topic") {
        if visible("topic", topic)? == "*" {
            return Err(MercureError::Parameter("`topic` is `*`: name one"));
        }
    }
    let hub = Url::parse(hub).ok();
    if topics.iter().any(|topic| is_reserved_url(topic, hub.as_ref())) {
        return Err(Invalid::ReservedTopic.into());
    }
    Ok(())
}

/// A field of one line; `None` where it is empty.
fn text(
    dialect: Dialect,
    fields: &Fields,
    name: &'static str,
) -> Result<Option<String>, MercureError> {
    let bytes = fields.first(name).unwrap_or_default();
    let text = match dialect {
        Old => String::from_utf8_lossy(bytes).into_owned(),
        New => visible(name, bytes)?.to_owned(),
    };
    Ok((!text.is_empty()).then_some(text))
}

/// A stream is UTF-8. A hub of 0.x passes other bytes on, and browsers show them as U+FFFD.
fn data(dialect: Dialect, bytes: &[u8]) -> Result<String, MercureError> {
    match (std::str::from_utf8(bytes), dialect) {
        (Ok(text), _) => Ok(text.to_owned()),
        (Err(_), Old) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        (Err(_), New) => Err(MercureError::Parameter("`data` is not UTF-8")),
    }
}
