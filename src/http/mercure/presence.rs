//! Who is there: the streams of this path, as long as they last.
//!
//! Owns: what each of them asks for, and the events that tell of its coming and going. Promises:
//! who has come is in the list before its event is in the history, and who goes has left it before
//! that: a list with the events that follow it misses nobody. Whatever ends a stream, it is told
//! of. Does not: exist where subscriptions are not to be known (`FANFARE_SUBSCRIPTIONS`).

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::document::{Kind, Subscription, urn};
use crate::{
    auth::Grant,
    event::Event,
    history::StorageError,
    hub::{Hub, Seat},
    topic::Topic,
};

/// All who are there, in an order that stays. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Presence(Arc<Mutex<BTreeMap<Uuid, Arc<Subscriber>>>>);

/// One who is there.
#[derive(Debug)]
pub struct Subscriber {
    /// Its name.
    pub id: Uuid,
    /// What it asks for: one a matcher, also where two are equal.
    pub subscriptions: Box<[Subscription]>,
}

/// A subscription as nodes tell each other of it.
#[derive(Serialize, Deserialize)]
struct Told {
    kind: Kind,
    text: String,
    payload: Option<Box<RawValue>>,
}

impl Subscriber {
    fn events(self: &Arc<Self>, active: bool) -> impl Iterator<Item = Event> + Send + use<> {
        let this = Arc::clone(self);
        (0..this.subscriptions.len()).map(move |n| this.subscriptions[n].event(this.id, active))
    }
}

impl Subscriber {
    /// One of another node, from its name and what that node has told of it.
    fn read(id: &str, told: &str) -> Option<Self> {
        let subscriptions: Vec<Told> = serde_json::from_str(told).ok()?;
        let subscriptions = subscriptions.into_iter().map(|told| Subscription {
            kind: told.kind,
            text: Topic::made(told.text),
            payload: told.payload.map(Arc::from),
        });
        Some(Self { id: id.parse().ok()?, subscriptions: subscriptions.collect() })
    }

    /// For other nodes.
    fn write(&self) -> String {
        let told = |each: &Subscription| Told {
            kind: each.kind,
            text: each.text.as_str().to_owned(),
            payload: each.payload.as_deref().map(ToOwned::to_owned),
        };
        let told: Vec<_> = self.subscriptions.iter().map(told).collect();
        // Texts, and JSON that has been read: there is nothing to fail.
        serde_json::to_string(&told).unwrap_or_default()
    }
}

/// Tells that those have gone whose node has died. Never ends.
pub async fn tell_of_the_dead(hub: Hub) {
    loop {
        for (id, told) in hub.left_by_the_dead().await {
            if let Some(subscriber) = Subscriber::read(&id, &told) {
                hub.tell(Arc::new(subscriber).events(false));
            }
        }
    }
}

impl Presence {
    /// Takes one in who has a place. From now on it is listed.
    pub fn enter(
        &self,
        hub: &Hub,
        seat: &Seat,
        asked: impl IntoIterator<Item = (Kind, Topic)>,
        grant: Option<&Grant>,
    ) -> Present {
        let subscription = |(kind, text): (Kind, Topic)| {
            let payload = grant.and_then(|grant| grant.payload(&text));
            Subscription { kind, text, payload }
        };
        let subscriptions = asked.into_iter().map(subscription).collect();
        let subscriber = Arc::new(Subscriber { id: seat.id(), subscriptions });
        hub.share(subscriber.id.to_string(), Some(subscriber.write()));
        self.0.lock().insert(subscriber.id, Arc::clone(&subscriber));
        Present { hub: hub.clone(), presence: self.clone(), subscriber, told: false }
    }

    /// All who are there now, here and at other nodes.
    pub async fn all(&self, hub: &Hub) -> Result<Vec<Arc<Subscriber>>, StorageError> {
        let others = hub.shared_by_others().await?;
        let mut all = self.0.lock().clone();
        let others = others.iter().filter_map(|(id, told)| Subscriber::read(id, told));
        all.extend(others.map(|subscriber| (subscriber.id, Arc::new(subscriber))));
        Ok(all.into_values().collect())
    }

    /// The one with this name, a URN.
    pub async fn find(
        &self,
        name: &str,
        hub: &Hub,
    ) -> Result<Option<Arc<Subscriber>>, StorageError> {
        let id = Uuid::try_parse(name).ok().filter(|id| urn(*id) == name);
        let Some(id) = id else { return Ok(None) };
        let here = self.0.lock().get(&id).cloned();
        match here {
            Some(here) => Ok(Some(here)),
            None => Ok(self.all(hub).await?.into_iter().find(|subscriber| subscriber.id == id)),
        }
    }
}

/// That one is there. Dropping it says that it no longer is.
pub struct Present {
    hub: Hub,
    presence: Presence,
    subscriber: Arc<Subscriber>,
    told: bool,
}

impl Present {
    /// Tells of its coming, and waits until that is delivered.
    pub async fn come(&mut self) {
        self.told = true;
        self.hub.announce(self.subscriber.events(true)).await;
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.presence.0.lock().remove(&self.subscriber.id);
        self.hub.share(self.subscriber.id.to_string(), None);
        if self.told {
            self.hub.tell(self.subscriber.events(false));
        }
    }
}
