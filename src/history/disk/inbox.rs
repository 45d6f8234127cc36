//! What has been published and is not written yet.
//!
//! Promises: publishers never wait here, and it is bounded, for a disk that has stopped writing.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::{
    event::Event,
    history::{Handed, Keyed, Parcel, Receipt, StorageError},
};

/// How much may wait: some seconds of publishing at full speed.
const MAX_EVENTS: usize = 65_536;
const MAX_BYTES: usize = 64 << 20;

/// What an event takes besides its texts, in bytes: its place in the queue, and its receipt.
const EVENT_OVERHEAD: usize = 300;

/// How much is written at a time, so that the first of many does not wait for the last.
const BATCH_EVENTS: usize = 4096;
pub const BATCH_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub struct Waiting {
    pub event: Event,
    /// When it gets its place, if not now.
    pub due: Option<u64>,
    pub receipt: Receipt,
    /// Whether what comes next belongs to the same parcel.
    pub goes_on: bool,
    /// The parcel's key, where it begins.
    pub keyed: Option<Box<Keyed>>,
}

/// The memory that an event takes that waits.
fn cost(event: &Event) -> usize {
    let topics: usize = event.topics.iter().map(|topic| topic.as_str().len() + 32).sum();
    let id = event.id.as_ref().map_or(0, |id| id.as_str().len());
    let kind = event.kind.as_ref().map_or(0, |kind| kind.as_str().len());
    event.data.len() + topics + id + kind + EVENT_OVERHEAD
}

#[derive(Debug, Default)]
pub struct Inbox {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// How many the writer waits for.
    wanted: usize,
    bytes: usize,
    /// Something else is to be looked at.
    call: bool,
    closed: bool,
}

impl Inbox {
    /// Takes a parcel, or refuses it.
    pub fn push(&self, parcel: Parcel, mut keyed: Option<Box<Keyed>>) {
        let mut queue = self.queue.lock();
        let full = queue.waiting.len() >= MAX_EVENTS || queue.bytes >= MAX_BYTES;
        if full || queue.closed {
            let error = if full { StorageError::Busy } else { StorageError::Failed };
            drop(queue);
            for Handed { receipt, .. } in parcel {
                // A publisher that has left does not need it.
                let _ = receipt.send(Err(error));
            }
            return;
        }
        let last = parcel.len().saturating_sub(1);
        for (at, Handed { event, due, receipt }) in parcel.into_iter().enumerate() {
            queue.bytes += cost(&event);
            let keyed = keyed.take();
            queue.waiting.push_back(Waiting { event, due, receipt, goes_on: at < last, keyed });
        }
        let enough = queue.waiting.len() >= queue.wanted;
        drop(queue);
        if enough {
            self.changed.notify_one();
        }
    }

    /// Wakes the writer, although nothing was published.
    pub fn call(&self) {
        self.queue.lock().call = true;
        self.changed.notify_one();
    }

    /// Takes no more. What waits is still written.
    pub fn close(&self) {
        self.queue.lock().closed = true;
        self.changed.notify_one();
    }

    /// What waits, up to a bound. Empty when that is nothing at the given time, or on a call.
    /// `None` when it is closed and empty.
    ///
    /// After a commit of so many events, their publishers have been answered and most of them come
    /// back at once. They are waited for, but not longer than the given time: else those who came
    /// during that commit would have the next one for themselves, and there would be two for all.
    pub fn take(
        &self,
        until: Option<Instant>,
        (answered, patience): (usize, Duration),
    ) -> Option<Vec<Waiting>> {
        let mut queue = self.queue.lock();
        let all = (answered + queue.waiting.len()).min(BATCH_EVENTS);
        while queue.waiting.is_empty() && !queue.closed && !queue.call {
            match until {
                None => self.changed.wait(&mut queue),
                Some(until) => {
                    if self.changed.wait_until(&mut queue, until).timed_out() {
                        break;
                    }
                }
            }
        }
        if !patience.is_zero() {
            let end = Instant::now() + patience;
            queue.wanted = all;
            while (1..all).contains(&queue.waiting.len()) && !queue.closed && !queue.call {
                if self.changed.wait_until(&mut queue, end).timed_out() {
                    break;
                }
            }
            queue.wanted = 0;
        }
        queue.call = false;
        if queue.waiting.is_empty() && queue.closed {
            return None;
        }
        let (mut count, mut bytes, mut begun) = (0, 0, false);
        for next in &queue.waiting {
            // A parcel is one commit, however large it is.
            if !begun && (count >= BATCH_EVENTS || bytes >= BATCH_BYTES) {
                break;
            }
            count += 1;
            bytes += cost(&next.event);
            begun = next.goes_on;
        }
        let taken: Vec<_> = queue.waiting.drain(..count).collect();
        queue.bytes -= taken.iter().map(|next| cost(&next.event)).sum::<usize>();
        Some(taken)
    }
}
