//! `/admin/...`: what the operator sees and does.
//!
//! Owns: the endpoints, and what only they need. Promises: each is for the bearer of the operator's
//! token alone; without one set there is nothing at these paths. Large answers are made on threads
//! that serve nobody, and no cache keeps one. Does not: gather; the hub does.

use std::time::{Duration, Instant, SystemTime};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, ContentType},
    web::block,
};
use serde::Serialize;

use super::{credentials::Credentials, error::ApiError, query::Query};
use crate::{
    history::{Place, Retention},
    logbook::Logbook,
};

pub mod drain;
mod history;
mod log_level;
mod openapi;
mod paging;
mod revoke;
mod settings;
mod stats;
mod subscribers;
mod topics;

pub use drain::DefaultPace;
use paging::only;

pub use history::history;
pub use log_level::{log_level, set_log_level};
pub use openapi::described;
pub use revoke::{revoke, revoke_one};
pub use settings::{Setting, settings};
pub use stats::stats;
pub use subscribers::subscribers;
pub use topics::topics;

/// How long the Broadcasters and the history may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is known before the service starts.
pub struct Console {
    /// The log.
    pub logbook: Logbook,
    /// The settings.
    pub settings: Vec<Setting>,
}

impl Console {
    /// Says what holds where nothing is set.
    pub fn fill(&mut self, id: &str, value: &impl ToString) {
        let unset = |setting: &&mut Setting| setting.id == id && setting.value.is_none();
        if let Some(setting) = self.settings.iter_mut().find(unset) {
            setting.value = Some(value.to_string());
        }
    }
}

/// What the operator is shown besides the hub itself. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    logbook: Logbook,
    settings: std::sync::Arc<[Setting]>,
    place: Place,
    retention: Retention,
    started: (Instant, SystemTime),
}

impl Desk {
    /// For a service that starts now.
    pub fn new(console: Console, place: Place, retention: Retention) -> Self {
        let Console { logbook, settings } = console;
        let started = (Instant::now(), SystemTime::now());
        Self { logbook, settings: settings.into(), place, retention, started }
    }
}

/// The query of an operator's request, which has no other parameters than these.
fn authorized(
    request: &HttpRequest,
    credentials: &Credentials,
    allowed: &'static str,
) -> Result<Query, ApiError> {
    credentials.operator(request)?;
    let query = Query::parse(request.query_string())?;
    only(&query, allowed)?;
    Ok(query)
}

/// An answer: `success`, and what else there is.
#[derive(Serialize)]
struct Answer<T> {
    success: bool,
    #[serde(flatten)]
    what: T,
}

fn answer(what: impl Serialize) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Answer { success: true, what })
}

/// Makes a large answer, on a thread that serves nobody.
async fn make<T: Serialize>(
    what: impl FnOnce() -> T + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let text = block(move || serde_json::to_string(&Answer { success: true, what: what() }));
    // These are texts and numbers; and a panic there is logged.
    let text = text.await.ok().and_then(Result::ok).ok_or(ApiError::NotReady)?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type(ContentType::json())
        .body(text))
}

/// A time as people and programs read it.
fn shown(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

fn shown_millis(since_1970: u64) -> String {
    shown(SystemTime::UNIX_EPOCH + Duration::from_millis(since_1970))
}
