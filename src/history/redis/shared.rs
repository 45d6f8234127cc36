//! What the thread that speaks to Redis and those who ask have in common.
//!
//! Owns: the newest entries in memory, and what is known of the rest. Promises: what it holds has no
//! hole. Does not: speak to Redis.

use ::redis::Cmd;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{
    board::Board, chain::Chain, link::Trips, pending::Pending, session::Log, target::Target,
};
use crate::history::{
    Appended, LastEventId, Limits, Loss, Position, Retention, Start, later::Backlog, ring::Ring,
};

/// What the thread and those who ask have in common.
#[derive(Debug)]
pub struct Shared {
    pub target: Target,
    pub keys: Keys,
    pub retention: Retention,
    /// How long the server's answers have taken.
    pub trips: Trips,
    /// This node, among all.
    pub node: u64,
    pub pending: Pending,
    pub board: Board,
    pub shown: Mutex<Shown>,
    /// What waits for its time, as far as is known.
    pub backlog: Mutex<Backlog>,
    /// The run of the server that is written to.
    pub run: watch::Sender<String>,
}

/// What this node has seen of the log.
#[derive(Debug)]
pub struct Shown {
    pub ring: Ring,
    pub floor: Position,
    pub chain: Chain,
}

/// The keys of a log.
#[derive(Debug, Clone)]
pub struct Keys {
    pub log: String,
    pub meta: String,
    pub ids: String,
    pub epochs: String,
    /// The keys that publishers have used, and until when each counts.
    pub used: String,
    pub key_times: String,
    /// What waits for its time.
    pub later: String,
    /// What each node has appended, and what it has told: a key each.
    pub appended: String,
    pub present: String,
    /// When each node has said last that it lives, and how many streams it has.
    pub nodes: String,
    pub streams: String,
}

impl Keys {
    pub fn new(target: &Target) -> Self {
        let key = |name| target.key(name);
        Self {
            log: key("log"),
            meta: key("meta"),
            ids: key("ids"),
            epochs: key("epochs"),
            used: key("keys"),
            key_times: key("key-times"),
            later: key("later"),
            appended: key("appended"),
            present: key("present"),
            nodes: key("nodes"),
            streams: key("streams"),
        }
    }

    /// How many keys each script has.
    pub const COUNT: usize = 6;

    pub fn add_to(&self, command: &mut Cmd) {
        command.arg(&self.log).arg(&self.meta).arg(&self.ids).arg(&self.epochs);
        command.arg(&self.used).arg(&self.key_times);
    }
}

impl Shared {
    pub fn head(&self) -> Position {
        self.shown.lock().ring.head()
    }

    /// The newest entry that this node has seen.
    pub fn seen(&self) -> Position {
        self.head()
    }

    pub fn epoch(&self) -> u64 {
        self.shown.lock().chain.epoch
    }

    pub fn follows(&self, before: Position, next: Position) -> bool {
        self.shown.lock().chain.follows(before, next)
    }

    pub fn learn(&self, chain: Chain) {
        let mut shown = self.shown.lock();
        if chain.epoch >= shown.chain.epoch {
            shown.chain = chain;
        }
    }

    pub fn look_at(&self, log: Log) {
        self.learn(log.chain);
        self.raise(log.floor);
    }

    pub fn show(&self, appended: &[Appended]) {
        let mut shown = self.shown.lock();
        for next in appended {
            shown.ring.push(&next.entry);
        }
    }

    /// Nothing before or at this place can be read without a hole.
    pub fn lose(&self, place: Position) {
        self.shown.lock().ring = Ring::new(Limits::NEWEST, place);
    }

    /// What retention has removed can't be read from now on.
    pub fn raise(&self, floor: Position) {
        let shown = &mut *self.shown.lock();
        shown.floor = shown.floor.max(floor);
        shown.ring.drop_up_to(shown.floor);
    }

    /// As [`Start::of`], in a log of several epochs.
    pub fn start(&self, asked: &LastEventId, place: Option<Position>, head: Position) -> Start {
        let Shown { floor, chain, .. } = &*self.shown.lock();
        let Some(place) = place.filter(|place| place.epoch != chain.epoch && !asked.is_earliest())
        else {
            let head = if head.epoch == chain.epoch { head } else { chain.begin() };
            return Start::of(asked, place, *floor, head);
        };
        match chain.find(place) {
            None => Start::Gap(Loss::Epoch, Some(*floor)),
            Some(Err(end)) => Start::Gap(Loss::Epoch, Some(end.max(*floor))),
            Some(Ok(())) if place < *floor => Start::Gap(Loss::Trimmed, Some(*floor)),
            Some(Ok(())) => Start::After(place),
        }
    }
}
