//! When each subscriber has to be looked at again.
//!
//! Owns: a wheel of time. Promises: planning and finding cost the same however many subscribers
//! there are. Does not: know why; the Broadcaster checks for silence and age when one is due.

use std::{collections::VecDeque, time::Duration};

use super::registry::Key;

#[derive(Debug)]
pub struct Wheel {
    /// The first is due at the next turn.
    slots: VecDeque<Vec<Key>>,
    tick: Duration,
}

impl Wheel {
    /// A wheel that is turned once a `tick`.
    pub fn new(tick: Duration) -> Self {
        Self { slots: VecDeque::new(), tick }
    }

    /// Plans a look at this subscriber: not before the delay is over, and two ticks after it
    /// at the latest.
    pub fn plan(&mut self, key: Key, delay: Duration) {
        let turns = delay.as_nanos().div_ceil(self.tick.as_nanos());
        let slot = usize::try_from(turns).unwrap_or(usize::MAX).min(MAX_SLOTS);
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, Vec::new);
        }
        self.slots[slot].push(key);
    }

    /// Advances one tick and returns who is due. They may have gone meanwhile.
    pub fn turn(&mut self) -> Vec<Key> {
        self.slots.pop_front().unwrap_or_default()
    }
}

/// How far ahead the wheel reaches. What is due later is looked at early, and planned again.
const MAX_SLOTS: usize = 4096;
