//! How much is kept: for those who look after it.

use std::time::Duration;

use super::limits::now;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holdings {
    /// Entries. In a file, those that a crash has left out count too.
    pub events: u64,
    /// What they take, as retention counts it.
    pub bytes: u64,
    /// How long ago the oldest was appended; zero where there is none.
    pub age: Duration,
}

impl Holdings {
    /// `oldest` is in milliseconds since 1970.
    pub(super) fn new(events: u64, bytes: u64, oldest: Option<u64>) -> Self {
        let age = oldest.filter(|_| events > 0).map_or(0, |oldest| now().saturating_sub(oldest));
        Self { events, bytes, age: Duration::from_millis(age) }
    }
}
