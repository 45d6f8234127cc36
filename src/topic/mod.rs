//! Topics, the selectors that subscribers ask with, and which of them match.
//!
//! Owns: the matching rules. Promises: a template is compiled once and matches in time linear in
//! the topic. Does not: keep subscribers (`hub::registry`).

use std::{fmt, sync::Arc};

use crate::invalid::Invalid;

mod template;

pub use template::Template;

/// The topic of an event or a subscription that names none.
pub const DEFAULT_TOPIC: &str = "default";
/// The longest topic or selector, in bytes.
pub const MAX_TOPIC_BYTES: usize = 4096;

/// The most topics of one event, and the most selectors of one subscription.
pub const MAX_TOPICS: usize = 100;

/// The name an event is published under: any text of 1 to [`MAX_TOPIC_BYTES`] bytes, compared
/// byte by byte. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Reads a topic.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::Empty { field: "topic" });
        }
        if text.len() > MAX_TOPIC_BYTES {
            return Err(Invalid::TooLong { field: "topic", limit: MAX_TOPIC_BYTES });
        }
        Ok(Self(text.into()))
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

/// What a subscriber asks for. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selector {
    /// `*`: every event.
    All,
    /// The topic with exactly this name.
    Exact(Topic),
    /// Topics that an RFC 6570 template can expand to; and the topic that is the template's own
    /// text, byte by byte.
    Template(Arc<Template>),
}

impl Selector {
    /// Reads a selector: `*` is [`Selector::All`], a text that is a valid template with at least
    /// one expression is a [`Selector::Template`], anything else names one topic.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text == "*" {
            return Ok(Self::All);
        }
        let topic = Topic::parse(text)?;
        Ok(match Template::parse(text)? {
            Some(template) => Self::Template(Arc::new(template)),
            None => Self::Exact(topic),
        })
    }

    /// Whether an event under this topic is wanted.
    pub fn matches(&self, topic: &Topic) -> bool {
        match self {
            Self::All => true,
            Self::Exact(name) => name == topic,
            Self::Template(template) => {
                template.as_str() == topic.as_str() || template.matches(topic.as_str())
            }
        }
    }

    /// Whether an event under these topics is wanted.
    pub fn matches_any(&self, topics: &[Topic]) -> bool {
        topics.iter().any(|topic| self.matches(topic))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "*",
            Self::Exact(topic) => topic.as_str(),
            Self::Template(template) => template.as_str(),
        })
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

impl std::ops::Deref for Topics {
    type Target = [Topic];

    fn deref(&self) -> &[Topic] {
        &self.0
    }
}
