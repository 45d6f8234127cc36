//! `GET /admin/history`: what is kept.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::{ApiError, Credentials, Desk, PATIENCE, answer, authorized, shown_millis};
use crate::{
    history::{Entry, Holdings, Place},
    hub::Hub,
};

/// What the history keeps.
#[derive(Serialize, ToSchema)]
#[schema(as = History)]
pub(super) struct Kept {
    /// `memory`, `file` or `redis`.
    kind: &'static str,
    /// The path of the file, or the URL of the server without its password.
    place: String,
    /// The code of the error that publishers get, or `ok`.
    health: String,
    /// The first number of the ids of its events.
    epoch: u64,
    events: u64,
    bytes: u64,
    /// `null` where nothing is kept.
    #[schema(required = true)]
    oldest: Option<End>,
    #[schema(required = true)]
    newest: Option<End>,
    limits: Limits,
}

/// One end of what is kept.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryEnd)]
struct End {
    id: String,
    time: String,
}

/// What it keeps at the most.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryLimits)]
struct Limits {
    events: usize,
    bytes: usize,
    /// 0: none.
    age_seconds: f64,
}

impl From<&Entry> for End {
    fn from(entry: &Entry) -> Self {
        Self { id: entry.wire_id(), time: shown_millis(entry.time) }
    }
}

/// What is kept; `None` where the history does not say so in time.
pub(super) async fn kept(hub: &Hub, desk: &Desk) -> Option<Kept> {
    let Holdings { events, bytes, .. } = hub.holdings(PATIENCE).await?;
    let (oldest, newest) = timeout(PATIENCE, hub.ends()).await.ok()?.ok()?;
    let kind = match &desk.place {
        Place::Memory => "memory",
        Place::File(_) => "file",
        Place::Redis(_) => "redis",
    };
    let retention = desk.retention;
    Some(Kept {
        kind,
        place: desk.place.to_string(),
        health: hub
            .can_keep()
            .map_or_else(|why| ApiError::History(why).code().to_owned(), |()| "ok".to_owned()),
        epoch: hub.head().epoch,
        events,
        bytes,
        oldest: oldest.as_deref().map(End::from),
        newest: newest.as_deref().map(End::from),
        limits: Limits {
            events: retention.limits.events,
            bytes: retention.limits.bytes,
            age_seconds: retention.age.as_secs_f64(),
        },
    })
}

/// `GET`.
pub async fn history(
    request: HttpRequest,
    hub: Data<Hub>,
    desk: Data<Desk>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    authorized(&request, &credentials, "")?;
    Ok(answer(kept(&hub, &desk).await.ok_or(ApiError::NotReady)?))
}
