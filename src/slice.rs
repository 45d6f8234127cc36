//! How long work may keep a thread that others need.
//!
//! Promises: who asks after every piece of work gives the thread back after a third of a
//! millisecond, and hardly pays for asking. Does not: know what the work is.

use std::{
    future::Future as _,
    pin::pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::task::yield_now;

/// How long it is. An event and its answer wait for some slices on their way: with a millisecond, 8
/// publishers reached half as many deliveries a second.
const LENGTH: Duration = Duration::from_micros(300);
/// How much is done between two looks at the clock: some microseconds; 0.2 ms at worst, where a
/// single selector takes that long.
const STRIDE: usize = 4096;

/// What a test of a selector takes besides reading the topic, in bytes that could be read meanwhile.
pub const TEST: usize = 64;

/// A time to work, before other tasks of the thread get their turn.
pub struct Slice {
    until: Instant,
    /// Since the last look at the clock.
    done: usize,
    over: bool,
}

impl Slice {
    /// A slice that has begun at this time.
    pub fn from(begun: Instant) -> Self {
        Self { until: begun + LENGTH, done: 0, over: false }
    }

    /// Counts work, in bytes read or what takes as long. Tells whether the slice is over.
    pub fn spend(&mut self, work: usize) -> bool {
        self.done += work;
        if self.done >= STRIDE {
            self.done = 0;
            self.over |= Instant::now() >= self.until;
        }
        self.over
    }

    /// Gives the thread back, and begins anew.
    pub async fn pause(&mut self) {
        yield_now().await;
        *self = Self::from(Instant::now());
    }
}

/// Has a task wait until the others have had their turn.
pub fn rest<T>(task: &mut Context<'_>) -> Poll<T> {
    // Not a plain wake-up: the thread would take that up before it looks at its sockets (a
    // `LocalSet` runs 61 tasks between two looks).
    let _ = pin!(yield_now()).poll(task);
    Poll::Pending
}
