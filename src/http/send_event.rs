//! `POST /send-event`: publishes the body.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Limits, MAX_TOPICS,
    body::{BodyLimits, read_json},
    cors::Origins,
    credentials::Credentials,
    error::ApiError,
    mercure,
    query::Query,
};
use crate::{
    auth::AuthError,
    event::{Event, EventId, EventType, Retry, parse_private},
    hub::Hub,
    invalid::Invalid,
    topic::{Topic, Topics},
};

/// What a publisher is told.
#[derive(Serialize, ToSchema)]
pub struct Published {
    success: bool,
    /// The id that subscribers got: the publisher's own, or the hub's.
    id: String,
    /// How many subscribers it went to.
    subscribers: usize,
}

/// `POST`. The event's metadata is in the query alone: the whole body is data, whatever its
/// members are called.
pub async fn post(
    request: HttpRequest,
    payload: Payload,
    hub: Data<Hub>,
    body: Data<BodyLimits>,
    limits: Data<Limits>,
    origins: Data<Origins>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    limits.publish.by_address(&request, 1)?;
    origins.check(&request, &credentials.publish_origins)?;
    let query = Query::parse(request.query_string())?;
    let grant = credentials.publisher(&request, &query).await?;
    let subject = grant.as_ref().and_then(|grant| grant.subject.as_ref());
    limits.publish.by_subject(&request, subject, 1)?;
    let topics = query.all("topic").map(Topic::parse).collect::<Result<Vec<_>, _>>()?;
    if topics.len() > MAX_TOPICS {
        return Err(Invalid::TooMany { field: "topic", limit: MAX_TOPICS }.into());
    }
    if topics.iter().any(mercure::is_reserved) {
        return Err(Invalid::ReservedTopic.into());
    }
    let topics = Topics::new(topics)?;
    if let Some(grant) = grant
        && !grant.may_publish(&topics).await
    {
        return Err(AuthError::NotGranted.into());
    }
    let id = query.one("id")?.map(EventId::parse).transpose()?;
    let kind = query.one("type")?.map(EventType::parse).transpose()?;
    let retry = query.one("retry")?.map(Retry::parse).transpose()?;
    let private = query.one("private")?.map(parse_private).transpose()?.unwrap_or(false);
    let data = read_json(&request, payload, &body).await?;

    let receipt = hub.publish(Event { topics, data, id, kind, retry, private }).await?;
    Ok(HttpResponse::Ok().json(Published {
        success: true,
        id: receipt.id,
        subscribers: receipt.subscribers,
    }))
}
