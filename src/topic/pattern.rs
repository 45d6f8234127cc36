//! A URL Pattern (WHATWG): `https://example.com/books/:id`, `/books/*`.
//!
//! Owns: which topics a pattern matches, by the rules of Mercure 1.0: topics and patterns are
//! relative to the hub's own URL, a topic that is no URL matches nothing, and case counts, but in
//! schemes and hosts. Promises: a match is one pass over the topic, whatever the pattern, and a
//! pattern takes at most 16 KiB for each regular expression (`dfa`). Does not: know the syntax;
//! that is the crate `urlpattern`.

use std::{
    borrow::Borrow,
    hash::{Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use url::{Url, quirks};
use urlpattern::{
    UrlPattern, UrlPatternInit, UrlPatternOptions,
    component::Component,
    matcher::{InnerMatcher, Matcher},
};

use super::{Topic, dfa::Dfa};
use crate::invalid::Invalid;

/// Its name in a request.
pub const FIELD: &str = "match_urlpattern";

/// The most characters with a meaning in a pattern: to parse thousands of them takes
/// milliseconds.
const MAX_SIGNS: usize = 64;

/// The URL that relative patterns and topics are relative to: the hub's own. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Base(Arc<Url>);

impl Base {
    /// Reads an absolute URL. `None` where it is none, or nothing can be relative to it.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        (!url.cannot_be_a_base()).then(|| Self(Arc::new(url)))
    }

    /// The URL that a topic is, if it is one.
    pub fn resolve(&self, topic: &Topic) -> Option<Address> {
        let url = Url::options().base_url(Some(&self.0)).parse(topic.as_str()).ok()?;
        let [scheme, _, _, host, port, path, _, _] = parts(&url);
        let key = [scheme, ":", host, ":", port, path].concat();
        Some(Address { url, key })
    }
}

impl Default for Base {
    /// That of a hub that has no name: what is relative to it matches what is relative to it, and
    /// nothing else (RFC 6761, 6.4: nobody is called so).
    fn default() -> Self {
        Self(Arc::new(Url::parse("http://mercure.invalid/").expect("this is a URL")))
    }
}

/// A topic as a URL.
#[derive(Debug)]
pub struct Address {
    url: Url,
    key: String,
}

impl Address {
    /// Its scheme, host, port and path: begins with [`Pattern::prefix`] where the pattern matches.
    pub fn key(&self) -> &str {
        &self.key
    }
}

fn parts(url: &Url) -> [&str; 8] {
    [
        url.scheme(),
        url.username(),
        url.password().unwrap_or_default(),
        url.host_str().unwrap_or_default(),
        quirks::port(url),
        url.path(),
        url.query().unwrap_or_default(),
        url.fragment().unwrap_or_default(),
    ]
}

/// What a pattern is made from. Two patterns are equal when these are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// The text as it was given.
    pub text: Topic,
    /// What it is relative to.
    pub base: Base,
}

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern {
    source: Source,
    prefix: Box<str>,
    parts: [Part; 8],
}

impl Pattern {
    /// Compiles a pattern.
    pub fn parse(source: Source) -> Result<Self, Invalid> {
        let text = source.text.as_str();
        if text.bytes().filter(|byte| b":*?+({[\\|".contains(byte)).count() > MAX_SIGNS {
            return Err(Invalid::Pattern { field: FIELD });
        }
        let compiled = compile(text, &source.base).ok_or(Invalid::Pattern { field: FIELD })?;
        let prefix = prefix(&compiled).into();
        Ok(Self { source, prefix, parts: compiled })
    }

    /// Whether a topic that has been resolved against this pattern's base matches.
    pub fn matches(&self, topic: &Address) -> bool {
        self.parts.iter().zip(parts(&topic.url)).all(|(part, text)| part.matches(text))
    }

    /// The text that it was read from.
    pub fn text(&self) -> &Topic {
        &self.source.text
    }

    /// What its topics are relative to.
    pub fn base(&self) -> &Base {
        &self.source.base
    }

    /// What the key of every topic that it matches begins with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.source.hash(state);
    }
}

impl Borrow<Source> for Pattern {
    fn borrow(&self) -> &Source {
        &self.source
    }
}

fn compile(text: &str, base: &Base) -> Option<[Part; 8]> {
    // The parser takes `*:]` one level too deep, which panics where overflows are checked. What
    // else it may get wrong is to concern one client, too.
    let parse = || {
        let base = Url::clone(&base.0);
        let mut init = UrlPatternInit::parse_constructor_string::<Dfa>(text, Some(base))?;
        if init.protocol.is_some() {
            // It is absolute. Else the path of `urn\:uuid\:*` would become that of the base.
            init.base_url = None;
        }
        UrlPattern::<Dfa>::parse(init, UrlPatternOptions::default())
    };
    let pattern = catch_unwind(AssertUnwindSafe(parse)).ok()?.ok()?;
    Some([
        Part::compile(pattern.protocol)?,
        Part::compile(pattern.username)?,
        Part::compile(pattern.password)?,
        Part::compile(pattern.hostname)?,
        Part::compile(pattern.port)?,
        Part::compile(pattern.pathname)?,
        Part::compile(pattern.search)?,
        Part::compile(pattern.hash)?,
    ])
}

/// As much of the beginning of [`Address::key`] as the parts leave no choice about.
fn prefix([scheme, _, _, host, port, path, _, _]: &[Part; 8]) -> String {
    let mut prefix = String::new();
    for (part, end) in [(scheme, ":"), (host, ":"), (port, ""), (path, "")] {
        prefix.push_str(&part.prefix);
        if !matches!(part.middle, Middle::Nothing) {
            break;
        }
        prefix.push_str(end);
    }
    prefix
}

/// What one part of a URL has to look like.
#[derive(Debug)]
struct Part {
    prefix: Box<str>,
    middle: Middle,
    suffix: Box<str>,
}

#[derive(Debug)]
enum Middle {
    Nothing,
    /// Any text without this character, empty or not.
    Any {
        but: Option<char>,
        empty: bool,
    },
    Regular(Dfa),
}

impl Part {
    fn compile(component: Component<Dfa>) -> Option<Self> {
        let Matcher { prefix, suffix, inner, .. } = component.matcher;
        let (prefix, middle) = match inner {
            InnerMatcher::Literal { literal } => (literal, Middle::Nothing),
            InnerMatcher::SingleCapture { filter, allow_empty } => {
                (prefix, Middle::Any { but: filter, empty: allow_empty })
            }
            InnerMatcher::RegExp { regexp } => {
                let dfa = regexp.ok()?;
                dfa.table()?;
                (prefix, Middle::Regular(dfa))
            }
        };
        Some(Self { prefix: prefix.into(), middle, suffix: suffix.into() })
    }

    fn matches(&self, text: &str) -> bool {
        let rest = text.strip_prefix(&*self.prefix);
        let Some(rest) = rest.and_then(|rest| rest.strip_suffix(&*self.suffix)) else {
            return false;
        };
        match &self.middle {
            Middle::Nothing => rest.is_empty(),
            Middle::Any { but, empty } => {
                (*empty || !rest.is_empty()) && !but.is_some_and(|but| rest.contains(but))
            }
            Middle::Regular(dfa) => dfa.matches(rest),
        }
    }
}
