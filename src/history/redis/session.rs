//! The writer's connection: scripts, and the epoch that it may write in.
//!
//! Promises: nothing is appended before it is known that the log goes on from what this node has
//! seen of it; an error tells whether something may have been appended.

use std::time::Duration;

use ::redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, cmd};

use super::{
    Keys,
    chain::Chain,
    link::{Link, LinkError, Trips},
    pending::Batch,
    target::Target,
    wire::{self, Origin, id},
};
use crate::history::{
    Earlier, Position, Retention,
    key::MAX_KEYS,
    later::{Backlog, MAX_BYTES, MAX_EVENTS, RELEASE},
    limits,
};

/// How long an answer may take. Publishers wait for it.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long what retention has removed stays in the log, for those who follow it.
const STAY: Duration = Duration::from_secs(5);

/// What a log looks like.
#[derive(Debug, Clone)]
pub struct Log {
    pub head: Position,
    /// The place before its oldest entry.
    pub floor: Position,
    pub chain: Chain,
}

/// What became of a batch. Parcels are named by the numbers that they begin with.
pub struct Outcome {
    /// Those that have been published before.
    pub known: Vec<(u64, Earlier)>,
    /// Those that have no room to wait. Nothing was appended from the first of them on.
    pub crowded: Vec<u64>,
}

/// Why nothing was appended, or may not have been.
#[derive(Debug)]
pub enum AppendError {
    /// The log is not the one that it was. Nothing was appended.
    Stale,
    /// There is no room. Nothing was appended.
    Full(String),
    /// Another server has to be found. Nothing was appended.
    Elsewhere(String),
    /// It can't be done. Nothing was appended.
    Refused(String),
    /// Nobody knows. What is sent again is appended once.
    Broken(String),
}

pub struct Session {
    pub link: Link,
    keys: Keys,
    append: String,
    trim: String,
    release: String,
    pub epoch: u64,
}

impl Session {
    /// Connects, and begins where this node has been.
    pub async fn begin(
        target: &Target,
        keys: &Keys,
        trips: &Trips,
        seen: Position,
    ) -> Result<(Self, Log), LinkError> {
        let link = Link::connect(target, trips, PATIENCE).await?;
        let load = async |script: &str| -> Result<String, LinkError> {
            Ok(link.ask(cmd("SCRIPT").arg("LOAD").arg(script)).await?)
        };
        let append = load(include_str!("append.lua")).await?;
        let trim = load(include_str!("trim.lua")).await?;
        let release = load(include_str!("release.lua")).await?;
        let keys = keys.clone();
        let mut session = Self { link, keys, append, trim, release, epoch: 0 };
        let log = session.look(seen).await?;
        Ok((session, log))
    }

    /// Begins anew, on the same connection.
    pub async fn look(&mut self, seen: Position) -> Result<Log, LinkError> {
        let mut begin = cmd("EVAL");
        begin.arg(include_str!("begin.lua")).arg(Keys::COUNT);
        self.keys.add_to(&mut begin);
        begin.arg(&self.link.run).arg(limits::now()).arg(seen.epoch).arg(seen.sequence);
        let (epoch, sequence, floor, former): (u64, u64, String, Vec<(String, String)>) =
            self.link.ask(&begin).await?;
        let floor = Position::parse(&floor);
        let floor = floor.ok_or_else(|| LinkError::Refused("no log of Fanfare".to_owned()))?;
        self.epoch = epoch;
        let chain = Chain::new(epoch, former);
        Ok(Log { head: Position { epoch, sequence }, floor, chain })
    }

    /// Appends all of these, or nothing; but for parcels that have been published before, and what
    /// begins with one that has no room to wait: see [`Outcome`].
    pub async fn append(
        &self,
        node: u64,
        batch: &Batch,
        seen: Position,
    ) -> Result<Outcome, AppendError> {
        let mut append = cmd("EVALSHA");
        append.arg(&self.append).arg(Keys::COUNT + 2);
        self.keys.add_to(&mut append);
        append.arg(format!("{}:{node:x}", self.keys.appended)).arg(&self.keys.later);
        let seen = if seen.epoch == self.epoch { seen.sequence } else { 0 };
        append.arg(self.epoch).arg(seen);
        append.arg(MAX_KEYS).arg(MAX_EVENTS).arg(MAX_BYTES).arg(batch.keys.len());
        for (number, size, key) in &batch.keys {
            let waits = batch.parcel(*number, *size).any(|(_, later, _)| later.is_some());
            append.arg(*number).arg(*size).arg(&key.name[..]);
            append.arg(limits::millis(key.window)).arg(wire::used(key));
            append.arg(u8::from(waits));
        }
        for (number, later, record) in &batch.events {
            append.arg(*number).arg(Origin { node, number: *number }.to_string());
            // 0 is the script's word for now.
            append.arg(later.map_or(0, |due| due.max(1))).arg(record);
        }
        let (known, crowded): (Vec<(u64, Vec<u8>)>, Vec<u64>) = self.link.ask(&append).await?;
        let earlier = |(number, used): (u64, Vec<u8>)| Some((number, wire::earlier(&used)?));
        let known = known.into_iter().filter_map(earlier).collect();
        Ok(Outcome { known, crowded })
    }

    /// Gives events that are due their places. Returns what waits, and when the next is due.
    pub async fn release(&self) -> Result<(Backlog, Option<Duration>), AppendError> {
        let mut release = cmd("EVALSHA");
        release.arg(&self.release).arg(Keys::COUNT + 1);
        self.keys.add_to(&mut release);
        release.arg(&self.keys.later).arg(self.epoch).arg(RELEASE);
        let (events, bytes, left): (u64, u64, i64) = self.link.ask(&release).await?;
        let left = u64::try_from(left).ok().map(Duration::from_millis);
        Ok((Backlog { events, bytes }, left))
    }

    /// Removes what is too much or too old: a step of it. Returns the floor, and whether there is
    /// more to remove.
    pub async fn trim(&self, retention: &Retention) -> Result<(Position, bool), AppendError> {
        let mut trim = cmd("EVALSHA");
        trim.arg(&self.trim).arg(Keys::COUNT);
        self.keys.add_to(&mut trim);
        trim.arg(retention.limits.events).arg(retention.limits.bytes);
        trim.arg(retention.expired().unwrap_or(0)).arg(limits::millis(STAY));
        let (floor, more): (String, u64) = self.link.ask(&trim).await?;
        let floor = Position::parse(&floor).ok_or(AppendError::Stale)?;
        Ok((floor, more > 0))
    }
}

impl From<RedisError> for AppendError {
    fn from(error: RedisError) -> Self {
        let text = error.to_string();
        match (error.kind(), error.code()) {
            (ErrorKind::Io | ErrorKind::Parse | ErrorKind::Client, _) => Self::Broken(text),
            (_, Some("STALE")) => Self::Stale,
            (_, Some("OOM")) => Self::Full(text),
            (
                ErrorKind::Server(
                    ServerErrorKind::Moved
                    | ServerErrorKind::ReadOnly
                    | ServerErrorKind::BusyLoading
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::NoScript
                    | ServerErrorKind::TryAgain
                    | ServerErrorKind::Ask,
                ),
                _,
            ) => Self::Elsewhere(text),
            _ if id_is_taken(&text) => Self::Stale,
            _ => Self::Refused(text),
        }
    }
}

/// `XADD` refuses ids that are not above the last: someone else has written to the stream.
fn id_is_taken(text: &str) -> bool {
    text.contains("equal or smaller")
}

/// The range that follows one place, up to and with another.
pub fn range(keys: &Keys, after: Position, up_to: Position, count: usize) -> Cmd {
    let mut range = cmd("XRANGE");
    range.arg(&keys.log).arg(format!("({}", id(after))).arg(id(up_to)).arg("COUNT").arg(count);
    range
}
