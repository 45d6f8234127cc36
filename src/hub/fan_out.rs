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
};

use actix::{ActorFuture, Context};

use super::{
    broadcaster::Broadcaster,
    registry::Search,
    slice::{Slice, rest},
};
use crate::history::Entry;

/// Finds out who gets a round. Yields how many get each of its entries.
pub struct FanOut {
    round: Arc<[Arc<Entry>]>,
    /// Where the round begins in the draft, once it is in there.
    first: Option<usize>,
    /// How many get each entry, of those that were looked at.
    counts: Vec<usize>,
    /// The search for those who get the next entry, once it has begun, and how many it has found.
    search: Option<(Search, usize)>,
}

impl FanOut {
    pub fn new(round: Arc<[Arc<Entry>]>) -> Self {
        let counts = Vec::with_capacity(round.len());
        Self { round, first: None, counts, search: None }
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
                *self.first.insert(broadcaster.add(&self.round))
            }
        };
        while let Some(entry) = self.round.get(self.counts.len()) {
            let start = self.counts.len();
            // Found once for all that have the same subscribers.
            let alike = self.round[start..].iter().take_while(|next| next.is_like(entry)).count();
            let run = first + start..first + start + alike;
            let (search, found) =
                self.search.get_or_insert_with(|| (broadcaster.begin_search(), 0));
            let (more, done) = broadcaster.target(entry, run, search, slice);
            *found += more;
            if !done {
                return false;
            }
            self.counts.resize(start + alike, *found);
            self.search = None;
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
