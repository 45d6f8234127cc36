//! Who is there: the streams of this path, as long as they last.
//!
//! Owns: what each of them asks for, and the events that tell of its coming and going. Promises:
//! who has come is in the list before its event is in the history, and who goes has left it before
//! that: a list with the events that follow it misses nobody. Whatever ends a stream, it is told
//! of. Does not: exist where subscriptions are not to be known (`FANFARE_SUBSCRIPTIONS`).

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use uuid::Uuid;

use super::document::{Kind, Subscription, urn};
use crate::{
    auth::Grant,
    event::Event,
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

impl Subscriber {
    fn events(self: &Arc<Self>, active: bool) -> impl Iterator<Item = Event> + Send + use<> {
        let this = Arc::clone(self);
        (0..this.subscriptions.len()).map(move |n| this.subscriptions[n].event(this.id, active))
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
        self.0.lock().insert(subscriber.id, Arc::clone(&subscriber));
        Present { hub: hub.clone(), presence: self.clone(), subscriber, told: false }
    }

    /// All who are there now.
    pub fn all(&self) -> Vec<Arc<Subscriber>> {
        self.0.lock().values().cloned().collect()
    }

    /// The one with this name, a URN.
    pub fn find(&self, name: &str) -> Option<Arc<Subscriber>> {
        let id = Uuid::try_parse(name).ok().filter(|id| urn(*id) == name)?;
        self.0.lock().get(&id).cloned()
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
        if self.told {
            self.hub.tell(self.subscriber.events(false));
        }
    }
}
