//! Every way in which a request can fail, and the one place that knows the statuses.
//!
//! Promises: the answer is always `{"success":false,"error":{"code","message"}}`; the message
//! says what to do, and repeats neither the body nor anything of the hub's inside.

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    http::{StatusCode, header},
};

use super::limits::{Limited, seconds};
use crate::{
    auth::AuthError,
    history::StorageError,
    hub::{PublishError, Refusal},
    invalid::Invalid,
};

/// When a client that is turned away may ask again, in seconds.
pub(super) const RETRY_AFTER: std::ops::RangeInclusive<u32> = 1..=5;

/// What there is to say of a line, where not all can be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it; `None` where it could be published.
    pub error: Option<Box<ApiError>>,
}

/// A request that can't be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// A parameter breaks its rules.
    #[error("{0}")]
    Parameter(#[from] Invalid),
    /// A parameter that can be there once is there several times.
    #[error("`{0}` is given more than once")]
    Repeated(&'static str),
    /// The query's escapes don't make text.
    #[error("the query is not UTF-8 text: percent-encode it as UTF-8")]
    Query,
    /// There is nothing to publish.
    #[error("the body is empty: send a JSON value or form fields")]
    EmptyBody,
    /// The body's bytes are not text.
    #[error("the body is not UTF-8: bad byte at offset {0}")]
    Utf8(usize),
    /// The fields' escapes don't make text.
    #[error("the form field number {0} is not UTF-8 text: percent-encode it as UTF-8")]
    FormUtf8(usize),
    /// The body is no JSON value.
    #[error("the body is not JSON: {0}")]
    Json(String),
    /// A line is no JSON object.
    #[error("the line is not a JSON object: {0}")]
    Line(String),
    /// A line has a field that means nothing.
    #[error(
        "`{0}` is no field of an event: data, topic, type, id, retry, ttl, delay, at and private are"
    )]
    UnknownField(String),
    /// A field has a value of another kind than it may have.
    #[error("`{0}` is not {1}")]
    FieldKind(&'static str, &'static str),
    /// A line has nothing to publish.
    #[error("`data` is missing: give it any JSON value")]
    NoData,
    /// There is no line.
    #[error("there is no event: send a JSON object a line")]
    NoLines,
    /// More lines than may be.
    #[error("there are more than {0} lines: send them in several requests")]
    TooManyLines(usize),
    /// Lines can't be published, and so none is.
    #[error("nothing is published: {} of {} lines can't be", count_bad(.0), .0.len())]
    Lines(Vec<BadLine>),
    /// The body is of no kind that can be published.
    #[error("send Content-Type application/json (or +json), or application/x-www-form-urlencoded")]
    MediaType,
    /// The same for lines.
    #[error("send Content-Type application/x-ndjson: a JSON object a line")]
    LinesMediaType,
    /// The body is not in UTF-8.
    #[error("send the body in UTF-8: no other charset is read")]
    Charset,
    /// The body is compressed.
    #[error("send the body without Content-Encoding: none is read")]
    ContentEncoding,
    /// The body is over the limit.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    BodyTimeout,
    /// The body broke off.
    #[error("the body is broken or incomplete")]
    BodyBroken,
    /// There is no such path.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path knows other methods. Holds the `Allow` header.
    #[error("this path takes {0}")]
    Method(&'static str),
    /// A preflight that is refused.
    #[error("this origin, method or header is not allowed (FANFARE_CORS_ORIGINS)")]
    Cors,
    /// A page that may not publish.
    #[error("pages of this origin may not publish: list it in FANFARE_CORS_ORIGINS")]
    Origin,
    /// The key of a request that may be sent again is none.
    #[error(
        "`Idempotency-Key` is one text of 1 to {0} visible ASCII characters, in quotes or without"
    )]
    IdempotencyKey(usize),
    /// It has been used for something else.
    #[error("this `Idempotency-Key` was used for another payload: each has a key of its own")]
    KeyReused,
    /// Too many bodies arrive at a time.
    #[error("the hub receives too much at a time: try again later")]
    Busy,
    /// Not allowed.
    #[error("{0}")]
    Auth(#[from] AuthError),
    /// More tickets are out than are kept.
    #[error("too many tickets are unused: try again later")]
    Tickets,
    /// No place for a stream.
    #[error("{0}: try again later")]
    Refused(#[from] Refusal),
    /// Too often.
    #[error("{0}")]
    Limited(#[from] Limited),
    /// Not published.
    #[error("{0}: try again later")]
    Publish(#[from] PublishError),
    /// Nothing can be published now.
    #[error("{0}")]
    History(StorageError),
    /// A Broadcaster does not answer.
    #[error("a part of the hub does not answer")]
    NotReady,
}

impl ApiError {
    /// A word that programs can rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Parameter(_)
            | Self::Repeated(_)
            | Self::UnknownField(_)
            | Self::FieldKind(..)
            | Self::NoData => "invalid_parameter",
            Self::Query => "invalid_query",
            Self::EmptyBody | Self::NoLines => "empty_body",
            Self::Utf8(_) | Self::FormUtf8(_) => "invalid_utf8",
            Self::Json(_) | Self::Line(_) => "invalid_json",
            Self::TooManyLines(_) => "too_many_lines",
            Self::Lines(lines) if are_forbidden(lines) => auth_code(AuthError::NotGranted),
            Self::Lines(_) => "invalid_lines",
            Self::MediaType | Self::LinesMediaType | Self::Charset => "unsupported_media_type",
            Self::ContentEncoding => "unsupported_content_encoding",
            Self::TooLarge(_) => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::BodyBroken => "body_broken",
            Self::NotFound => "not_found",
            Self::Method(_) => "method_not_allowed",
            Self::Cors => "cors_refused",
            Self::Origin => "origin_refused",
            Self::IdempotencyKey(_) => "invalid_idempotency_key",
            Self::KeyReused => "idempotency_key_reused",
            Self::Busy => "busy",
            Self::Auth(why) => auth_code(*why),
            Self::Tickets => "too_many_tickets",
            Self::Refused(why) | Self::Limited(Limited { why, .. }) => why.as_str(),
            Self::Publish(why) => publish_code(*why),
            Self::History(why) => storage_code(*why),
            Self::NotReady => "not_ready",
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Lines(lines) if are_forbidden(lines) => StatusCode::FORBIDDEN,
            Self::Parameter(_)
            | Self::Repeated(_)
            | Self::Line(_)
            | Self::UnknownField(_)
            | Self::FieldKind(..)
            | Self::NoData
            | Self::NoLines
            | Self::Lines(_)
            | Self::Query
            | Self::EmptyBody
            | Self::Utf8(_)
            | Self::FormUtf8(_)
            | Self::Json(_)
            | Self::BodyBroken
            | Self::IdempotencyKey(_)
            | Self::Cors => StatusCode::BAD_REQUEST,
            Self::Auth(AuthError::NoKeys)
            | Self::Tickets
            | Self::Busy
            | Self::Refused(_)
            | Self::Publish(
                PublishError::Draining
                | PublishError::Storage(
                    StorageError::Failed
                    | StorageError::Crowded
                    | StorageError::Busy
                    | StorageError::Away,
                ),
            )
            | Self::History(_)
            | Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::Origin
            | Self::Auth(AuthError::NotGranted | AuthError::Origin | AuthError::Referer) => {
                StatusCode::FORBIDDEN
            }
            Self::Auth(_) => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Limited(Limited { wait: Some(_), .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge(_) | Self::TooManyLines(_) | Self::Limited(_) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::MediaType | Self::LinesMediaType | Self::Charset | Self::ContentEncoding => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::Publish(PublishError::Failing) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Publish(PublishError::Storage(StorageError::Full)) => {
                StatusCode::INSUFFICIENT_STORAGE
            }
        }
    }

    fn error_response(&self) -> HttpResponse {
        #[derive(serde::Serialize)]
        struct Failure<'a> {
            success: bool,
            error: Reason<'a>,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            lines: Vec<Line<'a>>,
        }
        #[derive(serde::Serialize)]
        struct Reason<'a> {
            code: &'a str,
            message: String,
        }
        #[derive(serde::Serialize)]
        struct Line<'a> {
            line: usize,
            error: Option<Reason<'a>>,
        }

        fn reason(error: &ApiError) -> Reason<'_> {
            Reason { code: error.code(), message: error.to_string() }
        }

        let mut response = HttpResponseBuilder::new(self.status_code());
        match self {
            Self::Method(allow) => {
                response.insert_header((header::ALLOW, *allow));
            }
            Self::MediaType => {
                response.insert_header((
                    "accept-post",
                    "application/json, application/x-www-form-urlencoded",
                ));
            }
            Self::Limited(Limited { wait: Some(wait), .. }) => {
                response.insert_header((header::RETRY_AFTER, seconds(*wait)));
            }
            Self::LinesMediaType => {
                response.insert_header(("accept-post", "application/x-ndjson"));
            }
            Self::Lines(lines) if are_forbidden(lines) => {
                let challenge = challenge(AuthError::NotGranted);
                response.insert_header((header::WWW_AUTHENTICATE, challenge));
            }
            Self::Auth(why) if self.status_code() != StatusCode::SERVICE_UNAVAILABLE => {
                response.insert_header((header::WWW_AUTHENTICATE, challenge(*why)));
            }
            _ if matches!(self.status_code().as_u16(), 503 | 507) => {
                response.insert_header((header::RETRY_AFTER, fastrand::u32(RETRY_AFTER)));
                // Its socket has to be free for others meanwhile.
                response.force_close();
            }
            _ => {}
        }
        let lines = match self {
            Self::Lines(lines) => &**lines,
            _ => &[],
        };
        let lines = lines
            .iter()
            .map(|bad| Line { line: bad.line, error: bad.error.as_deref().map(reason) });
        let lines = lines.collect();
        response.json(Failure { success: false, error: reason(self), lines })
    }
}

fn count_bad(lines: &[BadLine]) -> usize {
    lines.iter().filter(|line| line.error.is_some()).count()
}

/// Whether nothing is wrong with them but that this publisher may not publish them.
fn are_forbidden(lines: &[BadLine]) -> bool {
    let forbidden = ApiError::Auth(AuthError::NotGranted);
    lines.iter().filter_map(|line| line.error.as_deref()).all(|error| *error == forbidden)
}

fn publish_code(why: PublishError) -> &'static str {
    match why {
        PublishError::Draining => "draining",
        PublishError::Failing => "failing",
        PublishError::Storage(why) => storage_code(why),
    }
}

fn storage_code(why: StorageError) -> &'static str {
    match why {
        StorageError::Full => "storage_full",
        StorageError::Failed => "storage_failed",
        StorageError::Crowded => "too_many_delayed",
        StorageError::Busy => "storage_busy",
        StorageError::Away => "storage_away",
    }
}

pub(super) fn auth_code(why: AuthError) -> &'static str {
    match why {
        AuthError::Missing => "token_missing",
        AuthError::Malformed | AuthError::Signature | AuthError::Claims | AuthError::Operator => {
            "token_invalid"
        }
        AuthError::Expired => "token_expired",
        AuthError::TooEarly => "token_not_valid_yet",
        AuthError::Audience => "token_audience",
        AuthError::Issuer => "token_issuer",
        AuthError::Origin | AuthError::Referer => "origin_refused",
        AuthError::Ticket => "ticket_invalid",
        AuthError::NotGranted => "not_granted",
        AuthError::NoKeys => "no_keys",
    }
}

/// What a client that knows bearer tokens is told (RFC 6750, 3).
fn challenge(why: AuthError) -> String {
    match bearer_error(why) {
        Some(error) => format!("Bearer error=\"{error}\""),
        None => "Bearer".to_owned(),
    }
}

/// The error of RFC 6750, 3.1; none for a request that has no token.
pub(super) fn bearer_error(why: AuthError) -> Option<&'static str> {
    match why {
        AuthError::Missing => None,
        AuthError::Malformed | AuthError::Origin => Some("invalid_request"),
        AuthError::NotGranted => Some("insufficient_scope"),
        _ => Some("invalid_token"),
    }
}
