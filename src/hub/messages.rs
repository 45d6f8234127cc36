//! What a Broadcaster can be told.

use std::{pin::Pin, sync::Arc, time::Instant};

use actix::Message;
use tokio::net::TcpStream;

use super::{
    account::Account, ledger::Counts, queue::Sender, subscription::Subscription, tally::Tally,
    terms::Deadline,
};
use crate::{
    history::{Entry, Position},
    sse::Frame,
    topic::Selector,
};

/// Write these to all who match. Answered, one count an entry, when it is known who they are and
/// there is room for what is to be written: the tail sends the next round only then. This is the
/// only back-pressure, since an actix mailbox takes whatever is sent.
#[derive(Message)]
#[rtype(result = "Vec<usize>")]
pub struct Deliver {
    /// In their order.
    pub round: Arc<[Arc<Entry>]>,
    /// When they left the history.
    pub since: Instant,
}

/// Do this on your thread, beside your own work.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Host(pub Pin<Box<dyn Future<Output = ()> + Send>>);

/// Tell all who are live that something was lost before this place, or at it. Answered, too.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Lost {
    /// What is delivered from now on follows this.
    pub place: Position,
    /// What tells it.
    pub gap: Frame,
}

/// Make this subscriber live. Answered with the position of the last entry of which the Broadcaster
/// knows who gets it: whatever follows it will be in the queue. `None` where the subscriber has to
/// end.
#[derive(Message)]
#[rtype(result = "Option<Position>")]
pub struct Subscribe {
    /// What it asks for.
    pub selectors: Arc<[Selector]>,
    /// Where its frames go.
    pub queue: Sender,
    /// Who it is.
    pub account: Arc<Account>,
    /// When it has to end, if it ever has to.
    pub deadline: Option<Deadline>,
}

/// Write to this subscriber's socket yourself from now on.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Adopt {
    /// Live, and with an empty queue when it was last looked at.
    pub subscription: Subscription,
    /// Its socket. Everything that went through others has been written.
    pub socket: TcpStream,
}

/// Forget this subscriber, whatever state it is in.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Unsubscribe(pub Arc<Account>);

/// End the streams of these, as far as they are yours and live. Why is in their accounts.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Revoke(pub Arc<[Arc<Account>]>);

/// How are you?
#[derive(Message)]
#[rtype(result = "Answer")]
pub struct Ask;

/// A Broadcaster's part of [`Stats`].
#[derive(Default)]
pub struct Answer {
    /// See [`Stats::live`].
    pub live: usize,
    /// See [`Stats::direct`].
    pub direct: usize,
    /// See [`Stats::behind`].
    pub behind: usize,
    /// See [`Stats::queued_events`].
    pub queued_events: usize,
    /// See [`Stats::queued_bytes`].
    pub queued_bytes: usize,
    /// See [`Stats::tally`].
    pub tally: Tally,
}

impl Answer {
    /// Adds what another has said.
    pub fn add(&mut self, other: &Self) {
        self.live += other.live;
        self.direct += other.direct;
        self.behind += other.behind;
        self.queued_events += other.queued_events;
        self.queued_bytes += other.queued_bytes;
        self.tally.add(&other.tally);
    }
}

/// End all streams, spread evenly until the given time.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Drain {
    /// When the last has to be told.
    pub until: Instant,
}

/// How the hub is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Streams that are open, live or not.
    pub open: usize,
    /// The most at a time.
    pub max: usize,
    /// Subscribers that receive events as they come.
    pub live: usize,
    /// Those of them whose sockets the Broadcasters write to themselves.
    pub direct: usize,
    /// Subscribers whose queue was full, and who catch up from the history.
    pub behind: usize,
    /// What waits in the queues of those who are live, in frames.
    pub queued_events: usize,
    /// The same in bytes.
    pub queued_bytes: usize,
    /// What the Broadcasters have counted since the start.
    pub tally: Tally,
    /// What else was counted since the start.
    pub counts: Counts,
}
