//! An event as a line of JSON: `{"data":…,"topic":…,"type":…,"id":…,"retry":…,"ttl":…,"private":…}`.
//!
//! Owns: the names. Promises: a field that is not one of them is refused, and so is one that is there
//! twice; `null` is as good as none, but for the data, which may be any JSON. Does not: know what the
//! parts mean; `parts.rs` does.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{body::compact_value, error::ApiError, parts::Parts};

/// Of a name that is not known, so much is repeated, in bytes.
const SHOWN: usize = 64;
/// The same of what is wrong with a line.
const MAX_WHY: usize = 160;

/// The parts of an event, and its data as one line of JSON.
pub fn read(line: &[u8]) -> Result<(Parts<'_>, String), ApiError> {
    let line = std::str::from_utf8(line).map_err(|error| ApiError::Utf8(error.valid_up_to()))?;
    let Fields(fields) = serde_json::from_str(line).map_err(|error| {
        // All of a line is in line 1.
        let mut why = error.to_string().replace(" at line 1 column ", " at column ");
        // A text in the place of an object is in it as a whole.
        if why.len() > MAX_WHY {
            why.truncate(why.floor_char_boundary(MAX_WHY));
            why.push('…');
        }
        ApiError::Line(why)
    })?;
    let mut parts = Parts::default();
    let mut data = None;
    let mut seen: Vec<&'static str> = Vec::new();
    for (name, value) in fields {
        let (name, part) = match &*name {
            "data" => {
                data = Some(compact_value(value));
                ("data", None)
            }
            "topic" => {
                parts.topics = topics(value)?;
                ("topic", None)
            }
            "id" => ("id", Some((&mut parts.id, Kind::Text))),
            "type" => ("type", Some((&mut parts.kind, Kind::Text))),
            "retry" => ("retry", Some((&mut parts.retry, Kind::Number))),
            "ttl" => ("ttl", Some((&mut parts.ttl, Kind::Time))),
            "delay" => ("delay", Some((&mut parts.delay, Kind::Time))),
            "at" => ("at", Some((&mut parts.at, Kind::Text))),
            "private" => ("private", Some((&mut parts.private, Kind::Switch))),
            other => {
                let end = other.floor_char_boundary(SHOWN);
                return Err(ApiError::UnknownField(other[..end].to_owned()));
            }
        };
        if seen.contains(&name) {
            return Err(ApiError::Repeated(name));
        }
        seen.push(name);
        if let Some((part, kind)) = part {
            *part = text(name, value, kind)?;
        }
    }
    Ok((parts, data.ok_or(ApiError::NoData)?))
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Time,
    Switch,
}

/// A value as it would be written in a query.
fn text<'a>(
    field: &'static str,
    value: &'a RawValue,
    kind: Kind,
) -> Result<Option<Cow<'a, str>>, ApiError> {
    let json = value.get();
    let wanted = match kind {
        Kind::Text => "a text",
        Kind::Number => "a number",
        Kind::Time => "a number of seconds or a text such as 500ms or 2m",
        Kind::Switch => "true or false",
    };
    match (json.as_bytes().first(), kind) {
        (Some(b'n'), _) => Ok(None),
        (Some(b'"'), Kind::Text | Kind::Time) => {
            string(field, value).map(|text| Some(Cow::Owned(text)))
        }
        (Some(b'-' | b'0'..=b'9'), Kind::Number | Kind::Time)
        | (Some(b't' | b'f'), Kind::Switch) => Ok(Some(Cow::Borrowed(json))),
        _ => Err(ApiError::FieldKind(field, wanted)),
    }
}

/// One topic, or several.
fn topics(value: &RawValue) -> Result<Vec<Cow<'_, str>>, ApiError> {
    match value.get().as_bytes().first() {
        Some(b'n') => Ok(Vec::new()),
        Some(b'"') => Ok(vec![Cow::Owned(string("topic", value)?)]),
        _ => {
            let topics: Vec<String> = serde_json::from_str(value.get())
                .map_err(|_| ApiError::FieldKind("topic", "a text or a list of texts"))?;
            Ok(topics.into_iter().map(Cow::Owned).collect())
        }
    }
}

/// A half of a surrogate pair makes no text.
fn string(field: &'static str, value: &RawValue) -> Result<String, ApiError> {
    serde_json::from_str(value.get()).map_err(|_| ApiError::FieldKind(field, "a text"))
}

/// An object's fields in their order, repeated ones too.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        from.deserialize_map(Reader)
    }
}
