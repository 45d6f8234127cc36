//! How often something took how long, or was how large.
//!
//! Owns: the bounds. Promises: an observation is a search among at most 15 bounds and two additions;
//! no lock, and nothing atomic. Does not: know what is measured.

use std::time::Duration;

/// In nanoseconds: from what takes as long as one write to a socket, to what nobody waits for.
const TIMES: &[u64] = &[
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    10_000_000_000,
];

const SIZES: &[u64] = &[0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One a bound, with what is up to it and above the one before; and one for what is above all.
    counts: Vec<u64>,
    sum: u64,
}

impl Histogram {
    /// Of times.
    pub fn of_times() -> Self {
        Self::new(TIMES)
    }

    /// Of numbers of things.
    pub fn of_sizes() -> Self {
        Self::new(SIZES)
    }

    fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0 }
    }

    /// Enters a time.
    pub fn took(&mut self, time: Duration) {
        self.observe(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Enters a size.
    pub fn observe(&mut self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket] += 1;
        self.sum = self.sum.saturating_add(value);
    }

    /// Adds what another of the same kind has.
    pub fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// How many were entered.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// What they are together; times in nanoseconds.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// How many are up to each bound, and above the one before. The last has no bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(self.counts.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_in_its_bucket_and_what_is_above_all_in_the_last() {
        let mut sizes = Histogram::of_sizes();
        for size in [0, 1, 2, 10, 11, 2_000_000] {
            sizes.observe(size);
        }
        let filled: Vec<_> = sizes.buckets().filter(|(_, count)| *count > 0).collect();
        let wanted = [(Some(0), 1), (Some(1), 1), (Some(10), 2), (Some(100), 1), (None, 1)];
        assert_eq!(filled, wanted);
        assert_eq!((sizes.count(), sizes.sum()), (6, 2_000_024));
        let mut times = Histogram::of_times();
        times.took(Duration::from_micros(100));
        times.add(&times.clone());
        assert_eq!(times.buckets().next(), Some((Some(100_000), 2)));
        assert_eq!(times.sum(), 200_000);
    }
}
