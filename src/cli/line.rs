//! An event as a line of JSON: what `export` writes, and `import` reads.
//!
//! ```json
//! {"position":"#1764000000000-42","time":1764000012345,"id":"own","type":"price","retry":1000,"topics":["news"],"data":"{\"price\":12.50}"}
//! ```
//!
//! `expires` is when its time to live ends, in milliseconds since 1970. Only `data` has to be there, and `"private":true` where not everyone may see it. `position` and
//! `time` are for the reader: an imported event gets its own. The names of a Mercure hub's stored updates are read, too (`Data`, `ID`, `Topics`).

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::{
    event::{Event, EventId, EventType, Retry, Ttl},
    history::Position,
    invalid::Invalid,
    topic::{Topic, Topics},
};

#[derive(Debug, Serialize, Deserialize)]
pub struct Line {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    position: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default, alias = "ID")]
    id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default, alias = "Type")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default, alias = "Retry")]
    retry: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    expires: Option<u64>,
    #[serde(default, alias = "Topics")]
    topics: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default, alias = "Private")]
    private: bool,
    #[serde(alias = "Data")]
    data: String,
}

impl Line {
    pub fn of(position: Position, event: &Event, time: u64) -> Self {
        Self {
            position: Some(position.to_string()),
            time: Some(time),
            id: event.id.as_ref().map(|id| id.as_str().to_owned()),
            kind: event.kind.as_ref().map(|kind| kind.as_str().to_owned()),
            retry: event.retry.map(|retry| retry.as_millis().into()),
            expires: event.ttl.map(|ttl| time.saturating_add(ttl.as_millis())),
            topics: event.topics.iter().map(|topic| topic.as_str().to_owned()).collect(),
            private: event.private,
            data: event.data.clone(),
        }
    }

    /// The event, through the doors that what is published passes through, but that its topics may
    /// be as long as those of the hub's own events. An empty part is one that is not there.
    pub fn into_event(self) -> Result<Event, Invalid> {
        let there = |text: &String| !text.is_empty();
        let topics = self.topics.iter().map(|topic| Topic::parse_kept(topic));
        let retry = self.retry.filter(|ms| *ms > 0).map(|ms| Retry::parse(&ms.to_string()));
        Ok(Event {
            topics: Topics::new(topics.collect::<Result<_, _>>()?)?,
            data: self.data,
            id: self.id.filter(there).map(|id| EventId::parse(&id)).transpose()?,
            kind: self.kind.filter(there).map(|kind| EventType::parse(&kind)).transpose()?,
            retry: retry.transpose()?,
            ttl: self.expires.map(|at| Ttl::of_millis(at.saturating_sub(now()))),
            private: self.private,
        })
    }
}

/// The time, in milliseconds since 1970. What has expired by then is imported as expired.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
