//! Which pages may talk to the hub (Fetch standard, 3.2).
//!
//! Promises: open to any origin without credentials by default, `null` included (a page opened
//! from disk); with a list of origins, to these with credentials. Errors have the headers too. A
//! list has only origins that a browser sends, letter by letter: that is how they are compared.

use std::str::FromStr;

use actix_cors::Cors;
use actix_web::{
    Error, HttpRequest,
    body::MessageBody,
    dev::{RequestHead, ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
    middleware::Next,
};

use super::{error::ApiError, limits, origins::OriginPatterns};

/// How long a browser may remember a preflight, in seconds: what Chromium allows at the most.
const MAX_AGE: usize = 7200;

/// What pages may read of an answer, besides what they always may.
const EXPOSED: [&str; 7] = [
    "etag",
    "idempotency-replayed",
    "last-event-id",
    "link",
    "mercure-last-event-id",
    "retry-after",
    "www-authenticate",
];

/// Who may talk to the hub from a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Anyone, without credentials.
    Any,
    /// These, with credentials.
    Only(OriginPatterns),
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "*" => Ok(Self::Any),
            list if list.split(',').any(|origin| origin.trim() == "*") => {
                Err("allowed is * alone, or a list without it".to_owned())
            }
            list => OriginPatterns::parse(list).map(Self::Only),
        }
    }
}

impl Origins {
    /// Whether the page that a request comes from may publish, if it comes from one: a listed
    /// page, or the hub's own. Browsers ask no preflight for a form; they only hide the answer.
    /// One that may use a publisher's cookie may publish without it.
    pub fn check(&self, request: &HttpRequest, others: &OriginPatterns) -> Result<(), ApiError> {
        let (Self::Only(list), Some(origin)) = (self, request.headers().get(header::ORIGIN)) else {
            return Ok(());
        };
        let host = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
        let origin = origin.to_str().unwrap_or_default();
        // Whether it is http or https only a proxy in front knows.
        let own = origin.split_once("://").is_some_and(|(_, at)| Some(at.as_bytes()) == host);
        if own || others.include(origin) || list.include(origin) {
            Ok(())
        } else {
            Err(ApiError::Origin)
        }
    }
}

/// The middleware.
pub fn cors(origins: &Origins) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "QUERY", "OPTIONS"])
        .allow_any_header()
        .expose_headers(EXPOSED)
        .expose_headers(limits::NAMES)
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
