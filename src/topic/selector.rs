//! What a subscriber asks for.

use std::sync::{Arc, LazyLock};

use super::{
    Base, Pattern, Template, Topic,
    pattern::{FIELD as PATTERN, Source},
    shared::Shared,
};
use crate::invalid::Invalid;

/// Compiled once, however many ask for it: ten thousand subscribers of one template hold one.
static TEMPLATES: LazyLock<Shared<Topic, Template>> = LazyLock::new(Shared::new);
static PATTERNS: LazyLock<Shared<Source, Pattern>> = LazyLock::new(Shared::new);

/// What asks for every event, however it is asked.
const ALL: &str = "*";

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
    /// Topics that are URLs, and match a URL Pattern.
    Pattern(Arc<Pattern>),
}

impl Selector {
    /// Reads a selector that is known by its looks: `*` is [`Selector::All`], a text that is a
    /// valid template with at least one expression is a [`Selector::Template`], anything else
    /// names one topic.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text == ALL {
            return Ok(Self::All);
        }
        let topic = Topic::parse(text)?;
        if !text.contains('{') {
            return Ok(Self::Exact(topic));
        }
        if let Some(known) = TEMPLATES.find(&topic) {
            return Ok(Self::Template(known));
        }
        Ok(match Template::parse(&topic)? {
            Some(template) => Self::Template(TEMPLATES.share(template)),
            None => Self::Exact(topic),
        })
    }

    /// Reads the name of one topic, even where it looks like a template (`match` in Mercure 1.0).
    pub fn exact(text: &str) -> Result<Self, Invalid> {
        if text == ALL {
            return Ok(Self::All);
        }
        Topic::read("match", text).map(Self::Exact)
    }

    /// Reads a URL Pattern (`match_urlpattern` in Mercure 1.0).
    pub fn parse_pattern(text: &str, base: &Base) -> Result<Self, Invalid> {
        if text == ALL {
            return Ok(Self::All);
        }
        let source = Source { text: Topic::read(PATTERN, text)?, base: base.clone() };
        if let Some(known) = PATTERNS.find(&source) {
            return Ok(Self::Pattern(known));
        }
        Pattern::parse(source).map(|pattern| Self::Pattern(PATTERNS.share(pattern)))
    }

    /// The text that it was read from. All who ask for the same template have one text.
    pub fn text(&self) -> Topic {
        match self {
            Self::All => Topic::made(ALL.to_owned()),
            Self::Exact(name) => name.clone(),
            Self::Template(template) => template.text().clone(),
            Self::Pattern(pattern) => pattern.text().clone(),
        }
    }

    /// Whether an event under this topic is wanted.
    pub fn matches(&self, topic: &Topic) -> bool {
        match self {
            Self::All => true,
            Self::Exact(name) => name == topic,
            Self::Template(template) => template.matches(topic),
            Self::Pattern(pattern) => {
                pattern.base().resolve(topic).is_some_and(|topic| pattern.matches(&topic))
            }
        }
    }
}
