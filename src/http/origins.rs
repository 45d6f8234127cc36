//! Patterns of origins: whose pages are meant.
//!
//! Promises: one that no browser ever sends is refused, and the right one named.

use actix_web::http::Uri;

const ALLOWED: &str =
    "allowed is * or a list such as https://a.example,http://localhost:8080,https://*.b.example";

/// Which origins are meant. None at all by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OriginPatterns(Vec<Pattern>);

/// What stands before and behind the `*` of a pattern; one without a `*` has no second half.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern(String, Option<String>);

impl OriginPatterns {
    /// Reads a list: `*`, `https://a.example`, or with one `*` such as `https://*.a.example`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let patterns = text.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        let patterns = patterns.map(Pattern::parse).collect::<Result<Vec<_>, _>>()?;
        if patterns.is_empty() { Err(ALLOWED.to_owned()) } else { Ok(Self(patterns)) }
    }

    /// Whether this origin is one of them.
    pub fn include(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.0.iter().any(|pattern| pattern.matches(&origin))
    }
}

impl Pattern {
    fn parse(given: &str) -> Result<Self, String> {
        let text = given.to_ascii_lowercase();
        let Some((before, behind)) = text.split_once('*') else {
            return match sent_for(&text) {
                // A page that was opened from disk, or is in a sandbox.
                _ if text == "null" => Ok(Self(text, None)),
                Some(sent) if sent == text => Ok(Self(text, None)),
                Some(sent) => {
                    Err(format!("browsers send `{sent}`, and never `{given}`; {ALLOWED}"))
                }
                None => Err(ALLOWED.to_owned()),
            };
        };
        let (scheme, host) = text.split_once("://").unwrap_or(("any", &text));
        let plain = |text: &str| text.is_ascii() && !text.contains(['*', '/', '?', '#', '@', ' ']);
        let fine = text == "*" || plain(scheme) && before.contains("://");
        if fine && plain(&host.replacen('*', "", 1)) {
            Ok(Self(before.to_owned(), Some(behind.to_owned())))
        } else {
            Err(ALLOWED.to_owned())
        }
    }

    fn matches(&self, origin: &str) -> bool {
        match &self.1 {
            None => self.0 == origin,
            Some(behind) => {
                // The halves must not overlap.
                origin.strip_prefix(&*self.0).is_some_and(|rest| rest.ends_with(&**behind))
            }
        }
    }
}

/// What a browser sends for pages of this address: scheme and host in lower case, the port where
/// it is not the scheme's own, and nothing else (WHATWG HTML, 7.1.1).
fn sent_for(address: &str) -> Option<String> {
    let uri: Uri = address.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let host = uri.host().filter(|host| !host.is_empty())?;
    let authority = uri.authority()?.as_str();
    let behind_user = authority.rsplit('@').next()?;
    let port = match behind_user.strip_prefix(host)?.strip_prefix(':').unwrap_or_default() {
        "" => None,
        digits => Some(digits.parse::<u16>().ok()?),
    };
    let port = match (&*scheme, port) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => String::new(),
        (_, Some(port)) => format!(":{port}"),
    };
    Some(format!("{scheme}://{}{port}", host.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::OriginPatterns;

    #[test]
    fn patterns_match_whole_origins() {
        let patterns = OriginPatterns::parse("https://A.example, https://*.b.example").unwrap();
        for (origin, included) in [
            ("https://a.example", true),
            ("HTTPS://A.EXAMPLE", true),
            ("https://a.example:8443", false),
            ("http://a.example", false),
            ("https://a.example.evil.example", false),
            ("https://x.b.example", true),
            ("https://x.y.b.example", true),
            ("https://b.example", false),
            ("https://evilb.example", false),
            ("https://x.b.example.evil.example", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(patterns.include(origin), included, "{origin}");
        }
        assert!(OriginPatterns::parse("*").unwrap().include("https://any.example"));
        assert!(OriginPatterns::parse("null").unwrap().include("null"));
        assert!(!OriginPatterns::default().include("https://a.example"));
        for wrong in ["", "a.example", "https://", "https://a/b", "https://*.*.a", "*x", "h*://a"] {
            assert!(OriginPatterns::parse(wrong).is_err(), "{wrong}");
        }
    }
}
