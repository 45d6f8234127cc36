//! Fields of a query or a form, as bytes: 0.x takes text that is not UTF-8.
//!
//! Promises: an escape that is none is an error, as it was with the official hub; it is not passed
//! on as text. Does not: know which fields there are.

use super::error::MercureError;

/// The decoded pairs, in their order.
#[derive(Debug, Default)]
pub struct Fields(Vec<(Vec<u8>, Vec<u8>)>);

impl Fields {
    /// Reads `name=value` pairs.
    pub fn parse(text: &[u8]) -> Result<Self, MercureError> {
        let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        let decode = |pair: &[u8]| {
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            Some((decode(name)?, decode(value)?))
        };
        let pairs: Option<_> = pairs.map(decode).collect();
        pairs.map(Self).ok_or(MercureError::BadRequest)
    }

    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// All pairs, in their order.
    pub fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// All values of this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let of_name = move |(key, value)| (key == name.as_bytes()).then_some(value);
        self.pairs().filter_map(of_name)
    }

    /// The first value of this name: of a field that is repeated it counts.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }
}

/// Takes the escapes out of a name, a value, or a part of a path.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let [high, low, after @ ..] = rest else { return None };
                let digit = |byte: u8| char::from(byte).to_digit(16);
                decoded.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
                rest = after;
            }
            other => decoded.push(*other),
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn fields_are_bytes_and_escapes_are_whole() {
        let fields = Fields::parse(b"a=1+2&b&&a=%FF%2b&=x&c==").unwrap();
        assert_eq!(fields.all("a").collect::<Vec<_>>(), [&b"1 2"[..], b"\xff+"]);
        assert_eq!(fields.first("b"), Some(&b""[..]));
        assert_eq!(fields.first("c"), Some(&b"="[..]));
        assert_eq!(fields.first("d"), None);
        for bad in ["%", "a=%2", "a=%zz", "%g0=1", "a=%+1"] {
            assert!(Fields::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
