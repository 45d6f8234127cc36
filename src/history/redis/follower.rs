//! Reads the log as it grows, and shows it on this node.
//!
//! Owns: the order in which this node sees the log. Promises: every entry once, in the order, its
//! own with those who wait for it; where something is lost, that is told in its place; it reads no
//! faster than the entries are delivered.

use std::{sync::Arc, time::Duration};

use ::redis::{Value, cmd};
use tokio::{sync::oneshot, time::sleep};

use super::{
    Shared,
    link::Link,
    wire::{self, Item, What},
};
use crate::history::{Appended, Entry, Position, disk::record, limits, tail::Feed};

/// How long the server waits for a next entry, and how long its answer may take.
const WAIT: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_millis(1500);
const AGAIN: Duration = Duration::from_millis(100);

/// How much is read at a time, and how much of it may wait for its delivery.
const READ_BYTES: usize = 4 << 20;
const READ_EVENTS: usize = 512;
const UNDELIVERED: usize = 4096;

pub struct Follower {
    shared: Arc<Shared>,
    feed: Feed,
    /// What has been shown.
    place: Position,
    /// What an entry takes, lately.
    average: usize,
}

impl Follower {
    pub fn new(shared: Arc<Shared>, feed: Feed, place: Position) -> Self {
        Self { shared, feed, place, average: 256 }
    }

    /// Runs for ever.
    pub async fn run(mut self) {
        let mut run = self.shared.run.subscribe();
        loop {
            // The one that the writer writes to: only there it finds what is written.
            let wanted = run.borrow_and_update().clone();
            match Link::connect(&self.shared.target, &self.shared.trips, PATIENCE).await {
                Ok(link) if link.run == wanted => {
                    let why = tokio::select! {
                        why = self.follow(&link) => why,
                        _ = run.changed() => continue,
                    };
                    log::debug!("the log can't be followed: {why}");
                }
                Ok(_) => {}
                Err(why) => log::debug!("the log can't be followed: {why}"),
            }
            sleep(AGAIN).await;
        }
    }

    async fn follow(&mut self, link: &Link) -> String {
        loop {
            self.feed.room(UNDELIVERED).await;
            let count = (READ_BYTES / self.average).clamp(1, READ_EVENTS);
            let mut read = cmd("XREAD");
            read.arg("BLOCK").arg(limits::millis(WAIT)).arg("COUNT").arg(count);
            read.arg("STREAMS").arg(&self.shared.keys.log).arg(wire::id(self.place));
            let items = match link.wait::<Value>(&read).await.map(wire::followed) {
                Ok(Some(items)) => items,
                Ok(None) => return "an answer is not what it should be".to_owned(),
                Err(error) => return error.to_string(),
            };
            let newest = items.last().map_or(0, |last| last.position.epoch);
            if newest > self.shared.epoch() {
                // Another node has begun it.
                match self.shared.keys.chain(link, newest).await {
                    Ok(chain) => self.shared.learn(chain),
                    Err(error) => return error.to_string(),
                }
            }
            self.show(items);
        }
    }

    fn show(&mut self, items: Vec<Item>) {
        let mut appended = Vec::new();
        let (mut bytes, count) = (0, items.len());
        for Item { position, what } in items {
            if !self.shared.follows(self.place, position) {
                self.flush(&mut appended);
                self.lose(Position { sequence: position.sequence - 1, ..position });
            }
            self.place = position;
            match what {
                What::Record(origin, record) => {
                    bytes += record.len();
                    let mine = origin.filter(|origin| origin.node == self.shared.node);
                    let waiting = mine.and_then(|mine| self.shared.pending.found(mine.number));
                    if let Some(waiting) = waiting {
                        let entry = Entry::new(position, waiting.event, waiting.time);
                        let receipt = waiting.receipt;
                        appended.push(Appended { entry: Arc::new(entry), receipt });
                    } else if let Ok((event, time)) = record::decode(&record) {
                        let entry = Arc::new(Entry::new(position, event, time));
                        // Another node's publisher is answered there.
                        appended.push(Appended { entry, receipt: oneshot::channel().0 });
                    } else {
                        log::error!("{position} is damaged in {}", self.shared.target);
                        self.flush(&mut appended);
                        self.lose(position);
                    }
                }
                What::Lost => {
                    self.flush(&mut appended);
                    self.lose(position);
                }
                What::Unknown => {
                    let target = &self.shared.target;
                    log::error!("{position} in {target} is of a later version: update this one");
                    self.flush(&mut appended);
                    self.lose(position);
                }
            }
        }
        self.flush(&mut appended);
        if let Some(average) = bytes.checked_div(count) {
            self.average = usize::midpoint(self.average, average) + 1;
        }
    }

    fn flush(&mut self, appended: &mut Vec<Appended>) {
        self.shared.show(appended);
        self.feed.push(appended.drain(..));
    }

    /// Something before or at this place is lost.
    fn lose(&mut self, place: Position) {
        log::warn!("entries before {place} are lost");
        self.shared.lose(place);
        self.feed.lose(place);
    }
}
