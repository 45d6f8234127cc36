//! What topics, ids, types and data may be, in each dialect.
//!
//! Owns: which topics belong to the hub. Promises: nobody but the hub publishes what it says of
//! subscriptions; text of 1.0 is text that people see. Does not: know limits of length (`event`,
//! `topic`).

use url::Url;

use super::{PATH, error::MercureError};
use crate::topic::{Topic, is_visible};

/// Text of 1.0: UTF-8 without control and format characters.
pub fn visible<'a>(field: &'static str, bytes: &'a [u8]) -> Result<&'a str, MercureError> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| is_visible(text));
    text.ok_or(MercureError::Hidden(field))
}

/// Whether a topic is one of the hub's own by the rule of 0.x: wherever in it the path is.
pub fn is_reserved(topic: &Topic) -> bool {
    topic.as_str().contains(PATH)
}

/// Whether a topic is one of the hub's own by the rule of 1.0: as a URL, relative to that of the
/// hub, it has the path of the hub or one below it, on whatever host.
pub fn is_reserved_url(topic: &Topic, hub: Option<&Url>) -> bool {
    let url = Url::options().base_url(hub).parse(topic.as_str());
    let Ok(url) = url else { return false };
    let path = without_needless_escapes(url.path());
    let below = path.strip_prefix(PATH);
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Writes unreserved characters as they are (RFC 3986, 2.3): `%6D` is `m`.
fn without_needless_escapes(path: &str) -> String {
    let mut parts = path.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let escape = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escape.map(char::from) {
            Some(c) if c.is_ascii_alphanumeric() || "-._~".contains(c) => {
                plain.push(c);
                plain.push_str(&part[2..]);
            }
            _ => plain.extend(["%", part]),
        }
    }
    plain
}
