//! From the history to those who deliver: each entry once, in the order.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Entry, Position, Receipt};

/// An entry on its way to the subscribers, with the publisher who waits for it.
#[derive(Debug)]
pub struct Appended {
    /// The entry.
    pub entry: Arc<Entry>,
    /// To be answered once it is known who gets it.
    pub receipt: Receipt,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// These entries, in their order.
    Round(Vec<Appended>),
    /// Something that was before this place, or at it, is lost. What comes is after it.
    Lost(Position),
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
    fresh: Mutex<VecDeque<Item>>,
    changed: Notify,
    taken: Notify,
}

#[derive(Debug)]
enum Item {
    Entry(Appended),
    Lost(Position),
}

pub(super) fn tail() -> (Feed, Tail) {
    let shared = Arc::new(Shared::default());
    let alive = Arc::new(());
    let tail = Tail { shared: Arc::clone(&shared), feed: Arc::downgrade(&alive) };
    (Feed { shared, alive: Some(alive) }, tail)
}

impl Feed {
    pub(super) fn push(&self, next: impl IntoIterator<Item = Appended>) {
        self.shared.fresh.lock().extend(next.into_iter().map(Item::Entry));
        self.shared.changed.notify_one();
    }

    /// Tells that something before this place, or at it, is lost.
    pub(super) fn lose(&self, place: Position) {
        self.shared.fresh.lock().push_back(Item::Lost(place));
        self.shared.changed.notify_one();
    }

    /// Waits until fewer entries than this are to be taken: what others append is not bounded by
    /// those who publish here.
    pub(super) async fn room(&self, events: usize) {
        while self.shared.fresh.lock().len() >= events {
            self.shared.taken.notified().await;
        }
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
    pub async fn next(&mut self, events: usize, bytes: usize) -> Option<Next> {
        loop {
            let ended = self.feed.strong_count() == 0;
            if let Some(next) = self.take(events, bytes) {
                return Some(next);
            }
            if ended {
                return None;
            }
            self.shared.changed.notified().await;
        }
    }

    fn take(&self, events: usize, bytes: usize) -> Option<Next> {
        let mut fresh = self.shared.fresh.lock();
        let (mut round, mut taken) = (Vec::new(), 0);
        while round.len() < events.max(1)
            && let Some(next) = fresh.pop_front()
        {
            match next {
                Item::Lost(place) if round.is_empty() => return Some(Next::Lost(place)),
                Item::Entry(next)
                    if round.is_empty() || taken + next.entry.frame.len() <= bytes =>
                {
                    taken += next.entry.frame.len();
                    round.push(next);
                }
                later => {
                    fresh.push_front(later);
                    break;
                }
            }
        }
        drop(fresh);
        self.shared.taken.notify_one();
        (!round.is_empty()).then_some(Next::Round(round))
    }
}
