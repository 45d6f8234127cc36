//! How many streams end at a time while the hub drains.
//!
//! Promises: they are spread evenly over the time that is left, whoever comes or goes meanwhile;
//! at its end all are over. Does not: end them.

use std::time::{Duration, Instant};

/// See the module.
pub struct Waves {
    until: Instant,
    /// What was left over of the last wave: a part of a stream, in nanoseconds of all.
    owed: u128,
}

impl Waves {
    /// How often there is one.
    pub const TICK: Duration = Duration::from_millis(20);

    pub fn new(until: Instant) -> Self {
        Self { until, owed: 0 }
    }

    /// How many of these streams are to end now.
    pub fn next(&mut self, streams: usize, now: Instant) -> usize {
        let left = self.until.saturating_duration_since(now).as_nanos().max(1);
        // Where there are few and the time is long, a tick is worth a part of a stream.
        self.owed += streams as u128 * Self::TICK.as_nanos();
        let wave = usize::try_from(self.owed / left).unwrap_or(usize::MAX);
        self.owed %= left;
        wave
    }
}
