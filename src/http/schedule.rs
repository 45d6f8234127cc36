//! When events are due, and what their publishers are told.
//!
//! Promises: an event that waits has an id before it has a place: its publisher's, or a URN of a UUID;
//! the ids of a request can be told again from its seed. Does not: wait; the history does.

use std::time::{Duration, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use crate::{
    event::{Delay, Event, EventId},
    hub::Receipt,
};

/// What a publisher is told of one event.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Sent {
    Now(Now),
    Later(Later),
}

/// It is published.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(as = SentNow)]
pub struct Now {
    /// The id that subscribers got: the publisher's own, or the hub's.
    pub id: String,
    /// How many subscribers it went to; `null` where nobody knows it any more.
    #[schema(required = true)]
    pub subscribers: Option<usize>,
}

/// It will be.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(as = SentLater)]
pub struct Later {
    /// The id that it will have.
    pub id: String,
    /// When; `null` where it was told before.
    #[schema(required = true)]
    pub due: Option<String>,
}

impl Sent {
    /// Of an event that is due then, if not now.
    pub fn new(Receipt { id, subscribers }: Receipt, due: Option<u64>) -> Self {
        match due {
            None => Self::Now(Now { id, subscribers: Some(subscribers) }),
            Some(due) => {
                let due = UNIX_EPOCH + Duration::from_millis(due);
                let due = humantime::format_rfc3339_millis(due).to_string();
                Self::Later(Later { id, due: Some(due) })
            }
        }
    }

    /// Whether it is published later.
    pub fn is_later(&self) -> bool {
        matches!(self, Self::Later(_))
    }
}

/// An event with the time that it is due, if not now. Its id, where it has to have one, is made of the
/// seed.
pub fn schedule(event: Event, delay: Option<Delay>, seed: Seed) -> (Event, Option<u64>) {
    let Some(delay) = delay else { return (event, None) };
    let id = event.id.clone().or_else(|| seed.id());
    (Event { id, ..event }, Some(delay.due()))
}

/// What the id of an event is made of: a text that is drawn for a request, and the event's number in
/// it; or nothing, where nobody asks again.
#[derive(Clone, Copy)]
pub enum Seed<'a> {
    None,
    Of(&'a str, usize),
}

impl Seed<'_> {
    /// A new one, for a request. Another request has another, also one of the same key.
    pub fn draw() -> String {
        Uuid::now_v7().simple().to_string()
    }

    /// The id that it makes.
    pub fn id(self) -> Option<EventId> {
        let uuid = match self {
            Self::None => Uuid::now_v7(),
            Self::Of(seed, number) => {
                let hash = Sha256::new().chain_update(seed).chain_update(number.to_le_bytes());
                let hash: [u8; 32] = hash.finalize().into();
                let bytes = hash.first_chunk().copied().unwrap_or_default();
                Builder::from_custom_bytes(bytes).into_uuid()
            }
        };
        EventId::parse(&uuid.urn().to_string()).ok()
    }
}
