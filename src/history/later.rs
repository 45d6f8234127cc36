//! Events that wait for their time, wherever they are kept meanwhile.
//!
//! Owns: how many there may be. Promises: one that waits has an id of its own, which its publisher is
//! told; it gets its place in the order when it is due, and its time to live begins then. Does not:
//! wait; each history looks after its own.

use std::sync::Arc;

use super::{Delivered, Entry, Parcel, Position, StorageError, limits::now};
use crate::event::Event;

/// The most that wait, and what they may take.
pub(super) const MAX_EVENTS: u64 = 100_000;
pub(super) const MAX_BYTES: u64 = 64 << 20;

/// How many get their places at a time.
pub(super) const RELEASE: usize = 256;

/// How much waits.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Backlog {
    pub events: u64,
    pub bytes: u64,
}

impl Backlog {
    /// Whether more may wait.
    fn has_room(self) -> Result<(), StorageError> {
        let fits = self.events < MAX_EVENTS && self.bytes < MAX_BYTES;
        if fits { Ok(()) } else { Err(StorageError::Crowded) }
    }

    pub fn add(&mut self, bytes: usize) {
        self.events += 1;
        self.bytes += bytes as u64;
    }

    pub fn remove(&mut self, bytes: usize) {
        self.events = self.events.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes as u64);
    }
}

/// Whether this parcel may wait, if any of it is to.
pub(super) fn has_room(
    parcel: &Parcel,
    backlog: impl FnOnce() -> Backlog,
) -> Result<(), StorageError> {
    let waits = parcel.iter().any(|handed| handed.due.is_some());
    if waits { backlog().has_room() } else { Ok(()) }
}

/// Tells its publisher that it is not kept.
pub(super) fn refuse(parcel: Parcel, error: StorageError) {
    for handed in parcel {
        // A publisher that has left does not need it.
        let _ = handed.receipt.send(Err(error));
    }
}

/// What the publisher of an event is told that is kept for later: it has no place yet.
pub(super) fn kept(event: Event) -> Delivered {
    Delivered { entry: Arc::new(Entry::new(Position::ZERO, event, now())), subscribers: 0 }
}
