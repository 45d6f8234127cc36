//! The history of a hub that keeps nothing on disk: a ring of the newest entries.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::{Appended, Chunk, Entry, LastEventId, Loss, Position, Start};
use crate::event::{Event, EventId};

/// What an entry takes besides its texts, in bytes: the reference counts, its places in the ring
/// and on the heap (measured: 10,000 entries of an empty event).
const ENTRY_OVERHEAD: usize = 200;

/// What is kept, or read at a time, at the most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Entries.
    pub events: usize,
    /// Memory, in bytes.
    pub bytes: usize,
}

/// A history in memory. See [`super::History`] for what it promises.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Shared>);

/// Its tail.
#[derive(Debug)]
pub struct Tail(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    log: Mutex<Log>,
    appended: Notify,
}

#[derive(Debug)]
struct Log {
    limits: Limits,
    head: Position,
    /// The newest entry's own id, if it has one.
    head_id: Option<EventId>,
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// Where the publishers' own ids are; ordered, so that the earliest of equal ones is first.
    own_ids: BTreeSet<(EventId, u64)>,
    /// What the tail has not taken yet. Bounded by the publishers: each waits for its receipt.
    fresh: VecDeque<Appended>,
}

pub(super) fn open(limits: Limits) -> (Memory, Tail) {
    // A clock before 1970 gives epoch 0: still one history, told apart from all later ones.
    let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let log = Log {
        limits,
        head: Position { epoch: u64::try_from(epoch).unwrap_or_default(), sequence: 0 },
        head_id: None,
        entries: VecDeque::new(),
        bytes: 0,
        own_ids: BTreeSet::new(),
        fresh: VecDeque::new(),
    };
    let shared = Arc::new(Shared { log: Mutex::new(log), appended: Notify::new() });
    (Memory(Arc::clone(&shared)), Tail(shared))
}

impl Memory {
    pub(super) fn append(&self, event: Event, receipt: oneshot::Sender<usize>) -> Arc<Entry> {
        let mut log = self.0.log.lock();
        // Encoding needs the position, and the order needs the lock: 0.1 us for 100 bytes.
        log.head.sequence += 1;
        log.head_id.clone_from(&event.id);
        let entry = Arc::new(Entry::new(log.head, event));
        log.keep(&entry);
        log.fresh.push_back(Appended { entry: Arc::clone(&entry), receipt });
        drop(log);
        self.0.appended.notify_one();
        entry
    }

    pub(super) fn head(&self) -> Position {
        self.0.log.lock().head
    }

    pub(super) fn newest_id(&self) -> Option<String> {
        let log = self.0.log.lock();
        match &log.head_id {
            Some(id) => Some(id.as_str().to_owned()),
            None => (log.head.sequence > 0).then(|| log.head.to_string()),
        }
    }

    pub(super) fn oldest(&self) -> Option<Arc<Entry>> {
        self.0.log.lock().entries.front().cloned()
    }

    pub(super) fn resume(&self, asked: &LastEventId) -> Start {
        self.0.log.lock().resume(asked)
    }

    pub(super) fn read(&self, after: Position, up_to: Option<Position>, limits: Limits) -> Chunk {
        self.0.log.lock().read(after, up_to, limits)
    }
}

impl Tail {
    pub(super) async fn next(&mut self, events: usize, bytes: usize) -> Vec<Appended> {
        loop {
            let round = self.0.log.lock().take_fresh(events, bytes);
            if !round.is_empty() {
                return round;
            }
            self.0.appended.notified().await;
        }
    }
}

impl Log {
    fn keep(&mut self, entry: &Arc<Entry>) {
        self.bytes += cost(entry);
        if let Some(id) = &entry.own_id {
            self.own_ids.insert((id.clone(), entry.position.sequence));
        }
        self.entries.push_back(Arc::clone(entry));
        while self.entries.len() > self.limits.events || self.bytes > self.limits.bytes {
            let Some(gone) = self.entries.pop_front() else { break };
            self.bytes -= cost(&gone);
            if let Some(id) = &gone.own_id {
                self.own_ids.remove(&(id.clone(), gone.position.sequence));
            }
        }
    }

    fn take_fresh(&mut self, events: usize, bytes: usize) -> Vec<Appended> {
        let mut taken = 0;
        let fits = |next: &&Appended| {
            taken += next.entry.frame.len();
            taken <= bytes
        };
        let count = self.fresh.iter().take(events).take_while(fits).count().max(1);
        self.fresh.drain(..count.min(self.fresh.len())).collect()
    }

    /// The place before the oldest entry that is kept.
    fn floor(&self) -> Position {
        let kept = self.entries.len() as u64;
        Position { sequence: self.head.sequence - kept, ..self.head }
    }

    fn resume(&self, asked: &LastEventId) -> Start {
        if asked.is_earliest() {
            return Start::After(self.floor());
        }
        if let Some(place) = asked.as_own_id().and_then(|id| self.find(&id)) {
            return Start::After(place);
        }
        match asked.as_position() {
            Some(place) if place.epoch != self.head.epoch => {
                Start::Gap(Loss::Epoch, Some(self.floor()))
            }
            Some(place) if place > self.head => Start::Gap(Loss::Unknown, None),
            Some(place) if place < self.floor() => Start::Gap(Loss::Trimmed, Some(self.floor())),
            Some(place) => Start::After(place),
            None => Start::Gap(Loss::Unknown, None),
        }
    }

    fn find(&self, id: &EventId) -> Option<Position> {
        let (found, sequence) = self.own_ids.range((id.clone(), 0)..).next()?;
        (found == id).then_some(Position { sequence: *sequence, ..self.head })
    }

    fn read(&self, after: Position, up_to: Option<Position>, limits: Limits) -> Chunk {
        let floor = self.floor();
        let up_to = up_to.unwrap_or(self.head).min(self.head);
        let index = |place: Position| {
            let offset = place.sequence.saturating_sub(floor.sequence);
            usize::try_from(offset).unwrap_or(usize::MAX).min(self.entries.len())
        };
        let first = index(after);
        let end = index(up_to).max(first);
        let mut bytes = 0;
        let fits = |entry: &&Arc<Entry>| {
            let first = bytes == 0;
            bytes += entry.frame.len();
            first || bytes <= limits.bytes
        };
        let asked = self.entries.range(first..end).take(limits.events);
        let entries: Vec<_> = asked.take_while(fits).cloned().collect();
        let last = first + entries.len() == end;
        Chunk { entries, last, overtaken: (after < floor && up_to > after).then_some(floor) }
    }
}

fn cost(entry: &Entry) -> usize {
    let topics: usize = entry.topics.iter().map(|topic| topic.as_str().len() + 32).sum();
    let own_id = entry.own_id.as_ref().map_or(0, |id| id.as_str().len() + 64);
    entry.frame.len() + topics + own_id + ENTRY_OVERHEAD
}
