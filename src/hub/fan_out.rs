//! One round on its way through a Broadcaster: who gets it, and then the writing, in slices.
//!
//! While it is found out who gets a round, its Broadcaster handles no other message: whoever
//! registers does so before the round or after it, never in the middle. The round is answered
//! then. It is written with the next pass, while the next rounds come in: the busier the hub, the
//! more of them are one write. A pass is bounded as a round is, so that publishers are never more
//! than two of them ahead of the kernel.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
    time::Instant,
};

use actix::{ActorFuture, Context};

use super::{
    broadcaster::Broadcaster,
    live::Live,
    registry::{Key, Registry, Search},
};
use crate::{
    history::Entry,
    slice::{Slice, rest},
    topic::Progress,
};

/// Finds out who gets a round. Yields how many get each of its entries.
pub struct FanOut {
    round: Arc<[Arc<Entry>]>,
    /// When it left the history.
    since: Instant,
    /// Where the round begins in the draft, once it is in there.
    first: Option<usize>,
    /// How many get each entry, of those that were looked at.
    counts: Vec<usize>,
    /// Those who get the next entry, once the search for them has begun.
    receivers: Option<Receivers>,
}

impl FanOut {
    pub fn new(round: Arc<[Arc<Entry>]>, since: Instant) -> Self {
        let counts = Vec::with_capacity(round.len());
        Self { round, since, first: None, counts, receivers: None }
    }

    /// Adds the round to the draft. False when its time was over before.
    fn add(&mut self, broadcaster: &mut Broadcaster, slice: &mut Slice) -> bool {
        let first = match self.first {
            Some(first) => first,
            None => {
                // The draft is empty as soon as the pass before it is written.
                while !broadcaster.has_room_for(&self.round) {
                    if !broadcaster.write(slice) {
                        return false;
                    }
                }
                *self.first.insert(broadcaster.add(&self.round, self.since))
            }
        };
        while let Some(entry) = self.round.get(self.counts.len()) {
            let start = self.counts.len();
            // Found once for all that have the same subscribers.
            let alike = self.round[start..].iter().take_while(|next| next.is_like(entry)).count();
            let run = first + start..first + start + alike;
            let receivers = self.receivers.get_or_insert_with(|| broadcaster.begin_search());
            if !broadcaster.target(entry, &run, receivers, slice) {
                return false;
            }
            self.counts.resize(start + alike, receivers.count);
            self.receivers = None;
        }
        true
    }
}

impl ActorFuture<Broadcaster> for FanOut {
    type Output = Vec<usize>;

    fn poll(
        mut self: Pin<&mut Self>,
        broadcaster: &mut Broadcaster,
        ctx: &mut Context<Broadcaster>,
        task: &mut Task<'_>,
    ) -> Poll<Vec<usize>> {
        let slice = &mut broadcaster.begin_slice();
        if !self.add(broadcaster, slice) {
            return rest(task);
        }
        if let Some(last) = self.round.last() {
            broadcaster.delivers(last.position);
        }
        broadcaster.begin_writing(ctx);
        Poll::Ready(std::mem::take(&mut self.counts))
    }
}

/// The search for those who get one entry.
pub struct Receivers {
    search: Search,
    is_over: bool,
    /// Those who ask for it. Of a private entry it is not known whether they may have it; of the
    /// last one perhaps in part.
    found: Vec<Key>,
    progress: Progress,
    /// How many are known to get it.
    count: usize,
}

impl Receivers {
    pub fn new(search: Search) -> Self {
        let progress = Progress::default();
        Self { search, is_over: false, found: Vec::new(), progress, count: 0 }
    }

    /// Finds more of them, until the slice is over.
    pub fn find(
        &mut self,
        entry: &Entry,
        live: &mut Registry<Live>,
        slice: &mut Slice,
    ) -> Vec<Key> {
        self.is_over =
            self.is_over || live.search(&mut self.search, &entry.topics, &mut self.found, slice);
        let found = if entry.private {
            self.take_allowed(entry, live, slice)
        } else {
            // A public entry touches nobody's terms.
            std::mem::take(&mut self.found)
        };
        self.count += found.len();
        found
    }

    /// Takes those out who may have a private entry, and drops those who may not.
    fn take_allowed(
        &mut self,
        entry: &Entry,
        live: &mut Registry<Live>,
        slice: &mut Slice,
    ) -> Vec<Key> {
        let mut allowed = Vec::new();
        while let Some(key) = self.found.last().copied() {
            let terms = live.get_mut(key).map(|live| &live.account.terms);
            let is_allowed = match terms {
                Some(terms) => terms.try_allow(entry, &mut self.progress, slice),
                None => Some(false),
            };
            let Some(is_allowed) = is_allowed else { break };
            allowed.extend(is_allowed.then_some(key));
            self.found.pop();
            self.progress = Progress::default();
        }
        allowed
    }

    /// Whether there are no more.
    pub fn are_known(&self) -> bool {
        self.is_over && self.found.is_empty()
    }
}

/// Writes until nothing is left, while its Broadcaster handles other messages.
pub struct Writer;

impl ActorFuture<Broadcaster> for Writer {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        broadcaster: &mut Broadcaster,
        _: &mut Context<Broadcaster>,
        task: &mut Task<'_>,
    ) -> Poll<()> {
        let slice = &mut broadcaster.begin_slice();
        if !broadcaster.write(slice) {
            return rest(task);
        }
        broadcaster.end_writing();
        Poll::Ready(())
    }
}
