//! The ordered log of events: the one total order, and what a returning subscriber is replayed.
//!
//! # The contract, whatever the log is kept in
//!
//! - `append` gives an event its [`Position`]. Positions grow, and their order is the order in
//!   which every subscriber sees the events.
//! - The [`Tail`] yields each appended entry once, in that order, none left out, also those that
//!   retention has already removed.
//! - An entry can be read as soon as the tail has yielded it, and until retention removes it.
//! - A position is found again by its id, or by the id that the publisher chose; where several
//!   events share one, the earliest that is kept.
//! - `read` is bounded, and says when entries after the asked-for place are gone.
//! - Retention is by count and by bytes, oldest first. What is gone is known to be gone.
//!
//! Does not: know subscribers, or wait for them.

use std::sync::Arc;

use crate::{
    event::{Event, EventId},
    sse::Frame,
    topic::Topics,
};

mod memory;
mod position;

pub use memory::Limits;
pub use position::{LastEventId, Position};

/// An event in its place: encoded, and reduced to what matching needs.
#[derive(Debug)]
pub struct Entry {
    /// Its place in the order.
    pub position: Position,
    /// The id that the publisher chose, if it did.
    pub own_id: Option<EventId>,
    /// The names it was published under.
    pub topics: Topics,
    /// Whether a subscriber has to be allowed to receive it.
    pub private: bool,
    /// What every subscriber that matches receives.
    pub frame: Frame,
}

impl Entry {
    fn new(position: Position, event: Event) -> Self {
        let frame = match &event.id {
            Some(id) => Frame::event(&event, id.as_str()),
            None => Frame::event(&event, &position.to_string()),
        };
        Self { position, own_id: event.id, topics: event.topics, private: event.private, frame }
    }

    /// Whether it has the same subscribers as another.
    pub fn is_like(&self, other: &Self) -> bool {
        self.private == other.private && self.topics == other.topics
    }

    /// The id on the wire: the publisher's own, or the position.
    pub fn wire_id(&self) -> String {
        match &self.own_id {
            Some(id) => id.as_str().to_owned(),
            None => self.position.to_string(),
        }
    }
}

/// An entry on its way to the subscribers, with the publisher who waits for it.
#[derive(Debug)]
pub struct Appended {
    /// The entry.
    pub entry: Arc<Entry>,
    /// Takes the number of subscribers that it was queued for.
    pub receipt: tokio::sync::oneshot::Sender<usize>,
}

/// The next entries after a place.
#[derive(Debug)]
pub struct Chunk {
    /// In order, without a hole.
    pub entries: Vec<Arc<Entry>>,
    /// Whether the end was reached.
    pub last: bool,
    /// The place that reading went on from, where retention has removed entries that followed the
    /// asked-for one.
    pub overtaken: Option<Position>,
}

/// Where a resuming subscriber starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Right after this place: nothing is lost.
    After(Position),
    /// Something is lost. The replay starts after the given place; without one there is none.
    Gap(Loss, Option<Position>),
}

/// Why an asked-for place can't be resumed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Retention has removed events that followed it.
    Trimmed,
    /// It belongs to a history that no longer exists.
    Epoch,
    /// No event has, or is known to have had, this id.
    Unknown,
}

impl Loss {
    /// The word that the `gap` event uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trimmed => "trimmed",
            Self::Epoch => "epoch",
            Self::Unknown => "unknown",
        }
    }
}

/// The log. Cheap to clone; all clones are one log.
#[derive(Debug, Clone)]
pub enum History {
    /// Kept in this process, and gone with it.
    Memory(memory::Memory),
}

/// The reading end that feeds the Broadcasters. There is one a history.
#[derive(Debug)]
pub enum Tail {
    /// Of a history in memory.
    Memory(memory::Tail),
}

impl History {
    /// A new, empty history in memory, with its tail.
    pub fn in_memory(limits: Limits) -> (Self, Tail) {
        let (memory, tail) = memory::open(limits);
        (Self::Memory(memory), Tail::Memory(tail))
    }

    /// Gives the event its place in the order. The receipt is answered once it has been queued
    /// for every subscriber that matches.
    pub fn append(&self, event: Event, receipt: tokio::sync::oneshot::Sender<usize>) -> Arc<Entry> {
        match self {
            Self::Memory(memory) => memory.append(event, receipt),
        }
    }

    /// The place of the newest entry; a place before the first where there is none.
    pub fn head(&self) -> Position {
        match self {
            Self::Memory(memory) => memory.head(),
        }
    }

    /// The id of the newest entry, whether it is kept or not; `None` where there never was one.
    pub fn newest_id(&self) -> Option<String> {
        match self {
            Self::Memory(memory) => memory.newest_id(),
        }
    }

    /// Where a subscriber starts that asks for what followed this id.
    pub fn resume(&self, asked: &LastEventId) -> Start {
        match self {
            Self::Memory(memory) => memory.resume(asked),
        }
    }

    /// The oldest entry that is kept.
    pub fn oldest(&self) -> Option<Arc<Entry>> {
        match self {
            Self::Memory(memory) => memory.oldest(),
        }
    }

    /// Entries in `(after, up_to]`: as many as the limits let through, and at least one where
    /// there is one.
    pub fn read(&self, after: Position, up_to: Option<Position>, limits: Limits) -> Chunk {
        match self {
            Self::Memory(memory) => memory.read(after, up_to, limits),
        }
    }
}

impl Tail {
    /// Waits for the next entries: at least one, at most `events`, and no more bytes than given
    /// unless the first alone has more.
    pub async fn next(&mut self, events: usize, bytes: usize) -> Vec<Appended> {
        match self {
            Self::Memory(tail) => tail.next(events, bytes).await,
        }
    }
}
