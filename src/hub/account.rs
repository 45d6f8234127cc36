//! What one subscriber has received, and why it ended.

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use parking_lot::Mutex;
use uuid::Uuid;

use super::{Seat, ledger::Ledger, registry::Key, terms::Terms};
use crate::{connection::Lifeline, history::Position};

/// Why a stream has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client went away, or its connection broke.
    Left,
    /// The client was not heard of any more.
    Vanished,
    /// Its queue was full and it took nothing more.
    Slow,
    /// It reached the maximum age.
    Aged,
    /// What it was let in with is over.
    Expired,
    /// The operator has ended it.
    Revoked,
    /// The hub is stopping.
    Drained,
    /// The hub has failed.
    Failed,
}

impl End {
    /// In the order of their numbers.
    pub(super) const ALL: [Self; 8] = [
        Self::Left,
        Self::Vanished,
        Self::Slow,
        Self::Aged,
        Self::Expired,
        Self::Revoked,
        Self::Drained,
        Self::Failed,
    ];

    /// What a broken connection means.
    pub fn of(error: &io::Error) -> Self {
        // `TCP_USER_TIMEOUT` and keep-alive probes.
        if error.kind() == io::ErrorKind::TimedOut { Self::Vanished } else { Self::Left }
    }

    /// The word for logs and counts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Vanished => "vanished",
            Self::Slow => "slow",
            Self::Aged => "aged",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Drained => "drained",
            Self::Failed => "failed",
        }
    }
}

/// One subscriber's account. Its stream writes it, its Broadcaster reads it; both are on one
/// thread, so that relaxed atomics are all that is needed (a message has to be `Send`).
#[derive(Debug)]
pub struct Account {
    /// The id that the subscriber was greeted with.
    pub id: Uuid,
    /// What it was let in with.
    pub terms: Terms,
    address: IpAddr,
    since: Instant,
    events: AtomicU64,
    bytes: AtomicU64,
    /// The place of the last event that it was sent; two zeros before.
    place: [AtomicU64; 2],
    end: OnceLock<End>,
    /// Its way to whoever writes to its socket.
    pub lifeline: Arc<Lifeline>,
    /// Its place in the registry, while it is live.
    pub key: Mutex<Option<Key>>,
    /// Where its beginning, its end and its gaps are counted.
    pub ledger: Arc<Ledger>,
}

impl Account {
    pub fn open(seat: &Seat, terms: Terms, ledger: Arc<Ledger>) -> Self {
        ledger.open();
        Self {
            id: seat.id(),
            terms,
            address: seat.address(),
            since: Instant::now(),
            events: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            place: Default::default(),
            end: OnceLock::new(),
            lifeline: Arc::default(),
            key: Mutex::new(None),
            ledger,
        }
    }

    /// Enters what the subscriber has been sent.
    pub fn sent(&self, events: u64, bytes: usize) {
        self.events.fetch_add(events, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// Enters how far it has come.
    pub fn reached(&self, place: Position) {
        self.place[0].store(place.epoch, Relaxed);
        self.place[1].store(place.sequence, Relaxed);
    }

    /// How far it had come when that was last entered.
    pub fn place(&self) -> Option<Position> {
        let [epoch, sequence] = [0, 1].map(|part: usize| self.place[part].load(Relaxed));
        (epoch > 0).then_some(Position { epoch, sequence })
    }

    /// Where its client is.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// When its stream began.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Events that are entered.
    pub fn events(&self) -> u64 {
        self.events.load(Relaxed)
    }

    /// Bytes that are entered.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Decides why the stream ends. The first reason stays.
    pub fn end(&self, why: End) {
        let _ = self.end.set(why);
    }

    /// Why the stream has to end, once that is decided.
    pub fn ending(&self) -> Option<End> {
        self.end.get().copied()
    }

    /// Closes the account, and with it counts and logs the end of the stream. Returns why it ended.
    pub fn close(&self) -> End {
        let why = *self.end.get_or_init(|| End::Left);
        self.ledger.end(why);
        log::info!(
            "stream {id} of {address} ended: {why}, after {after:.1?}, {events} events, {bytes} bytes",
            id = self.id,
            address = self.address,
            why = why.as_str(),
            after = self.since.elapsed(),
            events = self.events(),
            bytes = self.bytes(),
        );
        why
    }
}
