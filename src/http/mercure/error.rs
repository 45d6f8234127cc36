//! Every way in which a request of Mercure can fail, and the statuses that the protocol gives them.
//!
//! Promises: one line of plain text; in 0.x nothing but `Unauthorized` for whatever a token lacks,
//! in 1.0 the status and challenge of RFC 6750 with the place of the metadata (RFC 9728).

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    http::{StatusCode, header},
};

use super::dialect::Dialect;
use crate::{
    auth::AuthError,
    history::StorageError,
    http::{
        ApiError,
        error::{RETRY_AFTER, auth_code, bearer_error},
        limits::{Limited, seconds},
    },
    hub::{PublishError, Refusal},
    invalid::Invalid,
};

/// A request of Mercure that can't be served. The text is that of the answer.
#[derive(Debug, thiserror::Error)]
pub enum MercureError {
    /// A form, a query or a header that can't be read.
    #[error("Bad Request")]
    BadRequest,
    /// A parameter that is missing or wrong; the words are those of the official hub, or free.
    #[error("{0}")]
    Parameter(&'static str),
    /// A text of 1.0 that has characters which nobody sees.
    #[error("`{0}` is not UTF-8, or has control or format characters")]
    Hidden(&'static str),
    /// A part of an event or of a subscription breaks its rules.
    #[error("{0}")]
    Invalid(#[from] Invalid),
    /// A topic of the hub's own, in 0.x.
    #[error("topics with /.well-known/mercure belong to the hub")]
    Reserved,
    /// Not allowed. The last is the URL of the metadata.
    #[error("{}", phrase(status_of(*.0, *.1)))]
    Refused(AuthError, Option<Dialect>, String),
    /// There is nothing at this path.
    #[error("404 page not found")]
    NotFound,
    /// The path knows other methods. Holds the `Allow` header.
    #[error("")]
    Method(String),
    /// The body did not arrive in time.
    #[error("Request Timeout")]
    Timeout,
    /// The body is over the limit.
    #[error("Request Entity Too Large")]
    TooLarge,
    /// This address, or the subject of this token, has as many streams as it may.
    #[error("Too Many Requests")]
    TooMany,
    /// Too often.
    #[error("Too Many Requests")]
    Limited(Limited),
    /// Not now.
    #[error("Service Unavailable")]
    Unavailable,
    /// A part of the hub has died, or its history can't be read or written.
    #[error("Internal Server Error")]
    Failing,
}

impl MercureError {
    /// A word for counts: where the hub's own endpoints have the same error, theirs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Parameter(_) | Self::Hidden(_) | Self::Invalid(_) => "invalid_parameter",
            Self::Reserved => "reserved_topic",
            Self::Refused(why, ..) => auth_code(*why),
            Self::NotFound => "not_found",
            Self::Method(_) => "method_not_allowed",
            Self::Timeout => "body_timeout",
            Self::TooLarge => "body_too_large",
            Self::TooMany => "address_full",
            Self::Limited(Limited { why, .. }) => why.as_str(),
            Self::Unavailable => "unavailable",
            Self::Failing => "failing",
        }
    }
}

impl From<ApiError> for MercureError {
    /// What is shared with the hub's own endpoints: reading bodies, and opening streams.
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::TooLarge(_) => Self::TooLarge,
            ApiError::BodyTimeout => Self::Timeout,
            ApiError::NotReady | ApiError::Busy => Self::Unavailable,
            _ => Self::BadRequest,
        }
    }
}

impl From<Refusal> for MercureError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::AddressFull
            | Refusal::SubjectFull
            | Refusal::AddressRate
            | Refusal::SubjectRate => Self::TooMany,
            Refusal::Full | Refusal::Draining => Self::Unavailable,
        }
    }
}

impl From<Limited> for MercureError {
    fn from(limited: Limited) -> Self {
        Self::Limited(limited)
    }
}

impl From<PublishError> for MercureError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Draining => Self::Unavailable,
            PublishError::Failing => Self::Failing,
            PublishError::Storage(error) => error.into(),
        }
    }
}

impl From<StorageError> for MercureError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Full | StorageError::Failed => Self::Failing,
            StorageError::Crowded | StorageError::Busy | StorageError::Away => Self::Unavailable,
        }
    }
}

impl ResponseError for MercureError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadRequest | Self::Parameter(_) | Self::Hidden(_) | Self::Invalid(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::Reserved => StatusCode::FORBIDDEN,
            Self::Refused(why, dialect, _) => status_of(*why, *dialect),
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany | Self::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failing => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponseBuilder::new(status);
        match self {
            Self::Method(allow) => {
                return response.insert_header((header::ALLOW, &**allow)).finish();
            }
            Self::Refused(why, dialect, metadata)
                if *dialect != Some(Dialect::Old) && *why != AuthError::NoKeys =>
            {
                let challenge = challenge(*why, metadata);
                response.insert_header((header::WWW_AUTHENTICATE, challenge));
            }
            Self::Timeout | Self::TooLarge => {
                response.force_close();
            }
            Self::Limited(Limited { wait, .. }) => {
                response.insert_header((header::RETRY_AFTER, seconds(wait.unwrap_or_default())));
            }
            Self::TooMany | Self::Unavailable | Self::Refused(AuthError::NoKeys, ..) => {
                response.insert_header((header::RETRY_AFTER, fastrand::u32(RETRY_AFTER)));
                // Its socket has to be free for others meanwhile.
                response.force_close();
            }
            _ => {}
        }
        response.content_type(TEXT).body(format!("{self}\n"))
    }
}

/// The type of every answer that is text.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// 0.x has one status for all. Where the dialect is not clear, it is that of 0.x as well.
fn status_of(why: AuthError, dialect: Option<Dialect>) -> StatusCode {
    match (why, dialect) {
        (AuthError::NoKeys, _) => StatusCode::SERVICE_UNAVAILABLE,
        (AuthError::NotGranted, Some(Dialect::New)) => StatusCode::FORBIDDEN,
        (AuthError::Malformed | AuthError::Origin, Some(Dialect::New)) => StatusCode::BAD_REQUEST,
        _ => StatusCode::UNAUTHORIZED,
    }
}

fn phrase(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or_default()
}

fn challenge(why: AuthError, metadata: &str) -> String {
    let place = format!("resource_metadata=\"{metadata}\"");
    match bearer_error(why) {
        Some(error) => format!("Bearer error=\"{error}\", {place}"),
        None => format!("Bearer {place}"),
    }
}
