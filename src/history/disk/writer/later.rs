//! What waits in the file for its time.
//!
//! Promises: an event leaves the table in the commit that gives it its place: a crash repeats none
//! and loses none; what became due while nobody ran is published at once.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::Writer;
use crate::{
    event::Event,
    history::{
        Durability, Entry, Position, Receipt, StorageError,
        disk::{
            file::{Aside, Numbered, Row},
            inbox::BATCH_BYTES,
            record,
        },
        later::{self, RELEASE},
        limits::now,
    },
};

/// By when they are due, and their numbers: their sizes.
#[derive(Default)]
pub struct Later {
    waiting: BTreeMap<(u64, u64), usize>,
    next: u64,
    /// What the last commit has taken out, for as long as it is not certain.
    released: Vec<Row>,
}

/// Those that come with one commit.
pub struct Arrivals {
    next: u64,
    events: Vec<(u64, u64, Event, Receipt)>,
}

impl Later {
    pub fn restored(waiting: Vec<((u64, u64), usize)>) -> Self {
        let next = waiting.iter().map(|((_, number), _)| number + 1).max().unwrap_or(0);
        Self { waiting: waiting.into_iter().collect(), next, released: Vec::new() }
    }

    pub fn begin(&self) -> Arrivals {
        Arrivals { next: self.next, events: Vec::new() }
    }

    /// What the file has to have of them, and what it may miss.
    pub fn known(&self) -> (&BTreeMap<(u64, u64), usize>, &[Row]) {
        (&self.waiting, &self.released)
    }

    /// The first that are due at this time, up to a bound.
    fn due(&self, time: u64) -> Vec<(u64, u64)> {
        let mut bytes = 0;
        let due = self.waiting.iter().take(RELEASE).take_while(|((due, _), size)| {
            let fits = bytes < BATCH_BYTES;
            bytes += **size;
            *due <= time && fits
        });
        due.map(|(key, _)| *key).collect()
    }

    /// When the next is due; no later than a clock may be set.
    pub fn due_at(&self, at: Instant) -> Option<Instant> {
        let (due, _) = self.waiting.keys().next()?;
        let left = Duration::from_millis(due.saturating_sub(now()));
        Some(at + left.min(Duration::from_secs(10)))
    }
}

impl Arrivals {
    pub fn push(&mut self, due: u64, event: Event, receipt: Receipt) {
        self.events.push((due, self.next, event, receipt));
        self.next += 1;
    }

    pub fn records(&self) -> Vec<Row> {
        let record = |(due, number, event, _): &(u64, u64, Event, _)| {
            (*due, *number, record::encode(event, *due))
        };
        self.events.iter().map(record).collect()
    }

    pub fn into_receipts(self) -> impl Iterator<Item = Receipt> {
        self.events.into_iter().map(|(.., receipt)| receipt)
    }
}

impl Writer {
    /// These are kept.
    pub(super) fn settle_later(&mut self, arrivals: Arrivals) {
        if arrivals.events.is_empty() {
            return;
        }
        // They may be due before others have to be durable.
        self.due = Instant::now();
        self.later.next = arrivals.next;
        for (due, number, event, receipt) in arrivals.events {
            let size = record::encode(&event, due).len();
            self.later.waiting.insert((due, number), size);
            self.shared.shown.lock().backlog.add(size);
            // A publisher that has left does not need it.
            let _ = receipt.send(Ok(later::kept(event)));
        }
    }

    /// Shows what was there before.
    pub(super) fn show_backlog(&self) {
        let backlog = &mut self.shared.shown.lock().backlog;
        self.later.waiting.values().for_each(|size| backlog.add(*size));
    }

    /// Gives those that are due their places.
    pub(super) fn release(&mut self) -> Result<(), StorageError> {
        let time = now();
        let due = self.later.due(time);
        if due.is_empty() {
            return Ok(());
        }
        if self.has_pending() {
            self.commit_pending()?;
        }
        let read = match &*self.shared.file.read() {
            Some(file) => file.read_later(&due),
            None => Err(redb::Error::DatabaseClosed),
        };
        let rows = read.map_err(|error| {
            // After an error of the system the file answers nothing more.
            *self.shared.file.write() = None;
            self.fail(&error, 0, Duration::ZERO)
        })?;
        // One that can't be published must not hold up the others.
        let events: Vec<_> = rows.iter().filter_map(|row| record::decode(&row.2).ok()).collect();
        let lost = due.len() - events.len();
        let (mut added, mut receipts) = (Vec::new(), Vec::new());
        for ((event, _), sequence) in events.into_iter().zip(self.head + 1..) {
            let record = record::encode(&event, time);
            let position = Position { epoch: self.epoch, sequence };
            added.push(Numbered { entry: Arc::new(Entry::new(position, event, time)), record });
            // Its publisher has been answered.
            receipts.push(oneshot::channel().0);
        }
        self.later.released = rows;
        let aside = Aside { due, ..Aside::default() };
        let seen = self.ahead() + added.len() as u64;
        self.commit(&added, &aside, seen)?;
        if lost > 0 {
            let path = self.path.display();
            log::error!("{path}: {lost} delayed events are damaged, and are lost");
        }
        self.later.released.clear();
        for key in &aside.due {
            let size = self.later.waiting.remove(key).unwrap_or(0);
            self.shared.shown.lock().backlog.remove(size);
        }
        self.show(added, receipts, Durability::Always);
        Ok(())
    }
}
