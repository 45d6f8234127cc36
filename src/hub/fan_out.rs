//! One round of delivery, cut into slices.
//!
//! While it runs, its Broadcaster handles no other message: whoever registers does so before the
//! round or after it, never in the middle.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
};

use actix::{ActorFuture, Context};

use super::{broadcaster::Broadcaster, registry::Key};
use crate::history::Entry;

/// How many frames are queued before other tasks of the thread get their turn: about a
/// millisecond's worth.
const SLICE: usize = 4096;

pub struct FanOut {
    round: Arc<[Arc<Entry>]>,
    /// How many subscribers each finished entry was queued for.
    counts: Vec<usize>,
    /// The entry in work.
    current: Option<Current>,
}

struct Current {
    /// Who is still to get it.
    targets: Vec<Key>,
    queued: usize,
}

impl FanOut {
    pub fn new(round: Arc<[Arc<Entry>]>) -> Self {
        Self { counts: Vec::with_capacity(round.len()), round, current: None }
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
        let Self { round, counts, current } = &mut *self;
        let mut left = SLICE;
        broadcaster.begin_slice();
        while let Some(entry) = round.get(counts.len()) {
            let Current { targets, queued } = current.get_or_insert_with(|| {
                let mut targets = Vec::new();
                broadcaster.matching(entry, &mut targets);
                Current { targets, queued: 0 }
            });
            while let Some(key) = targets.pop() {
                *queued += usize::from(broadcaster.push(key, entry));
                left -= 1;
                if left == 0 {
                    task.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            counts.push(*queued);
            *current = None;
        }
        if let Some(last) = round.last() {
            broadcaster.delivered(last.position);
        }
        Poll::Ready(std::mem::take(counts))
    }
}
