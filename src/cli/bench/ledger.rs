//! What has arrived in a round, stream by stream.
//!
//! Owns: how lost, duplicated and reordered deliveries are told apart. Promises: exact counts,
//! whatever a hub does; each number of a publisher and topic is taken for one event. Does not:
//! know what was published (what is lost at the end only the sum shows), or look whether an event
//! is of its stream's topic.

use std::{
    collections::HashMap,
    ops::{AddAssign, Range},
};

use super::mark::Mark;

/// The sum over streams.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Deliveries, each event once a stream.
    pub received: u64,
    /// Deliveries of what had been delivered before.
    pub duplicated: u64,
    /// Deliveries that came after one of a later event of the same publisher.
    pub reordered: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.received += other.received;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
    }
}

/// The streams of one thread. A place is a stream and a publisher.
#[derive(Debug, Default)]
pub struct Ledger {
    publishers: usize,
    /// The number that comes next, by place.
    next: Vec<u32>,
    /// Numbers that were skipped, by place: all that a hub without fault never needs.
    skipped: HashMap<usize, Vec<Range<u32>>>,
    counts: Counts,
}

impl Ledger {
    pub fn new(streams: usize, publishers: usize) -> Self {
        Self { publishers, next: vec![0; streams * publishers], ..Self::default() }
    }

    /// Enters a delivery.
    pub fn enter(&mut self, stream: usize, mark: &Mark) {
        let publisher = usize::from(mark.publisher);
        if publisher >= self.publishers {
            return;
        }
        let place = stream * self.publishers + publisher;
        let Some(next) = self.next.get_mut(place) else { return };
        if mark.sequence >= *next {
            if mark.sequence > *next {
                self.skipped.entry(place).or_default().push(*next..mark.sequence);
            }
            *next = mark.sequence.saturating_add(1);
            self.counts.received += 1;
        } else if self.was_skipped(place, mark.sequence) {
            self.counts.received += 1;
            self.counts.reordered += 1;
        } else {
            self.counts.duplicated += 1;
        }
    }

    /// Whether this number was skipped. It is not any more.
    fn was_skipped(&mut self, place: usize, sequence: u32) -> bool {
        let Some(ranges) = self.skipped.get_mut(&place) else { return false };
        let Some(index) = ranges.iter().position(|range| range.contains(&sequence)) else {
            return false;
        };
        let Range { start, end } = ranges.swap_remove(index);
        let left = [start..sequence, sequence + 1..end];
        ranges.extend(left.into_iter().filter(|range| !range.is_empty()));
        true
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }
}
