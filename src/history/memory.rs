//! The history of a hub that keeps nothing on disk.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{
    Appended, Chunk, Entry, Holdings, Keyed, LastEventId, Limits, Position, Receipt, Retention,
    Start, Tail,
    key::{Keys, MAX_KEYS},
    limits::now,
    ring::Ring,
    tail::{Feed, tail},
};
use crate::event::Event;

/// A history in memory. See [`super::History`] for what it promises.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    retention: Retention,
    ring: Mutex<Ring>,
    keys: Mutex<Keys>,
    feed: Feed,
}

pub(super) fn open(retention: Retention) -> (Memory, Tail) {
    let (feed, tail) = tail();
    let head = Position { epoch: now(), sequence: 0 };
    let ring = Mutex::new(Ring::new(retention.limits, head));
    let keys = Mutex::new(Keys::new(MAX_KEYS));
    (Memory(Arc::new(Shared { retention, ring, keys, feed })), tail)
}

impl Memory {
    pub(super) fn append(
        &self,
        parcel: impl IntoIterator<Item = (Event, Receipt)>,
        keyed: Option<Keyed>,
    ) {
        let mut ring = self.ring();
        let time = now();
        if let Some(Keyed { key, earlier }) = keyed {
            let mut keys = self.0.keys.lock();
            if let Some(found) = keys.find(&key.name, time) {
                // A publisher that has left does not need it.
                let _ = earlier.send(found.clone());
                return;
            }
            keys.insert(key.used(ring.head().next(), time), time);
        }
        self.0.feed.push(parcel.into_iter().map(|(event, receipt)| {
            // Encoding needs the position, and the order needs the lock: 0.1 us for 100 bytes.
            let entry = Arc::new(Entry::new(ring.head().next(), event, time));
            ring.push(&entry);
            Appended { entry, receipt }
        }));
    }

    pub(super) fn head(&self) -> Position {
        self.0.ring.lock().head()
    }

    pub(super) fn newest_id(&self) -> Option<String> {
        self.0.ring.lock().newest_id()
    }

    pub(super) fn resume(&self, asked: &LastEventId) -> Start {
        let ring = self.ring();
        let found = asked.as_own_id().and_then(|id| ring.find(&id));
        Start::of(asked, found, ring.floor(), ring.head())
    }

    pub(super) fn read(&self, after: Position, up_to: Option<Position>, limits: Limits) -> Chunk {
        self.ring().read(after, up_to, limits)
    }

    pub(super) fn holdings(&self) -> Holdings {
        self.ring().holdings()
    }

    /// What has become too old is gone before anyone looks.
    fn ring(&self) -> parking_lot::MutexGuard<'_, Ring> {
        let mut ring = self.0.ring.lock();
        if let Some(time) = self.0.retention.expired() {
            ring.drop_until(time);
        }
        ring
    }
}
