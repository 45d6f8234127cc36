//! Errors, as the document has them: they are asked for their own answers.

use std::{collections::BTreeSet, time::Duration};

use actix_web::{ResponseError, body::MessageBody as _, http::header::CONTENT_TYPE};
use serde_json::Value;
use utoipa::openapi::{
    ObjectBuilder, Ref, RefOr, Schema, Type,
    schema::{ArrayBuilder, OneOfBuilder},
};

use super::super::{error::ApiError, limits::Limited, mercure::MercureError};
use crate::{auth::AuthError, hub::Refusal};

/// What a body may have at the most, where nothing else is set: `FANFARE_MAX_BODY`.
const MAX_BODY: usize = 256 * 1024;

/// The name of the one schema.
pub const SCHEMA: &str = "Error";

/// How an error answers.
pub struct Sample {
    pub status: u16,
    pub code: &'static str,
    pub content_type: String,
    pub body: Value,
    /// Its headers, but for those of its body.
    pub headers: Vec<String>,
}

/// An error that has a word.
pub trait Coded: ResponseError {
    fn word(&self) -> &'static str;
}

impl Coded for ApiError {
    fn word(&self) -> &'static str {
        self.code()
    }
}

impl Coded for MercureError {
    fn word(&self) -> &'static str {
        self.code()
    }
}

impl Sample {
    /// Whether it has the shape of the hub's own errors.
    pub fn is_own(&self) -> bool {
        self.body.is_object()
    }

    pub fn of(error: &impl Coded) -> Self {
        let response = error.error_response();
        let headers = response.headers();
        let text = |value: &actix_web::http::header::HeaderValue| {
            value.to_str().unwrap_or_default().to_owned()
        };
        let content_type = headers.get(CONTENT_TYPE).map(text).unwrap_or_default();
        let names = headers.keys().filter(|name| *name != CONTENT_TYPE);
        let headers = names.map(|name| name.as_str().to_owned()).collect();
        let status = response.status().as_u16();
        let body = response.into_body().try_into_bytes().unwrap_or_default();
        let plain = || Value::from(String::from_utf8_lossy(&body).into_owned());
        let body = serde_json::from_slice(&body).unwrap_or_else(|_| plain());
        Self { status, code: error.word(), content_type, body, headers }
    }
}

/// What errors are: the one schema, or a line of text.
pub fn content_schema(own: bool) -> RefOr<Schema> {
    if own {
        Ref::from_schema_name(SCHEMA).into()
    } else {
        ObjectBuilder::new().schema_type(Type::String).into()
    }
}

/// What all errors of the hub's own paths are.
pub fn schema(mut codes: BTreeSet<&'static str>) -> Schema {
    // Any path has these.
    codes.extend([ApiError::Method(""), ApiError::Cors, ApiError::NotFound].map(|any| any.code()));
    let string = || ObjectBuilder::new().schema_type(Type::String);
    let error = ObjectBuilder::new()
        .property("code", string().enum_values(Some(codes)).description(Some("What it is.")))
        .property("message", string().description(Some("What to do. Not for programs.")))
        .required("code")
        .required("message")
        .build();
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    let none = ObjectBuilder::new().schema_type(Type::Null);
    let nullable = OneOfBuilder::new().item(none).item(error.clone());
    let success = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([false]));
    let line = ObjectBuilder::new().property("line", number).property("error", nullable);
    let lines = ArrayBuilder::new().items(line).description(Some(
        "What is wrong with each line of `/send-events`; `null` where nothing is.",
    ));
    ObjectBuilder::new()
        .property("success", success)
        .property("error", error)
        .property("lines", lines)
        .required("success")
        .required("error")
        .description(Some("Why a request failed."))
        .into()
}

/// Those of any query.
pub fn in_a_query() -> Vec<ApiError> {
    vec![ApiError::Query]
}

/// Those of a token.
pub fn in_a_token() -> Vec<ApiError> {
    use AuthError as A;
    let all = [
        A::Missing,
        A::Malformed,
        A::Expired,
        A::TooEarly,
        A::Audience,
        A::Issuer,
        A::Origin,
        A::NotGranted,
        A::NoKeys,
    ];
    all.map(ApiError::Auth).into()
}

/// Those of what is the operator's alone.
pub fn of_the_operator() -> Vec<ApiError> {
    let token = [AuthError::Missing, AuthError::Operator].map(ApiError::Auth);
    [vec![ApiError::NotFound], token.into()].concat()
}

/// Those of what may be done so often.
pub fn at_a_rate() -> Vec<ApiError> {
    let wait = Some(Duration::from_secs(1));
    let limited = |why| ApiError::Limited(Limited { why, wait });
    [Refusal::AddressRate, Refusal::SubjectRate].map(limited).into()
}

/// Those of a body, whatever is in it.
pub fn in_a_body() -> Vec<ApiError> {
    use ApiError as E;
    vec![E::BodyBroken, E::BodyTimeout, E::TooLarge(MAX_BODY), E::Busy]
}
