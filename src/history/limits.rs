//! How much is kept, and how much is read at a time.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::Entry;

/// What is kept, or read at a time, at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries.
    pub events: usize,
    /// Bytes: of memory or of a file, whichever they are kept in.
    pub bytes: usize,
}

impl Limits {
    /// The newest entries that a history elsewhere holds in memory too: they are never read again.
    pub(super) const NEWEST: Self = Self { events: 10_000, bytes: 32 << 20 };

    /// As many as fit, and at least one where there is one: else a large one could never be read.
    pub(super) fn first_of<'a>(
        self,
        entries: impl Iterator<Item = &'a Arc<Entry>>,
    ) -> Vec<Arc<Entry>> {
        let mut bytes = 0;
        let fits = |entry: &&Arc<Entry>| {
            let first = bytes == 0;
            bytes += entry.frame.len();
            first || bytes <= self.bytes
        };
        entries.take(self.events.max(1)).take_while(fits).cloned().collect()
    }
}

/// When the oldest entries go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The most that is kept.
    pub limits: Limits,
    /// How old an entry may become; zero for no limit.
    pub age: Duration,
}

impl Retention {
    /// Entries of this time, and from before it, are too old now.
    pub(super) fn expired(&self) -> Option<u64> {
        (!self.age.is_zero()).then(|| now().saturating_sub(millis(self.age)))
    }
}

/// The time, in milliseconds since 1970. A clock before that gives 0.
pub(super) fn now() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
