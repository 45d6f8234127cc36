//! The body of a publishing request: any JSON value, or form fields.
//!
//! Owns: what is accepted, and the compact JSON that it becomes. Promises: key order and the text
//! of numbers are kept (they would not survive a parse into floats), duplicate keys too; the
//! result has no line end. Does not: read more than the limit, or wait longer than the time-out.

use std::time::Duration;

use actix_web::{
    HttpMessage as _, HttpRequest,
    http::header,
    web::{BytesMut, Payload},
};
use futures_util::StreamExt as _;
use indexmap::IndexMap;
use mime::Mime;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::{
    error::ApiError,
    intake::{Intake, Portion},
    query::parse_pairs,
    unread::BodyRead,
};

/// What is accepted.
#[derive(Debug, Clone)]
pub struct BodyLimits {
    /// The largest body, in bytes.
    pub max_bytes: usize,
    /// How long the whole body may take to arrive.
    pub patience: Duration,
    /// How much of all bodies may be in memory.
    pub intake: Intake,
}

/// Reads a body and turns it into one line of JSON.
pub async fn read_json(
    request: &HttpRequest,
    payload: Payload,
    limits: &BodyLimits,
) -> Result<String, ApiError> {
    let kind = Kind::of(&media_type(request)?).ok_or(ApiError::MediaType)?;
    let (body, _portion) = read(request, payload, limits).await?;
    let text = std::str::from_utf8(&body).map_err(|error| ApiError::Utf8(error.valid_up_to()))?;
    // A BOM is no part of the text (RFC 8259, 8.1 lets a reader ignore it).
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(ApiError::EmptyBody);
    }
    match kind {
        Kind::Json => compact(text),
        Kind::Form => form_to_json(text),
    }
}

/// Reads a body of lines, each a JSON value.
pub async fn read_lines(
    request: &HttpRequest,
    payload: Payload,
    limits: &BodyLimits,
) -> Result<(BytesMut, Portion), ApiError> {
    let kind = media_type(request).map_err(|error| match error {
        ApiError::MediaType => ApiError::LinesMediaType,
        other => other,
    })?;
    if !LINES.contains(&kind.essence_str()) {
        return Err(ApiError::LinesMediaType);
    }
    read(request, payload, limits).await
}

/// The names of JSON in lines: none is registered.
const LINES: [&str; 4] =
    ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"];

enum Kind {
    Json,
    Form,
}

impl Kind {
    fn of(mime: &Mime) -> Option<Self> {
        match (mime.type_(), mime.subtype(), mime.suffix()) {
            (mime::APPLICATION, mime::JSON, _) | (mime::APPLICATION, _, Some(mime::JSON)) => {
                Some(Self::Json)
            }
            (mime::APPLICATION, mime::WWW_FORM_URLENCODED, _) => Some(Self::Form),
            _ => None,
        }
    }
}

/// What the body is said to be: plain, and UTF-8.
fn media_type(request: &HttpRequest) -> Result<Mime, ApiError> {
    let text = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    if text(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(ApiError::ContentEncoding);
    }
    let mime: Mime = text(header::CONTENT_TYPE)
        .and_then(|value| value.parse().ok())
        .ok_or(ApiError::MediaType)?;
    match mime.get_param(mime::CHARSET) {
        None | Some(mime::UTF_8) => Ok(mime),
        Some(_) => Err(ApiError::Charset),
    }
}

/// Reads a body as it is. The portion is held until what arrived is gone.
pub async fn read(
    request: &HttpRequest,
    payload: Payload,
    limits: &BodyLimits,
) -> Result<(BytesMut, Portion), ApiError> {
    let mut portion = limits.intake.portion();
    let whole = read_whole(request, payload, limits.max_bytes, &mut portion);
    let body = timeout(limits.patience, whole).await.unwrap_or(Err(ApiError::BodyTimeout))?;
    request.extensions_mut().insert(BodyRead);
    Ok((body, portion))
}

async fn read_whole(
    request: &HttpRequest,
    mut payload: Payload,
    max_bytes: usize,
    portion: &mut Portion,
) -> Result<BytesMut, ApiError> {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > max_bytes as u64) {
        return Err(ApiError::TooLarge(max_bytes));
    }
    let mut body = BytesMut::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| ApiError::BodyBroken)?;
        if body.len() + piece.len() > max_bytes {
            return Err(ApiError::TooLarge(max_bytes));
        }
        if !portion.grow(piece.len()) {
            return Err(ApiError::Busy);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Takes the white space out that stands between the tokens of a JSON text.
pub fn compact(text: &str) -> Result<String, ApiError> {
    // Says what is wrong and where, and no more: for a raw value it repeats nothing of the text.
    let value: &RawValue =
        serde_json::from_str(text).map_err(|error| ApiError::Json(error.to_string()))?;
    Ok(compact_value(value))
}

/// The same of what is known to be JSON.
pub fn compact_value(value: &RawValue) -> String {
    let mut compact = String::with_capacity(value.get().len());
    let mut rest = value.get();
    while let Some(quote) = rest.find('"') {
        push_tokens(&mut compact, &rest[..quote]);
        let end = quote + 1 + string_length(&rest[quote + 1..]);
        compact.push_str(&rest[quote..end]);
        rest = &rest[end..];
    }
    push_tokens(&mut compact, rest);
    compact
}

fn push_tokens(compact: &mut String, tokens: &str) {
    compact.extend(tokens.split_ascii_whitespace());
}

/// The length of a string, from behind its first quote up to and with its last.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let closes = |byte: u8| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    };
    text.bytes().position(closes).map_or(text.len(), |quote| quote + 1)
}

/// An object of strings, in the order of the fields; a repeated one becomes an array. This is
/// what `express.urlencoded({extended: false})` makes of it.
fn form_to_json(text: &str) -> Result<String, ApiError> {
    #[derive(serde::Serialize)]
    #[serde(untagged)]
    enum Value {
        One(String),
        Many(Vec<String>),
    }

    let pairs = parse_pairs(text).map_err(ApiError::FormUtf8)?;
    if pairs.is_empty() {
        return Err(ApiError::EmptyBody);
    }
    let mut fields: IndexMap<String, Value> = IndexMap::new();
    for (name, value) in pairs {
        match fields.get_mut(&name) {
            None => {
                fields.insert(name, Value::One(value));
            }
            Some(Value::Many(values)) => values.push(value),
            Some(one) => {
                let Value::One(first) = std::mem::replace(one, Value::Many(Vec::new())) else {
                    continue;
                };
                *one = Value::Many(vec![first, value]);
            }
        }
    }
    serde_json::to_string(&fields).map_err(|error| ApiError::Json(error.to_string()))
}
