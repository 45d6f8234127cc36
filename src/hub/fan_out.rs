//! One round of delivery, cut into slices.
//!
//! While it runs, its Broadcaster handles no other message: whoever registers does so before the
//! round or after it, never in the middle.

use std::{
    future::Future as _,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context as Task, Poll},
};

use actix::{ActorFuture, Context};
use tokio::task::yield_now;

use super::{
    broadcaster::Broadcaster,
    registry::{Key, Search},
    round::Round,
};
use crate::{slice::Slice, topic::Progress};

/// What it takes to serve a subscriber, in bytes that could be read meanwhile.
const SERVE: usize = 128;

/// See the module.
pub struct FanOut {
    round: Arc<Round>,
    /// How many subscribers each entry was queued for.
    counts: Vec<usize>,
    stage: Stage,
}

enum Stage {
    /// Who gets what is not known from this entry on, for which a search may have begun. Each
    /// target has the entries that it is known to get; nothing for a uniform round, in which all
    /// get everything, and who gets the last is who gets any.
    Matching(usize, Option<Receivers>, Vec<Target>),
    /// Those who are still to be served.
    Sending(Vec<Target>),
}

/// The search for those who get one entry.
pub struct Receivers {
    pub search: Search,
    pub is_over: bool,
    /// Those who ask for it. Of a private entry it is not known whether they may have it; of the
    /// last one perhaps in part.
    pub found: Vec<Key>,
    pub progress: Progress,
}

/// A subscriber, with the entries that it gets.
pub struct Target {
    pub key: Key,
    pub entries: Vec<usize>,
}

impl FanOut {
    pub fn new(round: Arc<Round>) -> Self {
        let counts = vec![0; round.len()];
        let first = if round.is_uniform() { round.len().saturating_sub(1) } else { 0 };
        Self { round, counts, stage: Stage::Matching(first, None, Vec::new()) }
    }

    /// Finds out who gets what. False when its time was over before.
    fn find_targets(&mut self, broadcaster: &mut Broadcaster, slice: &mut Slice) -> bool {
        let Stage::Matching(next, begun, targets) = &mut self.stage else {
            return true;
        };
        while *next < self.round.len() {
            let receivers = begun.get_or_insert_with(|| broadcaster.begin_search());
            if !broadcaster.add_matching(&self.round, *next, receivers, targets, slice) {
                return false;
            }
            *begun = None;
            *next += 1;
        }
        self.stage = Stage::Sending(std::mem::take(targets));
        true
    }

    /// Serves the targets. False when its time was over before.
    fn serve_targets(&mut self, broadcaster: &mut Broadcaster, slice: &mut Slice) -> bool {
        let Stage::Sending(targets) = &mut self.stage else {
            return true;
        };
        let uniform = self.round.is_uniform();
        while let Some(target) = targets.pop() {
            let part = if uniform { self.round.whole() } else { self.round.part(&target.entries) };
            if broadcaster.send(target.key, part) {
                if uniform {
                    self.counts[0] += 1;
                } else {
                    target.entries.iter().for_each(|entry| self.counts[*entry] += 1);
                }
            }
            if slice.spend(SERVE) {
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
        let slice = &mut Slice::from(broadcaster.begin_slice());
        if !(self.find_targets(broadcaster, slice) && self.serve_targets(broadcaster, slice)) {
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
