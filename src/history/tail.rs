//! From the history to those who deliver: each entry once, in the order.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Entry, Receipt};

/// An entry on its way to the subscribers, with the publisher who waits for it.
#[derive(Debug)]
pub struct Appended {
    /// The entry.
    pub entry: Arc<Entry>,
    /// To be answered once it is known who gets it.
    pub receipt: Receipt,
}

/// The reading end that feeds the Broadcasters. There is one a history.
#[derive(Debug)]
pub struct Tail {
    shared: Arc<Shared>,
    /// Gone together with the writing end.
    feed: Weak<()>,
}

/// The writing end. When the last is dropped, the tail ends.
#[derive(Debug)]
pub(super) struct Feed {
    shared: Arc<Shared>,
    alive: Option<Arc<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Bounded by the publishers: each waits for its receipt.
    fresh: Mutex<VecDeque<Appended>>,
    changed: Notify,
}

pub(super) fn tail() -> (Feed, Tail) {
    let shared = Arc::new(Shared::default());
    let alive = Arc::new(());
    let tail = Tail { shared: Arc::clone(&shared), feed: Arc::downgrade(&alive) };
    (Feed { shared, alive: Some(alive) }, tail)
}

impl Feed {
    pub(super) fn push(&self, next: impl IntoIterator<Item = Appended>) {
        self.shared.fresh.lock().extend(next);
        self.shared.changed.notify_one();
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.alive = None;
        self.shared.changed.notify_one();
    }
}

impl Tail {
    /// Waits for the next entries: at least one, at most `events`, and no more bytes than given
    /// unless the first alone has more. `None` when the history has ended.
    pub async fn next(&mut self, events: usize, bytes: usize) -> Option<Vec<Appended>> {
        loop {
            let ended = self.feed.strong_count() == 0;
            let round = self.take(events, bytes);
            if !round.is_empty() {
                return Some(round);
            }
            if ended {
                return None;
            }
            self.shared.changed.notified().await;
        }
    }

    fn take(&self, events: usize, bytes: usize) -> Vec<Appended> {
        let mut fresh = self.shared.fresh.lock();
        let mut taken = 0;
        let fits = |next: &&Appended| {
            taken += next.entry.frame.len();
            taken <= bytes
        };
        let count = fresh.iter().take(events).take_while(fits).count().max(1);
        let count = count.min(fresh.len());
        fresh.drain(..count).collect()
    }
}
