//! How a hub that drains parts from its subscribers, and when they come back.
//!
//! Promises: those whose streams end ask again within seconds, spread by how many they are, since
//! another node may have a place for them; those who ask this hub again come when it has ended and
//! the next may be there. Does not: end streams; waves do.

use std::time::{Duration, Instant};

/// The soonest that anyone comes back: a process starts faster than that.
const PAUSE: Duration = Duration::from_secs(1);
/// Over what time they come back where there are few.
const SPREAD: Duration = Duration::from_secs(4);
/// The longest that someone is sent away. What balances load may know no better than to send it here.
const LONGEST: Duration = Duration::from_secs(30);

/// How fast streams are to end.
#[derive(Debug, Clone, Copy)]
pub struct DrainPace {
    /// They take this time, at least.
    pub over: Duration,
    /// The most in a second; `None` for no limit.
    pub rate: Option<usize>,
}

impl DrainPace {
    /// How long so many streams take.
    pub fn time_for(self, streams: usize) -> Duration {
        self.over.max(self.time_at_rate(streams))
    }

    fn time_at_rate(self, streams: usize) -> Duration {
        let rate = self.rate.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(u32::MAX).max(1);
        let seconds = u32::try_from(streams).unwrap_or(u32::MAX);
        Duration::from_secs(1) * seconds / rate
    }
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Farewell {
    /// When the last stream has to be over.
    pub until: Instant,
    /// Over what time clients come back.
    spread: Duration,
    /// Whether the process ends then. One that goes on without streams stays, nobody knows how long.
    pub ends: bool,
}

impl Farewell {
    /// For so many streams.
    pub fn new(pace: DrainPace, streams: usize, ends: bool, now: Instant) -> Self {
        let spread = SPREAD.max(pace.time_at_rate(streams));
        Self { until: now + pace.time_for(streams), spread, ends }
    }

    /// When someone comes back whose stream ends now.
    pub fn come_back(self) -> Duration {
        PAUSE + self.spread.mul_f64(fastrand::f64())
    }

    /// When someone comes back that this hub turns away now.
    pub fn come_back_after(self, now: Instant) -> Duration {
        let left = self.until.saturating_duration_since(now);
        let left = if left.is_zero() && !self.ends { LONGEST } else { left.min(LONGEST) };
        left + self.come_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_makes_it_last_longer_and_spreads_those_who_come_back() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let unlimited = DrainPace { over: second, rate: None };
        assert_eq!(unlimited.time_for(1_000_000), second);
        let slow = DrainPace { over: second, rate: Some(1000) };
        assert_eq!((slow.time_for(500), slow.time_for(20_000)), (second, second * 20));
        let farewell = Farewell::new(slow, 20_000, false, now);
        let latest = (0..1000).map(|_| farewell.come_back()).max().unwrap();
        assert!((second * 19..=second * 21).contains(&latest), "{latest:?}");
        let sent_away = farewell.come_back_after(now);
        assert!(sent_away >= second * 21 && sent_away <= second * 41, "{sent_away:?}");
        assert!(farewell.come_back_after(now + second * 20) >= second * 31);
        let last = Farewell::new(unlimited, 20_000, true, now);
        assert!(last.come_back_after(now + second) <= second * 5, "the next one is there soon");
    }
}
