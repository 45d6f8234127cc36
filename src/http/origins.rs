//! Patterns of origins, for what browsers do in a user's name.

/// Which origins are meant. None at all by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OriginPatterns(Vec<Pattern>);

/// What stands before and behind the `*` of a pattern; one without a `*` has no second half.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern(String, Option<String>);

impl OriginPatterns {
    /// Reads a list: `*`, `https://a.example`, or with one `*` such as `https://*.a.example`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const ALLOWED: &str =
            "allowed is * or a list such as https://a.example,https://*.b.example";
        let patterns = text.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        let patterns: Option<Vec<_>> = patterns.map(Pattern::parse).collect();
        patterns.filter(|all| !all.is_empty()).map(Self).ok_or(ALLOWED)
    }

    /// Whether this origin is one of them.
    pub fn include(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.0.iter().any(|pattern| pattern.matches(&origin))
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let pattern = match text.split_once('*') {
            None => Self(text.clone(), None),
            Some((before, behind)) => Self(before.to_owned(), Some(behind.to_owned())),
        };
        let plain = |text: &str| text.is_ascii() && !text.contains(['*', '?', '#', '@', ' ']);
        let fine = match text.split_once("://") {
            Some((scheme, host)) => {
                !scheme.is_empty()
                    && !scheme.contains('*')
                    && !host.is_empty()
                    && !host.contains('/')
            }
            None => matches!(&*text, "*" | "null"),
        };
        let halves = plain(&pattern.0) && pattern.1.as_deref().is_none_or(plain);
        (fine && halves).then_some(pattern)
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
