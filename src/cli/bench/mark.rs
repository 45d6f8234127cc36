//! The mark in a payload: who published it in which round, its number, and when.
//!
//! Promises: it is found in whatever a hub puts around the payload, also where it is split
//! between two reads. Does not: find one that a hub splits itself, by a chunk boundary within
//! the payload; such an event counts as lost.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use memchr::{memmem, memrchr};

const PREFIX: &[u8] = b"@fanfare:";
const DIGITS: usize = 4 + 4 + 8 + 16;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// Tells the events of a round from those of another, and of other runs.
    pub round: u16,
    pub publisher: u16,
    /// Counts from 0 within publisher and topic.
    pub sequence: u32,
    /// When it was published, on the [`Clock`].
    pub sent: u64,
}

impl Mark {
    pub const LENGTH: usize = PREFIX.len() + DIGITS;

    /// Writes it over `place`, which has to be [`Self::LENGTH`] long.
    pub fn write(self, mut place: &mut [u8]) {
        let Self { round, publisher, sequence, sent } = self;
        // Its length is fixed, so that it always fits.
        let _ = place.write_all(PREFIX);
        let _ = write!(place, "{round:04x}{publisher:04x}{sequence:08x}{sent:016x}");
    }

    fn read(digits: &[u8; DIGITS]) -> Option<Self> {
        let (first, sent) = digits.split_at(16);
        let (first, sent) = (hexadecimal(first)?, hexadecimal(sent)?);
        // The shifts leave no more than what fits.
        #[expect(clippy::cast_possible_truncation)]
        let (round, publisher, sequence) =
            ((first >> 48) as u16, (first >> 32) as u16, first as u32);
        Some(Self { round, publisher, sequence, sent })
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(digit))
    })
}

/// Finds marks.
#[derive(Debug)]
pub struct Finder(memmem::Finder<'static>);

impl Default for Finder {
    fn default() -> Self {
        Self(memmem::Finder::new(PREFIX))
    }
}

impl Finder {
    /// Reports all whole marks, and returns the end of the bytes that may be the beginning of one
    /// more: it has to come before the next bytes.
    pub fn find<'a>(&self, bytes: &'a [u8], mut found: impl FnMut(Mark)) -> &'a [u8] {
        let mut rest = bytes;
        while let Some(at) = self.0.find(rest) {
            let after = &rest[at + PREFIX.len()..];
            let Some(digits) = after.first_chunk() else { return &rest[at..] };
            if let Some(mark) = Mark::read(digits) {
                found(mark);
            }
            rest = after;
        }
        let tail = &rest[rest.len().saturating_sub(PREFIX.len() - 1)..];
        match memrchr(PREFIX[0], tail) {
            Some(at) if PREFIX.starts_with(&tail[at..]) => &tail[at..],
            _ => &[],
        }
    }
}

/// Nanoseconds since the run began. All threads have the same.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn now(self) -> u64 {
        nanoseconds(self.0.elapsed())
    }
}

/// A time in the unit of the clock.
pub fn nanoseconds(time: Duration) -> u64 {
    // Centuries fit.
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
