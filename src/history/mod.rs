//! The ordered log of events: the one total order, and what a returning subscriber is replayed.
//!
//! # The contract, whatever the log is kept in
//!
//! - `append` never waits. The event gets its [`Position`] when it is kept, and who appended it
//!   hears of it by the [`Receipt`]: that it was kept and delivered, or why not. An event that is
//!   not kept is never shown.
//! - A parcel of events is kept as a whole or not at all, in its order, with nothing in between.
//! - An event that is due later is kept, and gets its place in the order then.
//! - A parcel with a key that has been used, and still counts, is not appended: who hands it over
//!   is told where that one is, once that is kept. A key is used when its parcel is kept, with it.
//! - Positions grow, and their order is the order in which every subscriber sees the events.
//! - The [`Tail`] yields each kept entry once, in that order, none left out, also those that
//!   retention has already removed.
//! - An entry can be read as soon as the tail has yielded it, and until retention removes it.
//! - A position is found again by its id, or by the id that the publisher chose; where several
//!   events share one, the earliest that is kept.
//! - `read` is bounded, and says when entries after the asked-for place are gone.
//! - Retention is by count, bytes and age, oldest first. What is gone is known to be gone.
//!
//! Does not: know subscribers, or wait for them.

use std::{io, sync::Arc};

use smallvec::SmallVec;
use tokio::sync::oneshot;

use crate::{
    event::{Event, EventId},
    histogram::Histogram,
    sse::Frame,
    topic::Topics,
};

mod disk;
mod error;
mod holdings;
mod key;
mod later;
mod limits;
mod loss;
mod memory;
mod place;
mod position;
mod redis;
mod ring;
mod tail;

// For the targets of fuzz/.
#[cfg(fuzzing)]
pub use disk::record::{decode as decode_record, encode as encode_record};

pub use error::{OpenError, ReadError, StorageError};
pub use holdings::Holdings;
pub use key::{Earlier, HASH, Key, Keyed};
pub use limits::{Limits, Retention};
pub use loss::Loss;
pub use place::{Durability, Place};
pub use position::{LastEventId, Position};
pub use tail::{Appended, Next, Tail};

use later::Backlog;

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
    /// When it was appended, in milliseconds since 1970.
    pub time: u64,
    /// From when on it is not shown to those who come late, in milliseconds since 1970.
    pub expires: Option<u64>,
}

impl Entry {
    fn new(position: Position, event: Event, time: u64) -> Self {
        let frame = match &event.id {
            Some(id) => Frame::event(&event, id.as_str()),
            None => Frame::event(&event, &position.to_string()),
        };
        let Event { id: own_id, topics, private, ttl, .. } = event;
        let expires = ttl.map(|ttl| time.saturating_add(ttl.as_millis()));
        Self { position, own_id, topics, private, frame, time, expires }
    }

    /// Whether its time is over. The clock is looked at only where it has one.
    pub fn has_expired(&self) -> bool {
        self.expires.is_some_and(|expires| expires <= limits::now())
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

/// Tells the one who appended an event what became of it.
pub type Receipt = oneshot::Sender<Result<Delivered, StorageError>>;

/// An event that is handed over, with the one who is to hear of it.
#[derive(Debug)]
pub struct Handed {
    /// The event.
    pub event: Event,
    /// When it gets its place, in milliseconds since 1970; without one at once. It is answered when
    /// it is kept until then, and needs an id of its own.
    pub due: Option<u64>,
    /// Who is to hear of it.
    pub receipt: Receipt,
}

/// Events that belong together.
pub type Parcel = SmallVec<[Handed; 1]>;

/// An entry that is kept, and has been queued for its subscribers.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The entry.
    pub entry: Arc<Entry>,
    /// How many it was queued for.
    pub subscribers: usize,
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

impl Start {
    /// Where to start, for an id that was found at a place, or was not.
    fn of(asked: &LastEventId, found: Option<Position>, floor: Position, head: Position) -> Self {
        if asked.is_earliest() {
            return Self::After(floor);
        }
        match found.or_else(|| asked.as_position()) {
            Some(place) if place.epoch != head.epoch => Self::Gap(Loss::Epoch, Some(floor)),
            Some(place) if place > head => Self::Gap(Loss::Unknown, None),
            Some(place) if place < floor => Self::Gap(Loss::Trimmed, Some(floor)),
            Some(place) => Self::After(place),
            None => Self::Gap(Loss::Unknown, None),
        }
    }
}

/// The log. Cheap to clone; all clones are one log.
#[derive(Debug, Clone)]
pub enum History {
    /// Kept in this process, and gone with it.
    Memory(memory::Memory),
    /// Kept in a file.
    Disk(disk::Disk),
    /// Kept in Redis, where several nodes share it.
    Redis(redis::Redis),
}

impl History {
    /// A new, empty history in memory, with its tail.
    pub fn in_memory(retention: Retention) -> (Self, Tail) {
        let (memory, tail) = memory::open(retention);
        (Self::Memory(memory), tail)
    }

    /// The history that is kept at this place, with its tail.
    pub fn open(
        place: &Place,
        retention: Retention,
        durability: Durability,
    ) -> Result<(Self, Tail), OpenError> {
        match place {
            Place::Memory => Ok(Self::in_memory(retention)),
            Place::File(path) => {
                let (disk, tail) = disk::open(path, retention, durability)?;
                Ok((Self::Disk(disk), tail))
            }
            Place::Redis(target) => {
                let (redis, tail) = redis::open(target, retention)?;
                Ok((Self::Redis(redis), tail))
            }
        }
    }

    /// Hands over everything that is kept at a place which no process uses: the event, its position,
    /// and when it was appended, in milliseconds since 1970. Nothing changes there.
    pub fn each(
        place: &Place,
        take: impl FnMut(Position, Event, u64) -> io::Result<()>,
    ) -> Result<(), ReadError> {
        match place {
            Place::Memory | Place::Redis(_) => Ok(()),
            Place::File(path) => disk::each(path, take),
        }
    }

    /// Takes an event, without waiting.
    pub fn append(&self, event: Event, receipt: Receipt) {
        self.append_parcel(SmallVec::from([Handed { event, due: None, receipt }]), None);
    }

    /// Takes several that belong together, without waiting.
    pub fn append_parcel(&self, parcel: Parcel, keyed: Option<Keyed>) {
        // One with a key may be kept already: it is looked at where it is appended.
        let is_looked_at = keyed.is_some() && !matches!(self, Self::Disk(_));
        if !is_looked_at && let Err(error) = later::has_room(&parcel, || self.backlog()) {
            later::refuse(parcel, error);
            return;
        }
        match self {
            Self::Memory(memory) => memory.append(parcel, keyed),
            Self::Disk(disk) => disk.append(parcel, keyed),
            Self::Redis(redis) => redis.append(parcel, keyed),
        }
    }

    fn backlog(&self) -> Backlog {
        match self {
            Self::Memory(memory) => memory.backlog(),
            Self::Disk(disk) => disk.backlog(),
            Self::Redis(redis) => redis.backlog(),
        }
    }

    /// How many events wait for their time.
    pub fn delayed(&self) -> u64 {
        self.backlog().events
    }

    /// Gives events their places when they are due, where the history has no thread of its own for
    /// that. Never ends.
    pub async fn tend(&self) {
        match self {
            Self::Memory(memory) => memory.tend().await,
            Self::Disk(_) | Self::Redis(_) => std::future::pending().await,
        }
    }

    /// The place of the newest entry; a place before the first where there is none.
    pub fn head(&self) -> Position {
        match self {
            Self::Memory(memory) => memory.head(),
            Self::Disk(disk) => disk.head(),
            Self::Redis(redis) => redis.head(),
        }
    }

    /// The id of the newest entry, whether it is kept or not; `None` where there never was one.
    pub fn newest_id(&self) -> Option<String> {
        match self {
            Self::Memory(memory) => memory.newest_id(),
            Self::Disk(disk) => disk.newest_id(),
            Self::Redis(redis) => redis.newest_id(),
        }
    }

    /// Whether it outlives this process.
    pub fn is_lasting(&self) -> bool {
        !matches!(self, Self::Memory(_))
    }

    /// Whether what is appended now would be kept, as far as is known.
    pub fn health(&self) -> Result<(), StorageError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Disk(disk) => disk.health(),
            Self::Redis(redis) => redis.health(),
        }
    }

    /// Where a subscriber starts that asks for what followed this id.
    pub async fn resume(&self, asked: &LastEventId) -> Result<Start, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.resume(asked)),
            Self::Disk(disk) => disk.resume(asked).await,
            Self::Redis(redis) => redis.resume(asked).await,
        }
    }

    /// Entries in `(after, up_to]`: at least one where there is one, and not more than the limits
    /// let through. There may be fewer, where what follows is kept elsewhere.
    pub async fn read(
        &self,
        after: Position,
        up_to: Option<Position>,
        limits: Limits,
    ) -> Result<Chunk, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.read(after, up_to, limits)),
            Self::Disk(disk) => disk.read(after, up_to, limits).await,
            Self::Redis(redis) => redis.read(after, up_to, limits).await,
        }
    }

    /// How much is kept.
    pub async fn holdings(&self) -> Result<Holdings, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.holdings()),
            Self::Disk(disk) => Ok(disk.holdings()),
            Self::Redis(redis) => redis.holdings().await,
        }
    }

    /// How long the answers of Redis have taken; `None` where it is kept elsewhere.
    pub fn round_trips(&self) -> Option<Histogram> {
        match self {
            Self::Memory(_) | Self::Disk(_) => None,
            Self::Redis(redis) => Some(redis.round_trips()),
        }
    }

    /// Keeps what waits to be kept, and takes nothing more. Returns when that is done.
    pub async fn close(&self) {
        match self {
            Self::Memory(_) => {}
            Self::Disk(disk) => disk.close().await,
            Self::Redis(redis) => redis.close().await,
        }
    }

    /// Tells those who share the history something under a name, or takes it back.
    pub fn share(&self, name: String, what: Option<String>) {
        if let Self::Redis(redis) = self {
            redis.share(name, what);
        }
    }

    /// What the others tell who share it.
    pub async fn shared_by_others(&self) -> Result<Vec<(String, String)>, StorageError> {
        match self {
            Self::Memory(_) | Self::Disk(_) => Ok(Vec::new()),
            Self::Redis(redis) => redis.shared_by_others().await,
        }
    }

    /// What one of them has told who has died; each is handed to one of the living. Waits for it.
    pub async fn left_by_the_dead(&self) -> Vec<(String, String)> {
        match self {
            Self::Memory(_) | Self::Disk(_) => std::future::pending().await,
            Self::Redis(redis) => redis.left_by_the_dead().await,
        }
    }

    /// Tells them how many streams there are here.
    pub fn count(&self, streams: usize) {
        if let Self::Redis(redis) = self {
            redis.count(streams);
        }
    }

    /// How many share it, and how many streams they have; `None` where nobody can.
    pub async fn sums(&self) -> Option<(usize, usize)> {
        match self {
            Self::Memory(_) | Self::Disk(_) => None,
            Self::Redis(redis) => redis.sums().await.ok(),
        }
    }
}
