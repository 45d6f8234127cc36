//! Topics, the selectors that subscribers ask with, and which of them match.
//!
//! Owns: the matching rules. Promises: whatever a client asks for is compiled once, takes memory
//! in proportion to its text, and matches in one pass over the topic for each of its parts, whose
//! number is limited. Does not: keep subscribers (`hub::registry`).

use std::sync::Arc;

use crate::invalid::Invalid;

mod dfa;
mod expansion;
mod pattern;
mod selector;
mod shared;
mod template;
mod visible;

pub use pattern::{Address, Base, Pattern};
pub use selector::Selector;
pub use template::{MAX_EXPRESSIONS, Template};
pub use visible::is_visible;

/// The topic of an event or a subscription that names none.
pub const DEFAULT_TOPIC: &str = "default";
/// The longest topic or selector, in bytes.
pub const MAX_TOPIC_BYTES: usize = 4096;

/// The longest name that a history keeps, in bytes: the hub's own events have longer names than a
/// client may choose, up to some 13,000.
pub const MAX_KEPT_TOPIC_BYTES: usize = 65_535;

/// The most topics of one event, and the most selectors of one subscription. Those of Mercure 0.x;
/// elsewhere fewer are allowed.
pub const MAX_TOPICS: usize = 1000;

/// The name an event is published under: any text, compared byte by byte; of 1 to
/// [`MAX_TOPIC_BYTES`] bytes where a client chose it. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Reads a topic.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Self::read("topic", text)
    }

    /// Reads a topic that a request calls by another name.
    fn read(field: &'static str, text: &str) -> Result<Self, Invalid> {
        Self::within(MAX_TOPIC_BYTES, field, text)
    }

    /// Reads a topic out of what a history has kept.
    pub fn parse_kept(text: &str) -> Result<Self, Invalid> {
        Self::within(MAX_KEPT_TOPIC_BYTES, "topic", text)
    }

    fn within(limit: usize, field: &'static str, text: &str) -> Result<Self, Invalid> {
        match text.len() {
            0 => Err(Invalid::Empty { field }),
            length if length > limit => Err(Invalid::TooLong { field, limit }),
            _ => Ok(Self(text.into())),
        }
    }

    /// A name that the hub has made, or that of something which is no event: longer than what it
    /// was made from, and not refused for that.
    pub fn made(text: String) -> Self {
        Self(text.into())
    }

    /// The topic as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Topic {
    fn default() -> Self {
        Self(DEFAULT_TOPIC.into())
    }
}

impl std::borrow::Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// One to [`MAX_TOPICS`] topics. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topics(Arc<[Topic]>);

impl Topics {
    /// The given topics; [`Topic::default`] where none is given.
    pub fn new(topics: Vec<Topic>) -> Result<Self, Invalid> {
        match topics.len() {
            0 => Ok(Self([Topic::default()].into())),
            1..=MAX_TOPICS => Ok(Self(topics.into())),
            _ => Err(Invalid::TooMany { field: "topic", limit: MAX_TOPICS }),
        }
    }
}

impl From<Topic> for Topics {
    fn from(topic: Topic) -> Self {
        Self([topic].into())
    }
}

impl std::ops::Deref for Topics {
    type Target = [Topic];

    fn deref(&self) -> &[Topic] {
        &self.0
    }
}
