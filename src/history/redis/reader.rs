//! Reads what is not in memory.
//!
//! Promises: bounded memory, however large the log; what it returns has no hole.

use std::{sync::Arc, time::Duration};

use ::redis::{Cmd, FromRedisValue, RedisError, Value, cmd};
use tokio::sync::{Mutex, Semaphore, watch};

use super::{
    Keys,
    chain::Chain,
    link::{Link, Trips},
    session::range,
    target::Target,
    wire::{self, Item, What},
};
use crate::{
    event::EventId,
    history::{Entry, Holdings, Limits, Position, StorageError, disk::record},
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many read at a time, and how many entries: at most some 16 MiB each, as they are published.
const READERS: usize = 4;
const STEP: usize = 64;
const ONE: Limits = Limits { events: 1, bytes: 0 };

pub struct Reader {
    target: Target,
    keys: Keys,
    trips: Trips,
    /// Of the server that is written to.
    run: watch::Receiver<String>,
    link: Mutex<Option<Arc<Link>>>,
    turns: Semaphore,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// What was read.
pub struct Run {
    /// Without a hole.
    pub entries: Vec<Arc<Entry>>,
    /// The place that it begins after, where something is lost before that.
    pub overtaken: Option<Position>,
    /// Whether the end was reached.
    pub whole: bool,
}

impl Reader {
    pub fn new(target: Target, keys: Keys, trips: Trips, run: watch::Receiver<String>) -> Self {
        Self { target, keys, trips, run, link: Mutex::default(), turns: Semaphore::new(READERS) }
    }

    /// Entries in `(after, up_to]`.
    pub async fn read(
        &self,
        after: Position,
        up_to: Position,
        limits: Limits,
        chain: &Chain,
    ) -> Result<Run, StorageError> {
        // Nothing closes the semaphore.
        let _turn = self.turns.acquire().await.map_err(|_| StorageError::Failed)?;
        let mut run = Run { entries: Vec::new(), overtaken: None, whole: false };
        let (mut place, mut bytes) = (after, 0);
        loop {
            let count = STEP.min(limits.events.max(1) - run.entries.len());
            let items = self.ask::<Value>(&range(&self.keys, place, up_to, count)).await?;
            let items = wire::entries(items).ok_or(StorageError::Failed)?;
            let end = items.len() < count;
            for Item { position, what } in items {
                let entry = match what {
                    What::Record(_, record) => record::decode(&record).ok(),
                    What::Lost | What::Unknown => None,
                };
                let hole = !chain.follows(place, position) || entry.is_none();
                if hole && !run.entries.is_empty() {
                    // It is found again at the beginning of the next run.
                    return Ok(run);
                }
                place = position;
                let Some((event, time)) = entry else {
                    run.overtaken = Some(position);
                    continue;
                };
                if hole {
                    run.overtaken = Some(Position { sequence: position.sequence - 1, ..position });
                }
                let entry = Arc::new(Entry::new(position, event, time));
                bytes += entry.frame.len();
                if bytes > limits.bytes && !run.entries.is_empty() {
                    return Ok(run);
                }
                run.entries.push(entry);
            }
            if end {
                if run.entries.is_empty() && run.overtaken.is_none() && !chain.reaches(place, up_to)
                {
                    run.overtaken = Some(up_to);
                }
                run.whole = true;
                return Ok(run);
            }
            if run.entries.len() >= limits.events.max(1) {
                return Ok(run);
            }
        }
    }

    /// The newest entries up to a place, without a hole, oldest first.
    pub async fn newest(
        &self,
        floor: Position,
        head: Position,
        limits: Limits,
        chain: &Chain,
    ) -> Result<Vec<Arc<Entry>>, StorageError> {
        let (mut found, mut bytes, mut next) = (Vec::<Arc<Entry>>::new(), 0, wire::id(head));
        loop {
            let mut read = cmd("XREVRANGE");
            read.arg(&self.keys.log).arg(&next).arg(format!("({}", wire::id(floor)));
            let items = self.ask::<Value>(read.arg("COUNT").arg(STEP)).await?;
            let items = wire::entries(items).ok_or(StorageError::Failed)?;
            let end = items.len() < STEP;
            for Item { position, what } in items {
                let follows = match found.last() {
                    Some(later) => chain.follows(position, later.position),
                    None => chain.reaches(position, head),
                };
                let What::Record(_, record) = what else { return Ok(reversed(found)) };
                let Ok((event, time)) = record::decode(&record) else { return Ok(reversed(found)) };
                bytes += record.len();
                if !follows || found.len() >= limits.events || bytes > limits.bytes {
                    return Ok(reversed(found));
                }
                next = format!("({}", wire::id(position));
                found.push(Arc::new(Entry::new(position, event, time)));
            }
            if end {
                return Ok(reversed(found));
            }
        }
    }

    /// The earliest entry after a place with this id.
    pub async fn find(
        &self,
        id: &EventId,
        after: Position,
    ) -> Result<Option<Position>, StorageError> {
        let mut find = cmd("ZRANGEBYLEX");
        find.arg(&self.keys.ids).arg(format!("({}", wire::indexed(id.as_str(), after)));
        find.arg(format!("({}\u{1}", id.as_str())).arg("LIMIT").arg(0).arg(1);
        let found: Vec<Vec<u8>> = self.ask(&find).await?;
        Ok(found.first().and_then(|member| wire::position_of(member)))
    }

    /// Where the log ends, and its chain.
    pub async fn head(&self) -> Result<(Position, Chain), StorageError> {
        let mut head = cmd("HMGET");
        head.arg(&self.keys.meta).arg("epoch").arg("seq");
        let (epoch, sequence): (u64, u64) = self.ask(&head).await?;
        let link = self.link().await?;
        let chain = self.keys.chain(&link, epoch).await.map_err(|_| StorageError::Away)?;
        Ok((Position { epoch, sequence }, chain))
    }

    /// How much is kept in `(floor, head]`.
    pub async fn holdings(
        &self,
        floor: Position,
        head: Position,
        chain: &Chain,
    ) -> Result<Holdings, StorageError> {
        let mut ask = cmd("HMGET");
        ask.arg(&self.keys.meta).arg("count").arg("bytes");
        let (events, bytes): (Option<u64>, Option<u64>) = self.ask(&ask).await?;
        let first = self.read(floor, head, ONE, chain).await?;
        let oldest = first.entries.first().map(|entry| entry.time);
        Ok(Holdings::new(events.unwrap_or(0), bytes.unwrap_or(0), oldest))
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StorageError> {
        let link = self.link().await?;
        match link.ask(command).await {
            Ok(answer) => Ok(answer),
            Err(error) => {
                log::debug!("the log can't be read: {error}");
                self.drop_link(&link).await;
                Err(StorageError::Away)
            }
        }
    }

    /// The connection, while it is to the server that is written to.
    pub async fn link(&self) -> Result<Arc<Link>, StorageError> {
        let mut slot = self.link.lock().await;
        let run = self.run.borrow().clone();
        if let Some(link) = slot.as_ref().filter(|link| link.run == run) {
            return Ok(Arc::clone(link));
        }
        *slot = None;
        match Link::connect(&self.target, &self.trips, PATIENCE).await {
            Ok(link) if link.run == run => {
                let link = Arc::new(link);
                *slot = Some(Arc::clone(&link));
                Ok(link)
            }
            _ => Err(StorageError::Away),
        }
    }

    async fn drop_link(&self, broken: &Arc<Link>) {
        let mut slot = self.link.lock().await;
        if slot.as_ref().is_some_and(|link| Arc::ptr_eq(link, broken)) {
            *slot = None;
        }
    }
}

impl Keys {
    /// The chain whose newest epoch is this.
    pub async fn chain(&self, link: &Link, epoch: u64) -> Result<Chain, RedisError> {
        let fields: Vec<(String, String)> = link.ask(cmd("HGETALL").arg(&self.epochs)).await?;
        Ok(Chain::new(epoch, fields))
    }
}

fn reversed(mut entries: Vec<Arc<Entry>>) -> Vec<Arc<Entry>> {
    entries.reverse();
    entries
}
