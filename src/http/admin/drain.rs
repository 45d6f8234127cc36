//! `/admin/drain`: the operator moves all subscribers off this hub, which goes on to run.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web::Data};

use super::{ApiError, Credentials, authorized};
use crate::{
    hub::{DrainPace, Hub},
    invalid::Invalid,
};

/// The longest time that a drain may take.
const LONGEST: Duration = Duration::from_secs(3600);

/// How fast streams end where a request does not say so.
#[derive(Debug, Clone, Copy)]
pub struct DefaultPace(pub DrainPace);

/// How a drain is.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(as = DrainState)]
pub struct State {
    success: bool,
    /// Whether it drains, and takes no one any more.
    draining: bool,
    /// Streams that are open.
    streams: usize,
    /// How long it takes until they have ended, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    milliseconds: Option<u128>,
}

/// `POST`. Begins to drain, `over` a time, at a `rate`: streams a second. Nothing takes it back but
/// a new process.
pub async fn post(
    request: HttpRequest,
    hub: Data<Hub>,
    credentials: Data<Credentials>,
    default: Data<DefaultPace>,
) -> Result<HttpResponse, ApiError> {
    let query = authorized(&request, &credentials, "over, rate")?;
    let DefaultPace(mut pace) = **default;
    if let Some(over) = query.one("over")? {
        pace.over = parse_over(over)?;
    }
    if let Some(rate) = query.one("rate")? {
        pace.rate = Some(parse_rate(rate)?);
    }
    let streams = hub.streams();
    let over = hub.begin_drain(pace);
    log::info!("draining: {streams} streams end over {over:?}; the operator wants it");
    let milliseconds = Some(over.as_millis());
    Ok(HttpResponse::Accepted().json(State {
        success: true,
        draining: true,
        streams,
        milliseconds,
    }))
}

/// `GET`: whether it drains, and how many streams are left.
pub async fn get(
    request: HttpRequest,
    hub: Data<Hub>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    authorized(&request, &credentials, "")?;
    let (draining, streams) = (hub.is_draining(), hub.streams());
    Ok(HttpResponse::Ok().json(State { success: true, draining, streams, milliseconds: None }))
}

fn parse_over(text: &str) -> Result<Duration, Invalid> {
    let over =
        if text == "0" { Some(Duration::ZERO) } else { humantime::parse_duration(text).ok() };
    over.filter(|over| *over <= LONGEST).ok_or(Invalid::Over)
}

fn parse_rate(text: &str) -> Result<usize, Invalid> {
    text.parse().ok().filter(|rate| *rate > 0).ok_or(Invalid::Rate)
}
