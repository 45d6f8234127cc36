//! What each node tells the others of itself: who is there, and how many streams it has.
//!
//! Owns: this node's part, and how it gets to Redis. Promises: what is noted here before an event is
//! handed over is in Redis before the event is; what a node has told goes some seconds after the
//! node has died, and one of the others is handed it then. Does not: know what is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::{Duration, Instant},
};

use ::redis::{Pipeline, RedisError, Value, cmd};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};

use super::{Keys, link::Link};

/// How often a node says that it lives, and when it counts as dead.
const BEAT: Duration = Duration::from_secs(1);
const DEAD: Duration = Duration::from_secs(5);
/// How long what a dead node has told is there for those who take it over.
const REST: Duration = Duration::from_secs(60);

/// What one node has told, by its names.
pub type Told = Vec<(String, String)>;

#[derive(Debug)]
pub struct Board {
    node: String,
    keys: Keys,
    own: Mutex<Own>,
    changed: Notify,
    streams: AtomicUsize,
    dead: mpsc::UnboundedSender<Told>,
    /// For the one who takes over.
    pub graves: tokio::sync::Mutex<mpsc::UnboundedReceiver<Told>>,
}

#[derive(Debug, Default)]
struct Own {
    all: BTreeMap<String, String>,
    changed: BTreeSet<String>,
    /// What Redis has of it is not known.
    anew: bool,
    /// Since when it is connected, and when it has said last that it lives.
    since: Option<Instant>,
    beat: Option<Instant>,
}

impl Board {
    pub fn new(node: u64, keys: Keys) -> Self {
        let (dead, graves) = mpsc::unbounded_channel();
        Self {
            node: format!("{node:x}"),
            keys,
            own: Mutex::default(),
            changed: Notify::new(),
            streams: AtomicUsize::new(0),
            dead,
            graves: tokio::sync::Mutex::new(graves),
        }
    }

    /// Tells something under a name; nothing takes it back.
    pub fn tell(&self, name: String, what: Option<String>) {
        let own = &mut *self.own.lock();
        match what {
            Some(what) => own.all.insert(name.clone(), what),
            None => own.all.remove(&name),
        };
        own.changed.insert(name);
        self.changed.notify_one();
    }

    pub fn count(&self, streams: usize) {
        self.streams.store(streams, Relaxed);
    }

    /// All of it is told anew: the server may have lost it.
    pub fn begin(&self) {
        let own = &mut *self.own.lock();
        own.changed = own.all.keys().cloned().collect();
        own.anew = true;
        (own.since, own.beat) = (Some(Instant::now()), None);
    }

    /// Waits until there is something to write.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Writes what has changed, and now and then that the node lives.
    pub async fn write(&self, link: &Link) -> Result<(), RedisError> {
        let mut writes = Pipeline::new();
        let beats = self.collect(&mut writes);
        if !writes.is_empty() {
            link.send(&writes).await?;
        }
        if beats {
            self.bury(link).await?;
        }
        Ok(())
    }

    fn collect(&self, writes: &mut Pipeline) -> bool {
        let own = &mut *self.own.lock();
        let present = self.present(&self.node);
        if std::mem::take(&mut own.anew) {
            writes.cmd("DEL").arg(&present);
        }
        for name in std::mem::take(&mut own.changed) {
            match own.all.get(&name) {
                Some(what) => writes.cmd("HSET").arg(&present).arg(&name).arg(what),
                None => writes.cmd("HDEL").arg(&present).arg(&name),
            };
        }
        let now = Instant::now();
        let beats = own.beat.is_none_or(|last| now >= last + BEAT);
        if beats {
            own.beat = Some(now);
            let streams = self.streams.load(Relaxed);
            writes.cmd("EVAL").arg(include_str!("beat.lua")).arg(3);
            writes.arg(&self.keys.nodes).arg(&self.keys.streams).arg(&present);
            writes.arg(&self.node).arg(streams).arg(REST.as_secs());
        }
        // A node that has just come back knows nothing of the others yet.
        beats && own.since.is_some_and(|since| now >= since + DEAD)
    }

    /// Takes over what dead nodes have told: each is handed to one of the living.
    async fn bury(&self, link: &Link) -> Result<(), RedisError> {
        let mut find = cmd("ZRANGEBYSCORE");
        find.arg(&self.keys.nodes).arg("-inf").arg(oldest(link).await?);
        let dead: Vec<String> = link.ask(&find).await?;
        for node in dead {
            let mine: i64 = link.ask(cmd("ZREM").arg(&self.keys.nodes).arg(&node)).await?;
            if mine == 0 {
                continue;
            }
            log::warn!("node {node} is dead");
            let present = self.present(&node);
            let told: Told = link.ask(cmd("HGETALL").arg(&present)).await?;
            link.ask::<Value>(cmd("DEL").arg(&present)).await?;
            link.ask::<Value>(cmd("HDEL").arg(&self.keys.streams).arg(&node)).await?;
            if !told.is_empty() {
                // Nobody may care.
                let _ = self.dead.send(told);
            }
        }
        Ok(())
    }

    /// What the other nodes have told that live.
    pub async fn others(&self, link: &Link) -> Result<Told, RedisError> {
        let mut told = Told::new();
        for node in self.living(link).await?.iter().filter(|node| **node != self.node) {
            told.extend(link.ask::<Told>(cmd("HGETALL").arg(self.present(node))).await?);
        }
        Ok(told)
    }

    /// How many nodes live, and how many streams they have.
    pub async fn sums(&self, link: &Link) -> Result<(usize, usize), RedisError> {
        let living = self.living(link).await?;
        let counts: Vec<(String, usize)> = link.ask(cmd("HGETALL").arg(&self.keys.streams)).await?;
        let counts = counts.iter().filter(|(node, _)| *node != self.node && living.contains(node));
        let others: usize = counts.map(|(_, streams)| streams).sum();
        Ok((living.len(), others + self.streams.load(Relaxed)))
    }

    async fn living(&self, link: &Link) -> Result<Vec<String>, RedisError> {
        let mut find = cmd("ZRANGEBYSCORE");
        find.arg(&self.keys.nodes).arg(format!("({}", oldest(link).await?)).arg("+inf");
        link.ask(&find).await
    }

    fn present(&self, node: &str) -> String {
        format!("{}:{node}", self.keys.present)
    }

    /// Says that the node goes, as planned.
    pub async fn leave(&self, link: &Link) {
        // Else it counts as dead some seconds later.
        let _ = link.ask::<Value>(cmd("ZREM").arg(&self.keys.nodes).arg(&self.node)).await;
        let _ = link.ask::<Value>(cmd("HDEL").arg(&self.keys.streams).arg(&self.node)).await;
        let _ = link.ask::<Value>(cmd("DEL").arg(self.present(&self.node))).await;
    }
}

/// When the last sign of life of a dead node was, by the server's clock.
async fn oldest(link: &Link) -> Result<i64, RedisError> {
    let (seconds, _): (i64, i64) = link.ask(&cmd("TIME")).await?;
    Ok(seconds - i64::try_from(DEAD.as_secs()).unwrap_or(i64::MAX))
}
