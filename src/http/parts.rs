//! The parts of an event besides its data, as a publisher names them: in a query, or in a line.
//!
//! Promises: they mean the same wherever they come from. Does not: know where that is.

use std::borrow::Cow;

use super::{MAX_TOPICS, error::ApiError, mercure, query::Query};
use crate::{
    event::{Delay, Event, EventId, EventType, Retry, Ttl, parse_private},
    invalid::Invalid,
    topic::{Topic, Topics},
};

/// See the module.
#[derive(Debug, Default)]
pub struct Parts<'a> {
    /// Each `topic`.
    pub topics: Vec<Cow<'a, str>>,
    /// `id`.
    pub id: Option<Cow<'a, str>>,
    /// `type`.
    pub kind: Option<Cow<'a, str>>,
    /// `retry`.
    pub retry: Option<Cow<'a, str>>,
    /// `ttl`.
    pub ttl: Option<Cow<'a, str>>,
    /// `delay`.
    pub delay: Option<Cow<'a, str>>,
    /// `at`.
    pub at: Option<Cow<'a, str>>,
    /// `private`.
    pub private: Option<Cow<'a, str>>,
}

impl<'a> Parts<'a> {
    /// Those of a query.
    pub fn of(query: &'a Query) -> Result<Self, ApiError> {
        let one = |name| query.one(name).map(|value| value.map(Cow::Borrowed));
        Ok(Self {
            topics: query.all("topic").map(Cow::Borrowed).collect(),
            id: one("id")?,
            kind: one("type")?,
            retry: one("retry")?,
            ttl: one("ttl")?,
            delay: one("delay")?,
            at: one("at")?,
            private: one("private")?,
        })
    }

    /// The names that it is published under.
    pub fn topics(&self) -> Result<Topics, ApiError> {
        let topics = self.topics.iter().map(|topic| Topic::parse(topic));
        let topics = topics.collect::<Result<Vec<_>, _>>()?;
        if topics.len() > MAX_TOPICS {
            return Err(Invalid::TooMany { field: "topic", limit: MAX_TOPICS }.into());
        }
        if topics.iter().any(mercure::is_reserved) {
            return Err(Invalid::ReservedTopic.into());
        }
        Ok(Topics::new(topics)?)
    }

    /// When it is to be published, if not at once.
    pub fn delay(&self) -> Result<Option<Delay>, ApiError> {
        match (&self.delay, &self.at) {
            (Some(_), Some(_)) => Err(Invalid::DelayTwice.into()),
            (Some(delay), None) => Ok(Some(Delay::parse(delay)?)),
            (None, at) => Ok(at.as_deref().map(Delay::parse_at).transpose()?),
        }
    }

    /// The event with these data.
    pub fn event(&self, topics: Topics, data: String) -> Result<Event, ApiError> {
        Ok(Event {
            topics,
            data,
            id: self.id.as_deref().map(EventId::parse).transpose()?,
            kind: self.kind.as_deref().map(EventType::parse).transpose()?,
            retry: self.retry.as_deref().map(Retry::parse).transpose()?,
            ttl: self.ttl.as_deref().map(Ttl::parse).transpose()?,
            private: self.private.as_deref().map(parse_private).transpose()?.unwrap_or(false),
        })
    }
}
