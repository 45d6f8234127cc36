//! `GET` and `PUT /admin/log-level`: what the log lets through.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ApiError, Credentials, Desk, answer, authorized};
use crate::{
    http::body::{BodyLimits, read},
    invalid::Invalid,
};

/// The longest filter, in bytes.
pub(super) const MAX_FILTER: usize = 4096;

/// The filter of the log.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = LogLevel)]
pub struct Level {
    /// A level, or a list such as `warn,fanfare=debug`.
    filter: String,
}

/// `GET`.
pub async fn log_level(
    request: HttpRequest,
    desk: Data<Desk>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    authorized(&request, &credentials, "")?;
    Ok(answer(Level { filter: desk.logbook.filter() }))
}

/// `PUT`, with what `GET` answers. It lasts as long as the process.
pub async fn set_log_level(
    request: HttpRequest,
    payload: Payload,
    desk: Data<Desk>,
    limits: Data<BodyLimits>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    authorized(&request, &credentials, "")?;
    let (body, _portion) = read(&request, payload, &limits).await?;
    let Level { filter } =
        serde_json::from_slice(&body).map_err(|error| ApiError::Json(error.to_string()))?;
    if filter.len() > MAX_FILTER {
        return Err(Invalid::TooLong { field: "filter", limit: MAX_FILTER }.into());
    }
    desk.logbook.set_filter(&filter).map_err(|why| Invalid::Filter(why.to_string()))?;
    log::info!("the operator has set the filter of the log to {filter:?}");
    Ok(answer(Level { filter }))
}
