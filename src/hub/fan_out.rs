//! One round of delivery, cut into slices.
//!
//! While it runs, its Broadcaster handles no other message: whoever registers does so before the
//! round or after it, never in the middle.

use std::{
    future::Future as _,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context as Task, Poll},
    time::{Duration, Instant},
};

use actix::{ActorFuture, Context};
use tokio::task::yield_now;

use super::{broadcaster::Broadcaster, registry::Key, round::Round};

/// How long it works before other tasks of the thread get their turn.
const SLICE: Duration = Duration::from_millis(1);
/// How many subscribers are served between two looks at the clock.
const STRIDE: usize = 32;

/// See the module.
pub struct FanOut {
    round: Arc<Round>,
    /// How many subscribers each entry was queued for.
    counts: Vec<usize>,
    stage: Stage,
}

enum Stage {
    /// Who gets what is not known from this entry on. Each target has the entries before it that
    /// it gets; nothing for a uniform round, in which all get everything.
    Matching(usize, Vec<Target>),
    /// Those who are still to be served.
    Sending(Vec<Target>),
}

/// A subscriber, with the entries that it gets.
pub struct Target {
    pub key: Key,
    pub entries: Vec<usize>,
}

impl FanOut {
    pub fn new(round: Arc<Round>) -> Self {
        let counts = vec![0; round.len()];
        Self { round, counts, stage: Stage::Matching(0, Vec::new()) }
    }

    /// Finds out who gets what. False when its time was over before.
    fn find_targets(&mut self, broadcaster: &mut Broadcaster, until: Instant) -> bool {
        let Stage::Matching(next, targets) = &mut self.stage else {
            return true;
        };
        if self.round.is_uniform() {
            if let Some(last) = self.round.last() {
                broadcaster.all_matching(last, targets);
            }
        } else {
            while *next < self.round.len() {
                broadcaster.add_matching(&self.round, *next, targets);
                *next += 1;
                if Instant::now() >= until {
                    return false;
                }
            }
        }
        self.stage = Stage::Sending(std::mem::take(targets));
        true
    }

    /// Serves the targets. False when its time was over before.
    fn serve_targets(&mut self, broadcaster: &mut Broadcaster, until: Instant) -> bool {
        let Stage::Sending(targets) = &mut self.stage else {
            return true;
        };
        let uniform = self.round.is_uniform();
        let mut served = 0;
        while let Some(target) = targets.pop() {
            let part = if uniform { self.round.whole() } else { self.round.part(&target.entries) };
            if broadcaster.send(target.key, part) {
                if uniform {
                    self.counts[0] += 1;
                } else {
                    target.entries.iter().for_each(|entry| self.counts[*entry] += 1);
                }
            }
            served += 1;
            if served % STRIDE == 0 && Instant::now() >= until {
                return false;
            }
        }
        true
    }
}

impl ActorFuture<Broadcaster> for FanOut {
    type Output = Vec<usize>;

    fn poll(
        mut self: Pin<&mut Self>,
        broadcaster: &mut Broadcaster,
        _: &mut Context<Broadcaster>,
        task: &mut Task<'_>,
    ) -> Poll<Vec<usize>> {
        let until = broadcaster.begin_slice() + SLICE;
        if !(self.find_targets(broadcaster, until) && self.serve_targets(broadcaster, until)) {
            // Not a plain wake-up: the thread would take that up before it looks at its sockets
            // (a `LocalSet` runs 61 tasks between two looks).
            let _ = pin!(yield_now()).poll(task);
            return Poll::Pending;
        }
        if let Some(last) = self.round.last() {
            broadcaster.delivered(last.position);
        }
        let mut counts = std::mem::take(&mut self.counts);
        if self.round.is_uniform() {
            let all = counts.first().copied().unwrap_or_default();
            counts.fill(all);
        }
        Poll::Ready(counts)
    }
}
