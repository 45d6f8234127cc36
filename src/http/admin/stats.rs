//! `GET /admin/stats`: every number of the dashboard.
//!
//! Promises: what is counted only grows as long as the process lives; who wants a rate takes the
//! difference of two answers. The names of reasons are those of `/metrics`.

use std::time::{Duration, SystemTime};

use actix_web::{HttpRequest, HttpResponse, web::Data};
use futures_util::future::join3;
use indexmap::IndexMap;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ApiError, Credentials, Desk, PATIENCE, answer, authorized,
    history::{Kept, kept},
    shown,
};
use crate::{
    histogram::Histogram,
    http::refusals::Refusals,
    hub::{self, Hub},
    logbook::Trouble,
};

/// How long it may take to find out about other hubs.
const OTHERS: Duration = Duration::from_millis(500);

type Reasons = IndexMap<&'static str, u64>;

/// Every number of the dashboard. What is counted only grows as long as the process lives.
#[derive(Serialize, ToSchema)]
pub struct Stats {
    version: &'static str,
    started: String,
    time: String,
    uptime_seconds: f64,
    /// Whether streams are being ended, and the process after them.
    draining: bool,
    streams: Streams,
    events: Events,
    queued: Amount,
    /// `null` where the history does not answer.
    #[schema(required = true)]
    history: Option<Kept>,
    /// Of all hubs that share the history; `null` where it can't be shared.
    #[schema(required = true)]
    everywhere: Option<Everywhere>,
    log: Log,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Streams)]
struct Streams {
    open: usize,
    limit: usize,
    live: usize,
    direct: usize,
    behind: usize,
    resuming: usize,
    opened: u64,
    #[schema(value_type = BTreeMap<String, u64>)]
    ended: Reasons,
    #[schema(value_type = BTreeMap<String, u64>)]
    refused: Reasons,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Events)]
struct Events {
    published: u64,
    #[schema(value_type = BTreeMap<String, u64>)]
    refused: Reasons,
    /// Each as often as it was sent to someone, as it came, and from the history.
    live: Amount,
    replayed: Amount,
    #[schema(value_type = BTreeMap<String, u64>)]
    gaps: Reasons,
    /// From when an event was read until its publisher was answered.
    publishing: Times,
    /// From when events left the history until they were written to all.
    writing: Times,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Amount)]
struct Amount {
    events: u64,
    bytes: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Times)]
struct Times {
    count: u64,
    seconds: f64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AllHubs)]
struct Everywhere {
    nodes: usize,
    streams: usize,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Log)]
struct Log {
    filter: String,
    /// Warnings and errors, the newest first.
    recent: Vec<Line>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LogLine)]
struct Line {
    time: String,
    level: &'static str,
    message: String,
}

impl From<&Histogram> for Times {
    fn from(times: &Histogram) -> Self {
        let seconds = Duration::from_nanos(times.sum()).as_secs_f64();
        Self { count: times.count(), seconds }
    }
}

impl From<Trouble> for Line {
    fn from(Trouble { time, level, message }: Trouble) -> Self {
        Self { time: shown(time), level: level.as_str(), message }
    }
}

/// `GET`.
pub async fn stats(
    request: HttpRequest,
    hub: Data<Hub>,
    desk: Data<Desk>,
    refusals: Data<Refusals>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    authorized(&request, &credentials, "")?;
    let gathered = join3(hub.stats(PATIENCE), kept(&hub, &desk), hub.sums(OTHERS)).await;
    let (stats, history, others) = gathered;
    let stats = stats.ok_or(ApiError::NotReady)?;
    let hub::Stats { open, max, live, direct, behind, tally, counts, .. } = stats;
    Ok(answer(Stats {
        version: env!("CARGO_PKG_VERSION"),
        started: shown(desk.started.1),
        time: shown(SystemTime::now()),
        uptime_seconds: desk.started.0.elapsed().as_secs_f64(),
        draining: hub.is_draining(),
        streams: Streams {
            open,
            limit: max,
            live,
            direct,
            behind,
            // Counted one after another: one may have come or gone meanwhile.
            resuming: open.saturating_sub(live + behind),
            opened: counts.opened,
            ended: counts.ended.iter().map(|(why, count)| (why.as_str(), *count)).collect(),
            refused: counts.turned_away.iter().map(|(why, count)| (why.as_str(), *count)).collect(),
        },
        events: Events {
            published: counts.published.count(),
            refused: refusals.counts().into_iter().collect(),
            live: Amount { events: tally.events, bytes: tally.bytes },
            replayed: Amount { events: counts.replayed.events, bytes: counts.replayed.bytes },
            gaps: counts.gaps.iter().map(|(why, count)| (why.as_str(), *count)).collect(),
            publishing: Times::from(&counts.published),
            writing: Times::from(&tally.passes),
        },
        queued: Amount { events: stats.queued_events as u64, bytes: stats.queued_bytes as u64 },
        history,
        everywhere: others.map(|(nodes, streams)| Everywhere { nodes, streams }),
        log: Log {
            filter: desk.logbook.filter(),
            recent: desk.logbook.troubles().into_iter().map(Line::from).collect(),
        },
    }))
}
