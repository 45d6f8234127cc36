//! `GET /health/live` and `/health/ready`, for those who restart processes and route requests; and
//! `/healthz`, where the official Mercure hub of 0.x has its own.

use std::time::Duration;

use actix_web::{HttpResponse, web::Data};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use crate::hub::{Hub, Refusal};

/// How long a Broadcaster may take to answer. One that delivers a full round to 10,000
/// subscribers takes under 100 ms.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it may take to find out about other hubs.
const OTHERS: Duration = Duration::from_millis(500);

/// The answer of `/health/live`.
#[derive(Serialize, ToSchema)]
pub struct Alive {
    success: bool,
    status: &'static str,
}

/// The answer of `/health/ready`.
#[derive(Serialize, ToSchema)]
pub struct Ready {
    success: bool,
    status: &'static str,
    /// Streams that are open.
    streams: usize,
    /// Subscribers that are up to date.
    subscribers: usize,
    /// Those of them whose sockets are written to without actix.
    direct: usize,
    /// Subscribers that were too slow, and catch up.
    behind: usize,
    /// Streams that have ended since the start, by reason.
    #[schema(value_type = BTreeMap<String, u64>)]
    ended: indexmap::IndexMap<&'static str, u64>,
    /// Of all hubs that share the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    everywhere: Option<Everywhere>,
}

/// All hubs that share a history.
#[derive(Serialize, ToSchema)]
struct Everywhere {
    /// Hubs.
    nodes: usize,
    /// Streams that are open at all of them.
    streams: usize,
}

/// The process runs and answers.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Alive { success: true, status: "live" })
}

/// The process runs and answers, in the word that those who come from the other hub look for.
pub async fn healthz() -> &'static str {
    "ok"
}

/// Every Broadcaster answers, and the hub takes subscribers and events, which its history keeps.
pub async fn ready(hub: Data<Hub>) -> Result<HttpResponse, ApiError> {
    if hub.is_draining() {
        return Err(Refusal::Draining.into());
    }
    hub.can_keep().map_err(ApiError::History)?;
    let stats = hub.stats(PATIENCE).await.ok_or(ApiError::NotReady)?;
    Ok(HttpResponse::Ok().json(Ready {
        success: true,
        status: "ready",
        streams: stats.open,
        subscribers: stats.live,
        direct: stats.direct,
        behind: stats.behind,
        everywhere: hub.sums(OTHERS).await.map(|(nodes, streams)| Everywhere { nodes, streams }),
        ended: stats.counts.ended.iter().map(|(why, count)| (why.as_str(), *count)).collect(),
    }))
}
