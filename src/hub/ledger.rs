//! What a hub counts of streams and publishers: what happens once for each of them.
//!
//! Promises: nothing of it is on the way of an event to its subscribers; what is there, each
//! Broadcaster counts for itself (`tally.rs`). Does not: tell one topic or client from another.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use parking_lot::Mutex;

use super::{Refusal, account::End};
use crate::{histogram::Histogram, history::Loss};

/// See the module. Nothing in it ever becomes less.
#[derive(Debug)]
pub struct Ledger {
    opened: AtomicU64,
    ended: [AtomicU64; End::ALL.len()],
    turned_away: [AtomicU64; Refusal::ALL.len()],
    gaps: [AtomicU64; Loss::ALL.len()],
    replayed: Mutex<Replayed>,
    published: Mutex<Histogram>,
}

/// What was read from the history for subscribers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Events.
    pub events: u64,
    /// The bytes of their frames.
    pub bytes: u64,
    /// How many events each catching up has sent.
    pub sizes: Histogram,
}

/// What is in the ledger at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Streams that have begun.
    pub opened: u64,
    /// Streams that have ended, by reason.
    pub ended: Vec<(End, u64)>,
    /// Subscribers that there was no place for, by reason.
    pub turned_away: Vec<(Refusal, u64)>,
    /// `gap` events, by reason.
    pub gaps: Vec<(Loss, u64)>,
    /// What was read from the history.
    pub replayed: Replayed,
    /// How long publishers have waited for their answers.
    pub published: Histogram,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            opened: AtomicU64::default(),
            ended: Default::default(),
            turned_away: Default::default(),
            gaps: Default::default(),
            replayed: Mutex::new(Replayed { events: 0, bytes: 0, sizes: Histogram::of_sizes() }),
            published: Mutex::new(Histogram::of_times()),
        }
    }
}

impl Ledger {
    pub fn open(&self) {
        self.opened.fetch_add(1, Relaxed);
    }

    pub fn end(&self, why: End) {
        self.ended[why as usize].fetch_add(1, Relaxed);
    }

    pub fn turn_away(&self, why: Refusal) {
        self.turned_away[why as usize].fetch_add(1, Relaxed);
    }

    pub fn tell_gap(&self, loss: Loss) {
        self.gaps[loss as usize].fetch_add(1, Relaxed);
    }

    /// Enters what was read for one subscriber; its size counts where it was a catching up.
    pub fn replay(&self, events: u64, bytes: u64, caught_up: bool) {
        let mut replayed = self.replayed.lock();
        replayed.events += events;
        replayed.bytes += bytes;
        if caught_up {
            replayed.sizes.observe(events);
        }
    }

    /// A publisher of so many events has been answered, after so long.
    pub fn publish(&self, took: Duration, events: usize) {
        let mut published = self.published.lock();
        (0..events).for_each(|_| published.took(took));
    }

    pub fn counts(&self) -> Counts {
        let load = |count: &AtomicU64| count.load(Relaxed);
        // Ends before beginnings: else more could have ended than have begun.
        let ended = End::ALL.into_iter().zip(self.ended.iter().map(load)).collect();
        Counts {
            ended,
            opened: load(&self.opened),
            turned_away: Refusal::ALL.into_iter().zip(self.turned_away.iter().map(load)).collect(),
            gaps: Loss::ALL.into_iter().zip(self.gaps.iter().map(load)).collect(),
            replayed: self.replayed.lock().clone(),
            published: self.published.lock().clone(),
        }
    }
}
