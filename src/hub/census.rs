//! All who have a stream, with what is known of each: for the operator.
//!
//! Owns: how it is gathered. Promises: no worker's thread is held for longer than a slice, and who
//! opens or ends a stream meanwhile waits for microseconds. Does not: remember; it is counted anew
//! whenever someone asks.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::Message;
use futures_util::future::join_all;
use tokio::{task::spawn_blocking, time::timeout};
use uuid::Uuid;

use super::{
    Hub,
    account::Account,
    roll::{Listed, Roll},
};
use crate::{history::Position, topic::Selector};

/// What is everyone's state?
#[derive(Message)]
#[rtype(result = "Vec<Standing>")]
pub struct Census;

/// How one subscriber stands, all at one time.
#[derive(Debug, Clone)]
pub struct Standing {
    pub id: Uuid,
    pub state: State,
    pub queued: Queued,
    pub events: u64,
    pub bytes: u64,
    /// How far it has come.
    pub place: Option<Position>,
}

/// What waits for one subscriber.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Queued {
    /// Frames.
    pub events: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// How a stream goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It receives events as they come.
    Live,
    /// Its queue was full, and it catches up from the history.
    Behind,
    /// It has begun, and reads what it has missed.
    Resuming,
}

impl State {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Behind => "behind",
            Self::Resuming => "resuming",
        }
    }
}

impl Standing {
    /// As its account has it.
    pub fn of(account: &Account, state: State) -> Self {
        Self {
            id: account.id,
            state,
            queued: Queued::default(),
            events: account.events(),
            bytes: account.bytes(),
            place: account.place(),
        }
    }
}

/// One who has a stream.
#[derive(Debug, Clone)]
pub struct Member {
    standing: Standing,
    account: Arc<Account>,
    /// What it asks for.
    pub selectors: Arc<[Selector]>,
}

impl Member {
    /// The id that it was greeted with.
    pub fn id(&self) -> Uuid {
        self.standing.id
    }

    /// Whose stream it is, where that is known.
    pub fn subject(&self) -> Option<&str> {
        self.account.terms.subject.as_deref()
    }

    /// Where it is.
    pub fn address(&self) -> IpAddr {
        self.account.address()
    }

    /// When its stream began.
    pub fn since(&self) -> Instant {
        self.account.since()
    }

    /// How its stream goes.
    pub fn state(&self) -> State {
        self.standing.state
    }

    /// What waits for it.
    pub fn queued(&self) -> Queued {
        self.standing.queued
    }

    /// Events that it was sent.
    pub fn events(&self) -> u64 {
        self.standing.events
    }

    /// The bytes of all that it was sent.
    pub fn bytes(&self) -> u64 {
        self.standing.bytes
    }

    /// The place in the order up to which it was sent all that it asks for; `None` where it was
    /// sent no event yet.
    pub fn place(&self) -> Option<Position> {
        self.standing.place.filter(|_| self.events() > 0)
    }
}

impl Hub {
    /// All who have a stream, in no order. `None` where a Broadcaster does not answer in time.
    /// Nobody is listed where streams can't be revoked.
    pub async fn census(&self, patience: Duration) -> Option<Vec<Member>> {
        let broadcasters = self.broadcasters();
        let asked = join_all(broadcasters.iter().map(|broadcaster| broadcaster.send(Census)));
        let mut standings = HashMap::new();
        for answer in timeout(patience, asked).await.ok()? {
            standings.extend(answer.ok()?.into_iter().map(|standing| (standing.id, standing)));
        }
        let hub = self.clone();
        let merge = move || {
            let listed = hub.0.roll.as_ref().map(Roll::all).unwrap_or_default();
            let member = |Listed { account, selectors }: Listed| {
                let standing = standings.remove(&account.id);
                let standing = standing.unwrap_or_else(|| Standing::of(&account, State::Resuming));
                Member { standing, account, selectors }
            };
            listed.into_iter().map(member).collect()
        };
        spawn_blocking(merge).await.ok()
    }

    /// What all who have a stream ask for. Takes milliseconds: for a thread that serves nobody.
    pub fn asked(&self) -> Vec<Arc<[Selector]>> {
        let listed = self.0.roll.as_ref().map(Roll::all).unwrap_or_default();
        listed.into_iter().map(|listed| listed.selectors).collect()
    }
}
