//! A bucket for everyone who has taken something of a rate.
//!
//! Promises: bounded memory, whoever comes. Who has taken nothing for as long as a bucket takes to
//! be full has none, and where there are too many, those go first that are nearest to full: who has
//! taken most is remembered longest.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash, RandomState},
    num::NonZeroU32,
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, MonotonicClock},
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};
use parking_lot::Mutex;

use super::rate::Rate;

/// The most buckets of a rate: some 3 MiB.
const MOST: usize = 100_000;

/// See the module.
pub struct Buckets {
    limiter: RateLimiter<u64, Store, MonotonicClock, StateInformationMiddleware>,
    quota: Quota,
    hasher: RandomState,
}

/// Why something is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// It is there after this time.
    For(Duration),
    /// It is more than is ever there at once.
    Always,
}

impl Buckets {
    pub fn new(Rate(quota): Rate) -> Self {
        Self {
            limiter: RateLimiter::new(quota, Store::default(), MonotonicClock),
            quota,
            hasher: RandomState::new(),
        }
    }

    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Takes so many out of the bucket of this one, all or none. Returns how many are left.
    pub fn take(&self, whose: impl Hash, count: NonZeroU32) -> Result<u32, Empty> {
        if count > self.quota.burst_size() {
            return Err(Empty::Always);
        }
        // A name may be long. Of 100,000 hashes two are the same once in 4 * 10^9 hubs.
        let key = self.hasher.hash_one(whose);
        match self.limiter.check_key_n(&key, count) {
            Ok(Ok(state)) => Ok(state.remaining_burst_capacity()),
            Ok(Err(until)) => Err(Empty::For(until.wait_time_from(self.limiter.clock().now()))),
            Err(_) => Err(Empty::Always),
        }
    }

    /// Forgets those that are full again.
    pub fn forget_full(&self) {
        self.limiter.retain_recent();
    }
}

/// When each bucket will be full: what governor wants to be kept.
#[derive(Default)]
struct Store(Mutex<HashMap<u64, Nanos>>);

impl StateStore for Store {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut full_at = self.0.lock();
        let known = full_at.get(key).copied();
        let (answer, next) = measure(known)?;
        if known.is_none() && full_at.len() >= MOST {
            forget_half(&mut full_at);
        }
        full_at.insert(*key, next);
        Ok(answer)
    }
}

impl ShrinkableKeyedStateStore<u64> for Store {
    fn retain_recent(&self, drop_below: Nanos) {
        let mut full_at = self.0.lock();
        full_at.retain(|_, at| *at > drop_below);
        // Not after each lull: what has grown once may grow again.
        if full_at.capacity() > 4 * full_at.len() + 1024 {
            full_at.shrink_to_fit();
        }
    }

    fn len(&self) -> usize {
        self.0.lock().len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The half that is full first. It takes some milliseconds, once for each 50,000 that come.
fn forget_half(full_at: &mut HashMap<u64, Nanos>) {
    let mut times: Vec<Nanos> = full_at.values().copied().collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    full_at.retain(|_, at| *at > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> NonZeroU32 {
        NonZeroU32::MIN
    }

    #[test]
    fn the_number_of_buckets_is_bounded_and_the_emptiest_stay() {
        let buckets = Buckets::new("1/h:2".parse().unwrap());
        assert_eq!(buckets.take("eve", one()), Ok(1));
        assert_eq!(buckets.take("eve", one()), Ok(0));
        for number in 0..3 * MOST {
            assert_eq!(buckets.take(number, one()), Ok(1));
            if number % 1000 == 0 {
                assert!(buckets.limiter.len() <= MOST);
            }
        }
        assert!(matches!(buckets.take("eve", one()), Err(Empty::For(_))));
    }

    #[test]
    fn those_that_are_full_again_are_forgotten() {
        let buckets = Buckets::new("1000000/s".parse().unwrap());
        let slow = Buckets::new("1/h".parse().unwrap());
        for buckets in [&buckets, &slow] {
            buckets.take("a", one()).unwrap();
            assert_eq!(buckets.limiter.len(), 1);
        }
        let begun = std::time::Instant::now();
        while !buckets.limiter.is_empty() {
            buckets.forget_full();
            assert!(begun.elapsed() < Duration::from_secs(10));
        }
        slow.forget_full();
        assert_eq!(slow.limiter.len(), 1);
    }

    #[test]
    fn several_are_given_together_or_not_at_all() {
        let buckets = Buckets::new("1/h:5".parse().unwrap());
        let take = |count| buckets.take("a", NonZeroU32::new(count).unwrap());
        assert_eq!(take(6), Err(Empty::Always));
        assert_eq!(take(3), Ok(2));
        let Err(Empty::For(wait)) = take(3) else { panic!("two are there") };
        assert!(wait > Duration::from_secs(3590), "one is missing: {wait:?}");
        assert!(wait <= Duration::from_secs(3600), "{wait:?}");
        assert_eq!(take(2), Ok(0));
        assert_eq!(take(u32::MAX), Err(Empty::Always));
    }
}
