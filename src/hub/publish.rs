//! Publishing: from events to the answer of their publisher.
//!
//! Promises: who is answered can rely on it that the events are kept, in their order, and that it is
//! known who gets them. Does not: know what a publisher may publish.

use std::time::Instant;

use tokio::sync::oneshot;

use super::Hub;
use crate::{
    event::Event,
    history::{Delivered, Earlier, Handed, Key, Keyed, Parcel, StorageError},
};

/// Why an event is not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The hub is about to stop.
    #[error("the hub is draining")]
    Draining,
    /// A Broadcaster has died, and the process is about to end. The event may have been seen.
    #[error("the hub is failing")]
    Failing,
    /// The history did not keep it, and nobody has seen it.
    #[error("{0}")]
    Storage(#[from] StorageError),
}

/// What a publisher is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The id that subscribers see.
    pub id: String,
    /// How many it was queued for.
    pub subscribers: usize,
}

impl Receipt {
    fn of(delivered: &Delivered) -> Self {
        Self { id: delivered.entry.wire_id(), subscribers: delivered.subscribers }
    }
}

/// What has become of events that were to be published under a key.
#[derive(Debug)]
pub enum Outcome {
    /// They are published.
    Now(Vec<Receipt>),
    /// The key has been used before.
    Earlier(Earlier),
}

impl Hub {
    /// What outlives this process reaches those who have left when they are back.
    fn may_publish(&self) -> Result<(), PublishError> {
        let lost = self.is_draining() && !self.0.history.is_lasting();
        if lost { Err(PublishError::Draining) } else { Ok(()) }
    }

    /// Publishes an event. Once this future has been polled, the event goes its way into the
    /// history and to its subscribers also where the future is dropped.
    pub async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        self.may_publish()?;
        let begun = Instant::now();
        let (receipt, queued) = oneshot::channel();
        self.0.history.append(event, receipt);
        let delivered = queued.await.map_err(|_| PublishError::Failing)??;
        self.0.ledger.publish(begun.elapsed(), 1);
        Ok(Receipt::of(&delivered))
    }

    /// Publishes several events in this order, with nothing in between: all of them, or none; and
    /// none where their key has been used. An event with a time gets its place then: it has an id of
    /// its own. Dropping the future means what it means with one.
    pub async fn publish_all(
        &self,
        events: Vec<(Event, Option<u64>)>,
        key: Option<Key>,
    ) -> Result<Outcome, PublishError> {
        self.may_publish()?;
        let begun = Instant::now();
        let (parcel, queued): (Parcel, Vec<_>) = events
            .into_iter()
            .map(|(event, due)| {
                let (receipt, queued) = oneshot::channel();
                (Handed { event, due, receipt }, queued)
            })
            .unzip();
        let (sender, mut earlier) = oneshot::channel();
        let keyed = key.map(|key| Keyed { key, earlier: sender });
        self.0.history.append_parcel(parcel, keyed);
        let mut receipts = Vec::with_capacity(queued.len());
        for queued in queued {
            let Ok(kept) = queued.await else {
                // Who has used the key is told before.
                let earlier = earlier.try_recv().map_err(|_| PublishError::Failing)?;
                return Ok(Outcome::Earlier(earlier));
            };
            receipts.push(Receipt::of(&kept?));
        }
        self.0.ledger.publish(begun.elapsed(), receipts.len());
        Ok(Outcome::Now(receipts))
    }
}
