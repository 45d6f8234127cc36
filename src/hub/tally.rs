//! What a Broadcaster counts while it writes.
//!
//! Promises: plain numbers of one thread, added to where their memory is touched anyway: no atomic,
//! and one look at the clock a pass. They are gathered when someone asks.

use std::time::Instant;

use crate::histogram::Histogram;

/// See the module. Nothing in it ever becomes less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Events, each as often as it was sent to someone.
    pub events: u64,
    /// The bytes of their frames.
    pub bytes: u64,
    /// How long each pass took: from when its first round began until all its targets were written
    /// to.
    pub passes: Histogram,
}

impl Default for Tally {
    fn default() -> Self {
        Self { events: 0, bytes: 0, passes: Histogram::of_times() }
    }
}

impl Tally {
    /// One subscriber was sent so much.
    pub fn sent(&mut self, events: usize, bytes: usize) {
        self.events += events as u64;
        self.bytes += bytes as u64;
    }

    /// Everyone has got what a pass has for them that began then.
    pub fn end_pass(&mut self, since: Instant) {
        self.passes.took(since.elapsed());
    }

    /// Adds what another Broadcaster has counted.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.bytes += other.bytes;
        self.passes.add(&other.passes);
    }
}
