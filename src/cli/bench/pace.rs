//! When the next event is due.
//!
//! Promises: times are absolute, so that a late event makes no other late, and the rate holds
//! over the whole time. Does not: forget what could not be sent in time; it counts that.

use std::time::Duration;

use super::mark::nanoseconds;

/// The pace of a round.
#[derive(Debug)]
pub struct Pace {
    from: u64,
    until: u64,
    /// Nanoseconds between two events and how many there are; `None` for no pause.
    schedule: Option<(f64, u64)>,
    taken: u64,
    late: u64,
}

impl Pace {
    pub fn start(rate: Option<f64>, duration: Duration, now: u64) -> Self {
        let schedule = rate.map(|rate| (1e9 / rate, due(rate, duration)));
        Self { from: now, until: now + nanoseconds(duration), schedule, taken: 0, late: 0 }
    }

    /// Whether there is nothing more to send.
    pub fn is_over(&self, now: u64) -> bool {
        now >= self.until || self.schedule.is_some_and(|(_, count)| self.taken == count)
    }

    /// When the next event is due.
    fn next(&self) -> u64 {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        #[expect(clippy::cast_sign_loss)]
        let after = self.schedule.map_or(0, |(pause, _)| (self.taken as f64 * pause) as u64);
        self.from + after
    }

    /// Takes the next event, if it is due.
    pub fn take(&mut self, now: u64) -> bool {
        let next = self.next();
        if now < next || self.is_over(now) {
            return false;
        }
        if self.schedule.is_some() {
            self.late = self.late.max(now - next);
        }
        self.taken += 1;
        true
    }

    /// How long it is until the next event is due.
    pub fn wait(&self, now: u64) -> Option<Duration> {
        self.schedule.map(|_| Duration::from_nanos(self.next().saturating_sub(now)))
    }

    /// How late an event was at the most, in nanoseconds.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// How many events were due by now and not taken.
    pub fn left(&self, now: u64) -> u64 {
        let passed = Duration::from_nanos(now.saturating_sub(self.from));
        self.schedule.map_or(0, |(pause, count)| {
            due(1e9 / pause, passed).min(count).saturating_sub(self.taken)
        })
    }
}

/// How many events are due within this time, of which the first is due at its beginning.
fn due(rate: f64, time: Duration) -> u64 {
    // Products such as 100 * 0.07 are a little above a whole number that is meant.
    let due = rate * time.as_secs_f64() - 1e-6;
    // Counts of events are far below what a float holds exactly.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let due = due.ceil() as u64;
    due
}
