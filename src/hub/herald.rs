//! Events of the hub's own: of who comes and goes.
//!
//! Owns: what is still to be told. Promises: it holds up no stream and no publisher, however much
//! there is to tell: events are made and published a round at a time, and the next when that has
//! been delivered. Who comes is told of first: it waits for that. What the history can't keep is not
//! told, as publishers are refused meanwhile; the log says so. Does not: know what the events say,
//! or drop one that can be kept.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::{
    event::Event,
    history::{Delivered, History, StorageError},
};

/// The most events in a round.
const ROUND: usize = 256;

/// Made when they are published: what has come and gone takes no more memory until then.
pub type Events = Box<dyn Iterator<Item = Event> + Send>;

#[derive(Default)]
pub struct Herald {
    queues: Mutex<Queues>,
    queued: Notify,
}

#[derive(Default)]
struct Queues {
    /// Someone waits for these; so there are no more of them than that.
    awaited: VecDeque<Announcement>,
    others: VecDeque<Announcement>,
}

struct Announcement {
    events: Events,
    /// Dropped when they are delivered.
    awaited: Option<oneshot::Sender<()>>,
}

impl Herald {
    /// Has this told, and waits until it is delivered.
    pub async fn announce(&self, events: Events) {
        let (sender, delivered) = oneshot::channel();
        self.queues.lock().awaited.push_back(Announcement { events, awaited: Some(sender) });
        self.queued.notify_one();
        // Told by its end.
        let _ = delivered.await;
    }

    /// Has this told when there is nothing that someone waits for.
    pub fn tell(&self, events: Events) {
        self.queues.lock().others.push_back(Announcement { events, awaited: None });
        self.queued.notify_one();
    }

    /// Tells it all. Never ends.
    pub async fn run(&self, history: &History) {
        loop {
            let mut room = ROUND;
            let mut receipts = Vec::new();
            let mut told = Vec::new();
            while room > 0
                && let Some(mut announcement) = self.next()
            {
                for event in announcement.events.by_ref().take(room) {
                    let (receipt, queued) = oneshot::channel();
                    history.append(event, receipt);
                    room -= 1;
                    receipts.push(queued);
                }
                if room > 0 {
                    told.push(announcement);
                } else {
                    self.put_back(announcement);
                }
            }
            if receipts.is_empty() && told.is_empty() {
                self.queued.notified().await;
            }
            settle(receipts).await;
        }
    }

    fn next(&self) -> Option<Announcement> {
        let mut queues = self.queues.lock();
        queues.awaited.pop_front().or_else(|| queues.others.pop_front())
    }

    /// Puts one back that may have more to tell.
    fn put_back(&self, announcement: Announcement) {
        let mut queues = self.queues.lock();
        match announcement.awaited {
            Some(_) => queues.awaited.push_front(announcement),
            None => queues.others.push_front(announcement),
        }
    }
}

/// Waits until these are delivered.
async fn settle(receipts: Vec<oneshot::Receiver<Result<Delivered, StorageError>>>) {
    let (mut lost, mut why) = (0, None);
    for receipt in receipts {
        // A hub that fails ends the process.
        if let Ok(Err(error)) = receipt.await {
            lost += 1;
            why = Some(error);
        }
    }
    if let Some(why) = why {
        log::warn!("{lost} events of who comes and goes are not told: {why}");
    }
}
