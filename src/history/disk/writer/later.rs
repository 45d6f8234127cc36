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
        Durability, Entry, Position, Receipt,
        disk::{
            file::{Aside, Numbered},
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
}

/// Those that come with one commit.
pub struct Arrivals {
    next: u64,
    events: Vec<(u64, u64, Event, Receipt)>,
}

impl Later {
    pub fn restored(waiting: Vec<((u64, u64), usize)>) -> Self {
        let next = waiting.iter().map(|((_, number), _)| number + 1).max().unwrap_or(0);
        Self { waiting: waiting.into_iter().collect(), next }
    }

    pub fn begin(&self) -> Arrivals {
        Arrivals { next: self.next, events: Vec::new() }
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

    pub fn records(&self) -> Vec<(u64, u64, Vec<u8>)> {
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
    pub(super) fn release(&mut self) {
        let time = now();
        let due = self.later.waiting.keys().take_while(|(due, _)| *due <= time);
        let due: Vec<_> = due.take(RELEASE).copied().collect();
        if due.is_empty() || (self.has_pending() && self.commit_pending().is_err()) {
            return;
        }
        let read = match &*self.shared.file.read() {
            Some(file) => file.read_later(&due),
            None => Err(redb::Error::DatabaseClosed),
        };
        let events = match read {
            Ok(events) => events,
            Err(error) => {
                self.fail(&error, 0, Duration::ZERO);
                return;
            }
        };
        let (mut added, mut receipts) = (Vec::new(), Vec::new());
        for (event, sequence) in events.into_iter().zip(self.head + 1..) {
            let record = record::encode(&event, time);
            let position = Position { epoch: self.epoch, sequence };
            added.push(Numbered { entry: Arc::new(Entry::new(position, event, time)), record });
            // Its publisher has been answered.
            receipts.push(oneshot::channel().0);
        }
        let aside = Aside { due, ..Aside::default() };
        let seen = self.ahead() + added.len() as u64;
        if self.commit(&added, &aside, seen).is_ok() {
            for key in &aside.due {
                let size = self.later.waiting.remove(key).unwrap_or(0);
                self.shared.shown.lock().backlog.remove(size);
            }
            self.show(added, receipts, Durability::Always);
        }
    }
}
