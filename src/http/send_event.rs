//! `POST /send-event`: publishes the body.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use serde::Serialize;

use super::{
    Limits,
    body::{BodyLimits, read_json},
    cors::Origins,
    credentials::Credentials,
    error::ApiError,
    parts::Parts,
    query::Query,
    repeats::{Repeats, publish},
    schedule::{Seed, Sent, schedule},
};
use crate::{auth::AuthError, event::Event, hub::Hub};

/// What a publisher is told.
#[derive(Serialize)]
struct Published {
    success: bool,
    #[serde(flatten)]
    sent: Sent,
}

/// `POST`. The event's metadata is in the query alone: the whole body is data, whatever its
/// members are called.
pub async fn post(
    request: HttpRequest,
    payload: Payload,
    hub: Data<Hub>,
    (body, limits): (Data<BodyLimits>, Data<Limits>),
    origins: Data<Origins>,
    credentials: Data<Credentials>,
    repeats: Data<Repeats>,
) -> Result<HttpResponse, ApiError> {
    limits.publish.by_address(&request, 1)?;
    origins.check(&request, &credentials.publish_origins)?;
    let query = Query::parse(request.query_string())?;
    let grant = credentials.publisher(&request, &query).await?;
    let subject = grant.as_ref().and_then(|grant| grant.subject.as_ref());
    limits.publish.by_subject(&request, subject, 1)?;
    let parts = Parts::of(&query)?;
    let topics = parts.topics()?;
    if let Some(grant) = &grant
        && !grant.may_publish(&topics).await
    {
        return Err(AuthError::NotGranted.into());
    }
    // What is wrong with it is told before the body is read.
    let event = parts.event(topics, String::new())?;
    let key = repeats.key(&request, grant.as_ref())?;
    let delay = parts.delay()?;
    let data = read_json(&request, payload, &body).await?;

    let event = Event { data, ..event };
    let answer = |mut sent: Vec<Sent>| {
        sent.pop().and_then(|sent| serde_json::to_string(&Published { success: true, sent }).ok())
    };
    if let Some(key) = key {
        return repeats.publish(&hub, key, "event", vec![(event, delay)], answer).await;
    }
    if delay.is_some() {
        let due = schedule(event, delay, Seed::None);
        return publish(&hub, vec![due], answer).await;
    }
    let sent = Sent::new(hub.publish(event).await?, None);
    Ok(HttpResponse::Ok().json(Published { success: true, sent }))
}
