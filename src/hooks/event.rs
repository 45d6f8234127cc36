//! What a hook tells.

use std::{net::IpAddr, str::FromStr, sync::Arc, time::SystemTime};

use humantime::format_rfc3339_millis;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::topic::{Selector, Topic};

/// One who has a stream. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Subscriber {
    /// What it was greeted with.
    pub id: Uuid,
    /// The `sub` of its token, where it has one.
    pub subject: Option<Arc<str>>,
    /// Where it is.
    pub address: IpAddr,
    /// What it asks for.
    pub selectors: Arc<[Selector]>,
}

/// Something that has happened.
#[derive(Debug)]
pub struct Event {
    pub at: SystemTime,
    pub what: What,
}

#[derive(Debug)]
pub enum What {
    Subscribe(Subscriber),
    /// With why its stream has ended.
    Unsubscribe(Subscriber, &'static str),
    Occupied(Topic),
    Empty(Topic),
    /// So many are not told, which came before the next.
    Lost(u64),
}

/// Which events are told.
#[expect(clippy::struct_excessive_bools, reason = "one for each type")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// A stream begins.
    pub subscribe: bool,
    /// A stream has ended.
    pub unsubscribe: bool,
    /// The first stream asks for a topic.
    pub occupied: bool,
    /// The last has ended that did.
    pub empty: bool,
}

impl FromStr for Wanted {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut wanted =
            Self { subscribe: false, unsubscribe: false, occupied: false, empty: false };
        for word in text.split(',') {
            match word.trim() {
                "subscribe" => wanted.subscribe = true,
                "unsubscribe" => wanted.unsubscribe = true,
                "topic_occupied" => wanted.occupied = true,
                "topic_empty" => wanted.empty = true,
                _ => {
                    return Err("allowed is a list of subscribe, unsubscribe, topic_occupied and \
                                topic_empty");
                }
            }
        }
        Ok(wanted)
    }
}

impl Wanted {
    /// Whether it has to be known who is the first and the last.
    pub fn topics(self) -> bool {
        self.occupied || self.empty
    }
}

impl Event {
    /// Roughly what it takes while it waits.
    pub fn weight(&self) -> usize {
        let topics = match &self.what {
            What::Subscribe(subscriber) | What::Unsubscribe(subscriber, _) => {
                subscriber.selectors.iter().map(|selector| selector.text().as_str().len()).sum()
            }
            What::Occupied(topic) | What::Empty(topic) => topic.as_str().len(),
            What::Lost(_) => 0,
        };
        size_of::<Self>() + topics
    }

    /// How many events it stands for.
    pub fn count(&self) -> u64 {
        if let What::Lost(count) = self.what { count } else { 1 }
    }
}

/// An event as JSON has it.
#[derive(Serialize, Default)]
struct Written<'a> {
    r#type: &'static str,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscriber: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topics: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

impl<'a> Written<'a> {
    fn of(subscriber: &'a Subscriber) -> Self {
        let text = |selector: &Selector| selector.text().as_str().to_owned();
        Self {
            subscriber: Some(subscriber.id.to_string()),
            subject: subscriber.subject.as_deref(),
            address: Some(subscriber.address),
            topics: Some(subscriber.selectors.iter().map(text).collect()),
            ..Self::default()
        }
    }

    fn about(topic: &'a Topic) -> Self {
        Self { topic: Some(topic.as_str()), ..Self::default() }
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (r#type, written) = match &self.what {
            What::Subscribe(who) => ("subscribe", Written::of(who)),
            What::Unsubscribe(who, why) => {
                ("unsubscribe", Written { reason: Some(why), ..Written::of(who) })
            }
            What::Occupied(topic) => ("topic_occupied", Written::about(topic)),
            What::Empty(topic) => ("topic_empty", Written::about(topic)),
            What::Lost(count) => ("lost", Written { count: Some(*count), ..Written::default() }),
        };
        let time = format_rfc3339_millis(self.at).to_string();
        Written { r#type, time, ..written }.serialize(serializer)
    }
}
