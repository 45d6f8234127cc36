//! Which pages may talk to the hub (Fetch standard, 3.2).
//!
//! Promises: open to any origin without credentials by default, `null` included (a page opened
//! from disk); with a list of origins, to these with credentials. Errors have the headers too.

use actix_cors::Cors;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{RequestHead, ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
    middleware::Next,
};

use super::{error::ApiError, origins::OriginPatterns};

/// How long a browser may remember a preflight, in seconds: what Chromium allows at the most.
const MAX_AGE: usize = 7200;

/// What pages may read of an answer, besides what they always may.
const EXPOSED: [&str; 6] =
    ["etag", "last-event-id", "link", "mercure-last-event-id", "retry-after", "www-authenticate"];

/// Who may talk to the hub from a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Anyone, without credentials.
    Any,
    /// These, with credentials.
    Only(OriginPatterns),
}

/// The middleware.
pub fn cors(origins: &Origins) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "QUERY", "OPTIONS"])
        .allow_any_header()
        .expose_headers(EXPOSED)
        .max_age(MAX_AGE);
    match origins {
        Origins::Any => cors.allow_any_origin().send_wildcard(),
        Origins::Only(patterns) => {
            let patterns = patterns.clone();
            let listed = move |origin: &HeaderValue, _: &RequestHead| {
                origin.to_str().is_ok_and(|origin| patterns.include(origin))
            };
            cors.allowed_origin_fn(listed).supports_credentials()
        }
    }
}

/// Gives preflights the answers of the tutorial's server: 204 where they are allowed, and an
/// error like all others where not. Goes around [`cors`].
pub async fn answer_preflights(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = next.call(request).await?.map_into_boxed_body();
    if preflight {
        if response.status().is_success() {
            *response.response_mut().status_mut() = StatusCode::NO_CONTENT;
        } else {
            return Ok(response.error_response(ApiError::Cors));
        }
    }
    Ok(response)
}
