//! Names and values of a query or a form (WHATWG URL, 5.1).
//!
//! Owns: the decoding. Promises: text that is not UTF-8 is refused, not replaced. Does not: know
//! which names there are; unknown ones are ignored, as the tutorial's server did.

use percent_encoding::percent_decode_str;

use super::error::ApiError;

/// The decoded pairs, in their order.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a request's query string.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        parse_pairs(text).map(Self).map_err(|_| ApiError::Query)
    }

    /// All values of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_name = move |(key, value): &'a (String, String)| (key == name).then_some(&**value);
        self.0.iter().filter_map(of_name)
    }

    /// The names that are there.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// The value of a name that may be there once.
    pub fn one(&self, name: &'static str) -> Result<Option<&str>, ApiError> {
        let mut values = self.all(name);
        let value = values.next();
        match values.next() {
            None => Ok(value),
            Some(_) => Err(ApiError::Repeated(name)),
        }
    }
}

/// Reads `name=value` pairs; the error is the number, from 1, of the one that is not UTF-8.
pub fn parse_pairs(text: &str) -> Result<Vec<(String, String)>, usize> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let decode = |(index, pair): (usize, &str)| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (decode(name), decode(value)) {
            (Some(name), Some(value)) => Ok((name, value)),
            _ => Err(index + 1),
        }
    };
    pairs.enumerate().map(decode).collect()
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(decoded.into_owned())
}
