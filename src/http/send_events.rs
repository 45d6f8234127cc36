//! `POST /send-events`: publishes a body of lines, each an event: all of them, or none.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};

use super::{
    Limits,
    body::{BodyLimits, read_lines},
    cors::Origins,
    credentials::Credentials,
    error::{ApiError, BadLine},
    line,
    query::Query,
    repeats::{Repeats, publish},
    schedule::{Seed, Sent, schedule},
};
use crate::{
    auth::{AuthError, Grant},
    event::{Delay, Event},
    hub::Hub,
};

/// The most events of one request.
pub const MAX_LINES: usize = 1000;

/// What a publisher is told.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(as = PublishedEvents)]
pub struct Published {
    success: bool,
    /// In the order of the lines.
    events: Vec<Sent>,
}

/// `POST`.
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
    let key = repeats.key(&request, grant.as_ref())?;
    let (body, _portion) = read_lines(&request, payload, &body).await?;
    let events = read_events(&body, grant.as_ref()).await?;
    // One is counted already, which has kept others from sending bodies for nothing.
    limits.publish.rest_by_address(&request, events.len())?;
    let subject = grant.as_ref().and_then(|grant| grant.subject.as_ref());
    limits.publish.by_subject(&request, subject, events.len())?;

    let answer = |events| serde_json::to_string(&Published { success: true, events }).ok();
    if let Some(key) = key {
        return repeats.publish(&hub, key, "events", events, answer).await;
    }
    let events = events.into_iter().map(|(event, delay)| schedule(event, delay, Seed::None));
    publish(&hub, events.collect(), answer).await
}

/// Every line is looked at, so that a publisher learns of all that is wrong at once.
async fn read_events(
    body: &[u8],
    grant: Option<&Grant>,
) -> Result<Vec<(Event, Option<Delay>)>, ApiError> {
    // A BOM is no part of the text, as in other bodies.
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let lines = body.split(|byte| *byte == b'\n').zip(1..);
    let lines: Vec<_> = lines.filter(|(line, _)| !line.trim_ascii().is_empty()).collect();
    if lines.is_empty() {
        return Err(ApiError::NoLines);
    }
    if lines.len() > MAX_LINES {
        return Err(ApiError::TooManyLines(MAX_LINES));
    }
    let (mut events, mut answers, mut bad) = (Vec::new(), Vec::new(), false);
    for (text, line) in lines {
        let error = match read_event(text, grant).await {
            Ok(event) => {
                events.push(event);
                None
            }
            Err(error) => Some(Box::new(error)),
        };
        bad |= error.is_some();
        answers.push(BadLine { line, error });
    }
    if bad { Err(ApiError::Lines(answers)) } else { Ok(events) }
}

async fn read_event(
    text: &[u8],
    grant: Option<&Grant>,
) -> Result<(Event, Option<Delay>), ApiError> {
    let (parts, data) = line::read(text)?;
    let delay = parts.delay()?;
    let event = parts.event(parts.topics()?, data)?;
    if let Some(grant) = grant
        && !grant.may_publish(&event.topics).await
    {
        return Err(AuthError::NotGranted.into());
    }
    Ok((event, delay))
}
