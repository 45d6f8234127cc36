//! The history of a hub that keeps nothing on disk.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, oneshot},
    task::yield_now,
    time::timeout,
};

use super::{
    Appended, Chunk, Entry, Handed, Holdings, Keyed, LastEventId, Limits, Parcel, Position,
    Retention, Start, Tail,
    key::{Keys, MAX_KEYS},
    later::{self, Backlog, RELEASE},
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
    later: Mutex<Later>,
    /// Something waits that did not before.
    sooner: Notify,
    feed: Feed,
}

/// What waits, by when it is due, and in the order in which it came.
#[derive(Debug, Default)]
struct Later {
    events: BTreeMap<(u64, u64), Event>,
    next: u64,
    backlog: Backlog,
}

impl Later {
    fn add(&mut self, due: u64, event: Event) {
        self.backlog.add(cost(&event));
        self.next += 1;
        self.events.insert((due, self.next), event);
    }

    fn take(&mut self, now: u64) -> Vec<Event> {
        let mut taken = Vec::new();
        while taken.len() < RELEASE
            && let Some(first) = self.events.first_entry()
            && first.key().0 <= now
        {
            let event = first.remove();
            self.backlog.remove(cost(&event));
            taken.push(event);
        }
        taken
    }
}

/// What an event takes besides its texts, in bytes: its place in the tree, and what it is made of.
const OVERHEAD: usize = 300;

/// The memory that an event takes while it waits.
fn cost(Event { topics, data, id, kind, .. }: &Event) -> usize {
    let topics: usize = topics.iter().map(|topic| topic.as_str().len() + 32).sum();
    let id = id.as_ref().map_or(0, |id| id.as_str().len());
    let kind = kind.as_ref().map_or(0, |kind| kind.as_str().len());
    topics + data.len() + id + kind + OVERHEAD
}

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(10);

pub(super) fn open(retention: Retention) -> (Memory, Tail) {
    let (feed, tail) = tail();
    let head = Position { epoch: now(), sequence: 0 };
    let ring = Mutex::new(Ring::new(retention.limits, head));
    let keys = Mutex::new(Keys::new(MAX_KEYS));
    let (later, sooner) = (Mutex::default(), Notify::new());
    (Memory(Arc::new(Shared { retention, ring, keys, later, sooner, feed })), tail)
}

impl Memory {
    pub(super) fn append(&self, parcel: Parcel, keyed: Option<Keyed>) {
        let mut ring = self.ring();
        let time = now();
        if let Some(Keyed { key, earlier }) = keyed {
            let mut keys = self.0.keys.lock();
            if let Some(found) = keys.find(&key.name, time) {
                // A publisher that has left does not need it.
                let _ = earlier.send(found.clone());
                return;
            }
            if let Err(error) = later::has_room(&parcel, || self.backlog()) {
                later::refuse(parcel, error);
                return;
            }
            keys.insert(key.used(ring.head().next(), time), time);
        }
        let appended = parcel.into_iter().filter_map(|Handed { event, due, receipt }| {
            if let Some(due) = due {
                self.0.later.lock().add(due, event.clone());
                self.0.sooner.notify_one();
                let _ = receipt.send(Ok(later::kept(event)));
                return None;
            }
            // Encoding needs the position, and the order needs the lock: 0.1 us for 100 bytes.
            let entry = Arc::new(Entry::new(ring.head().next(), event, time));
            ring.push(&entry);
            Some(Appended { entry, receipt })
        });
        self.0.feed.push(appended);
    }

    pub(super) fn backlog(&self) -> Backlog {
        self.0.later.lock().backlog
    }

    pub(super) async fn tend(&self) {
        loop {
            let due = self.0.later.lock().events.keys().next().map(|(due, _)| *due);
            let Some(due) = due else {
                self.0.sooner.notified().await;
                continue;
            };
            // A clock may be set.
            let left = Duration::from_millis(due.saturating_sub(now())).min(LOOK);
            if left.is_zero() {
                self.release();
                yield_now().await;
            } else {
                let _ = timeout(left, self.0.sooner.notified()).await;
            }
        }
    }

    fn release(&self) {
        let mut ring = self.ring();
        let time = now();
        let due = self.0.later.lock().take(time);
        self.0.feed.push(due.into_iter().map(|event| {
            let entry = Arc::new(Entry::new(ring.head().next(), event, time));
            ring.push(&entry);
            // Its publisher has been answered.
            Appended { entry, receipt: oneshot::channel().0 }
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
