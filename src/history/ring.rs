//! The newest entries, in memory: all that a history in memory has, and what a history kept
//! elsewhere need not read again.
//!
//! Owns: the entries, and where the publishers' own ids are among them. Promises: what it holds
//! has no hole, and reaches up to its head. Does not: lock, or wait.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use super::{Chunk, Entry, Holdings, Limits, Position};
use crate::event::EventId;

/// What an entry takes besides its texts, in bytes: the reference counts, its places in the ring
/// and on the heap (measured: 10,000 entries of an empty event).
const ENTRY_OVERHEAD: usize = 200;

#[derive(Debug)]
pub(super) struct Ring {
    limits: Limits,
    /// The place of its newest entry, or where that will follow.
    head: Position,
    /// The own id of what is at that place, if it has one.
    head_id: Option<EventId>,
    /// The place before its oldest entry.
    floor: Position,
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// Ordered, so that the earliest of equal ones is first.
    own_ids: BTreeSet<(EventId, Position)>,
}

impl Ring {
    /// An empty ring, whose first entry will follow this place.
    pub(super) fn new(limits: Limits, head: Position) -> Self {
        Self {
            limits,
            head,
            head_id: None,
            floor: head,
            entries: VecDeque::new(),
            bytes: 0,
            own_ids: BTreeSet::new(),
        }
    }

    pub(super) fn head(&self) -> Position {
        self.head
    }

    /// The id of the newest entry, whether it is kept or not; `None` where there never was one.
    pub(super) fn newest_id(&self) -> Option<String> {
        match &self.head_id {
            Some(id) => Some(id.as_str().to_owned()),
            None => (self.head.sequence > 0).then(|| self.head.to_string()),
        }
    }

    pub(super) fn holdings(&self) -> Holdings {
        let oldest = self.entries.front().map(|entry| entry.time);
        Holdings::new(self.entries.len() as u64, self.bytes as u64, oldest)
    }

    pub(super) fn floor(&self) -> Position {
        self.floor
    }

    /// Adds the next entry, and drops the oldest where there are too many.
    pub(super) fn push(&mut self, entry: &Arc<Entry>) {
        self.head = entry.position;
        self.head_id.clone_from(&entry.own_id);
        self.bytes += cost(entry);
        if let Some(id) = &entry.own_id {
            self.own_ids.insert((id.clone(), entry.position));
        }
        self.entries.push_back(Arc::clone(entry));
        while self.entries.len() > self.limits.events || self.bytes > self.limits.bytes {
            self.drop_oldest();
        }
    }

    /// Drops what is at or before this place.
    pub(super) fn drop_up_to(&mut self, place: Position) {
        while self.entries.front().is_some_and(|oldest| oldest.position <= place) {
            self.drop_oldest();
        }
    }

    /// Drops what was appended at or before this time.
    pub(super) fn drop_until(&mut self, time: u64) {
        while self.entries.front().is_some_and(|oldest| oldest.time <= time) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some(gone) = self.entries.pop_front() else { return };
        self.floor = gone.position;
        self.bytes -= cost(&gone);
        if let Some(id) = &gone.own_id {
            self.own_ids.remove(&(id.clone(), gone.position));
        }
    }

    /// The earliest entry with this id.
    pub(super) fn find(&self, id: &EventId) -> Option<Position> {
        let (found, place) = self.own_ids.range((id.clone(), Position::ZERO)..).next()?;
        (found == id).then_some(*place)
    }

    /// See [`super::History::read`].
    pub(super) fn read(&self, after: Position, up_to: Option<Position>, limits: Limits) -> Chunk {
        let up_to = up_to.unwrap_or(self.head).min(self.head);
        let index = |place| self.entries.partition_point(|entry| entry.position <= place);
        let first = index(after);
        let end = index(up_to).max(first);
        let entries = limits.first_of(self.entries.range(first..end));
        let last = first + entries.len() == end;
        let overtaken = (after < self.floor && up_to > after).then_some(self.floor);
        Chunk { entries, last, overtaken }
    }
}

/// The memory that an entry takes.
pub(super) fn cost(entry: &Entry) -> usize {
    let topics: usize = entry.topics.iter().map(|topic| topic.as_str().len() + 32).sum();
    let own_id = entry.own_id.as_ref().map_or(0, |id| id.as_str().len() + 64);
    entry.frame.len() + topics + own_id + ENTRY_OVERHEAD
}
