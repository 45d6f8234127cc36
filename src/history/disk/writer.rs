//! The one thread that writes.
//!
//! Owns: the order, and what becomes of each event. Promises: what waits while it writes is
//! written together, so that the cost of a commit is shared; nothing is shown before it may be;
//! when the disk fails, publishers hear so at once, and it goes on trying.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{
    Shared,
    desk::{Desk, Parcel},
    file::{Aside, Besides, Extent, Known, Numbered},
    inbox::Waiting,
    open, record,
};
use crate::history::{
    Appended, Durability, Entry, Position, Receipt, Retention, StorageError,
    key::{Keys, MAX_KEYS},
    limits::{self, millis},
    tail::Feed,
};

/// How long events may be shown before they are durable, with [`Durability::Interval`]; and how
/// many: less than the ring holds, so that they can be read meanwhile.
const INTERVAL: Duration = Duration::from_secs(1);
const MAX_PENDING: usize = 4096;
const MAX_PENDING_BYTES: usize = 8 << 20;
/// How far ahead of the last durable entry sequences may be shown: more than these and one batch.
const AHEAD: u64 = 16_384;

/// How soon a failed write is tried again: this, or ten times what opening the file takes.
const AGAIN: Duration = Duration::from_millis(500);

/// From when on a commit is slow: the next one waits half of that time for the publishers of the
/// last one, and no longer than `GATHER`. 64 publishers got 16,000 answers a second, instead of
/// 11,500, where a commit took 2.4 ms; where it took 1.2 ms there was no difference, and where it
/// took 0.4 ms they lost a sixth, since nothing was done while it waited.
const SLOW: Duration = Duration::from_millis(1);
const GATHER: Duration = Duration::from_millis(3);

/// How often retention looks at the age of the oldest entry, beyond when it is due.
const AGE_STEPS: u32 = 20;

mod later;
mod outage;

use later::Later;

pub struct Writer {
    shared: Arc<Shared>,
    feed: Feed,
    path: PathBuf,
    epoch: u64,
    retention: Retention,
    durability: Durability,
    /// What is in the file.
    extent: Extent,
    /// The keys that have been used: those in the file, and those that are shown.
    keys: Keys,
    later: Later,
    /// The last sequence that was given.
    head: u64,
    /// Shown, and not durable yet.
    pending: Vec<Numbered>,
    pending_bytes: usize,
    /// What belongs to it.
    aside: Aside,
    /// When these have to be durable.
    due: Instant,
    trimmed: Instant,
    outage: Option<Outage>,
    /// How many events the last commit has answered, and how long their publishers are waited for.
    answered: (usize, Duration),
}

/// The disk has failed.
#[derive(Clone, Copy)]
struct Outage {
    error: StorageError,
    /// When it is tried again.
    until: Instant,
    /// How much could not be written.
    bytes: usize,
}

impl Writer {
    pub fn new(
        shared: Arc<Shared>,
        feed: Feed,
        path: &Path,
        retention: Retention,
        durability: Durability,
        extent: Extent,
        besides: Besides,
    ) -> Self {
        let epoch = shared.shown.lock().floor.epoch;
        let now = Instant::now();
        let writer = Self {
            shared,
            feed,
            path: path.to_owned(),
            epoch,
            retention,
            durability,
            extent,
            keys: Keys::restored(MAX_KEYS, besides.keys),
            later: Later::restored(besides.later),
            head: extent.seen,
            pending: Vec::new(),
            pending_bytes: 0,
            aside: Aside::default(),
            due: now,
            trimmed: now,
            outage: None,
            answered: (0, Duration::ZERO),
        };
        writer.show_backlog();
        writer
    }

    /// Runs until the inbox is closed.
    pub fn run(mut self) {
        loop {
            self.tend();
            match self.shared.inbox.take(self.wakes_at(), self.answered) {
                Some(waiting) if waiting.is_empty() => self.probe(),
                Some(waiting) => self.keep(waiting),
                None => break,
            }
        }
        if self.durability == Durability::Interval {
            self.settle();
        }
        let file = self.shared.file.write().take();
        if let Some(Err(error)) = file.map(|file| file.database.close()) {
            log::error!("{}: {error}", self.path.display());
        }
    }

    /// Makes durable what was shown, and that nothing else was.
    fn settle(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let aside = std::mem::take(&mut self.aside);
        if self.commit(&pending, &aside, self.head).is_err() {
            log::error!("{} events that were shown are lost", pending.len());
        }
    }

    fn keep(&mut self, waiting: Vec<Waiting>) {
        let time = limits::now();
        let (mut added, mut receipts) = (Vec::new(), Vec::new());
        let (mut desk, mut later) = (Desk::default(), self.later.begin());
        let mut place = Position { epoch: self.epoch, sequence: self.head };
        for Waiting { event, due, receipt, goes_on, keyed } in waiting {
            let taken = desk.take(keyed, goes_on, &self.keys, place.next(), time);
            if matches!(taken, Parcel::Earlier) {
                desk.hold(receipt);
                continue;
            }
            if let Some(due) = due {
                later.push(due, event, receipt);
                continue;
            }
            place = place.next();
            let record = record::encode(&event, time);
            added.push(Numbered { entry: Arc::new(Entry::new(place, event, time)), record });
            receipts.push(receipt);
        }
        let records = std::mem::take(&mut desk.records);
        let aside = Aside { keys: records, later: later.records(), due: Vec::new() };
        let kept = match (self.outage, self.durability) {
            (Some(outage), _) if Instant::now() < outage.until => Err(outage.error),
            // Nothing but what was there already.
            _ if added.is_empty() && aside.later.is_empty() => Ok(()),
            (_, Durability::Always) => {
                let begun = Instant::now();
                let kept = self.commit(&added, &aside, self.head + added.len() as u64);
                let took = begun.elapsed();
                let patience = if took < SLOW { Duration::ZERO } else { (took / 2).min(GATHER) };
                self.answered = (added.len(), patience);
                kept
            }
            // As long as what was shown can't be made durable, nothing more is shown.
            (Some(_), Durability::Interval) => self.commit_pending(),
            (None, Durability::Interval) => Ok(()),
        };
        match kept {
            Ok(()) => {
                desk.settle(&mut self.keys, time);
                if self.durability == Durability::Interval {
                    self.aside.keys.extend(aside.keys);
                    self.aside.later.extend(aside.later);
                }
                self.settle_later(later);
                self.show(added, receipts, self.durability);
            }
            Err(error) => {
                let receipts = receipts.into_iter().chain(desk.into_receipts());
                refuse(receipts.chain(later.into_receipts()), error);
            }
        }
    }

    fn show(&mut self, added: Vec<Numbered>, receipts: Vec<Receipt>, durability: Durability) {
        self.head += added.len() as u64;
        {
            let shown = &mut *self.shared.shown.lock();
            for next in &added {
                shown.ring.push(&next.entry);
            }
        }
        self.show_floor();
        let entries = added.iter().map(|next| Arc::clone(&next.entry));
        let appended = entries.zip(receipts).map(|(entry, receipt)| Appended { entry, receipt });
        self.feed.push(appended);
        if durability == Durability::Interval {
            if self.pending.is_empty() && self.aside.later.is_empty() {
                self.due = Instant::now() + INTERVAL;
            }
            self.pending_bytes += added.iter().map(|next| next.record.len()).sum::<usize>();
            self.pending.extend(added);
            if self.pending.len() > MAX_PENDING || self.pending_bytes > MAX_PENDING_BYTES {
                self.due = Instant::now();
            }
        }
    }

    /// What retention has removed can't be read from now on.
    fn show_floor(&self) {
        let floor = Position { epoch: self.epoch, sequence: self.extent.floor };
        let shown = &mut *self.shared.shown.lock();
        shown.floor = floor;
        (shown.oldest, shown.bytes) = (self.extent.oldest, self.extent.bytes);
        shown.ring.drop_up_to(floor);
    }

    /// What there is to do besides what is published.
    fn tend(&mut self) {
        if self.shared.unreadable.swap(false, Relaxed) {
            *self.shared.file.write() = None;
        }
        let begun = Instant::now();
        if self.outage.is_some_and(|outage| begun < outage.until) {
            return;
        }
        let closed = self.shared.file.read().is_none();
        if closed && let Err(error) = self.reopen(None) {
            let bytes = self.outage.map_or(0, |outage| outage.bytes);
            self.fail(&error, bytes, begun.elapsed());
            return;
        }
        // What fails here is tried again, and told to those who publish meanwhile.
        if self.has_pending() && begun >= self.due && self.commit_pending().is_err() {
            return;
        }
        if self.release().is_err() {
            return;
        }
        if self.trims_at(begun).is_some_and(|at| begun >= at) {
            self.trimmed = begun;
            if self.commit(&[], &Aside::default(), self.ahead()).is_ok() {
                self.show_floor();
            }
        }
    }

    fn wakes_at(&self) -> Option<Instant> {
        let closed = self.shared.file.read().is_none().then_some(self.trimmed);
        let due = self.has_pending().then_some(self.due);
        let due = due.into_iter().chain(self.later.due_at(Instant::now())).min();
        let again = self.outage.map(|outage| outage.until);
        let trims = self.trims_at(Instant::now());
        let next = due.into_iter().chain(trims).chain(closed).chain(again).min();
        next.map(|next| again.map_or(next, |again| next.max(again)))
    }

    /// When there is something for retention to do, as far as nothing is published until then.
    fn trims_at(&self, now: Instant) -> Option<Instant> {
        if self.extent.too_much {
            return Some(self.trimmed);
        }
        let age = self.retention.age;
        let oldest = self.extent.oldest.filter(|_| !age.is_zero())?;
        let left = (oldest + millis(age)).saturating_sub(limits::now());
        let due = now + Duration::from_millis(left);
        // Not each entry on its own.
        let step = (age / AGE_STEPS).min(Duration::from_secs(10));
        Some(due.max(self.trimmed + step))
    }

    /// The last sequence that may be shown before the next commit.
    fn ahead(&self) -> u64 {
        match self.durability {
            Durability::Always => self.head,
            Durability::Interval => self.head + AHEAD,
        }
    }

    fn has_pending(&self) -> bool {
        !self.pending.is_empty() || !self.aside.later.is_empty()
    }

    fn commit_pending(&mut self) -> Result<(), StorageError> {
        let pending = std::mem::take(&mut self.pending);
        let aside = std::mem::take(&mut self.aside);
        let result = self.commit(&pending, &aside, self.ahead());
        match result {
            Ok(()) => {
                self.pending_bytes = 0;
                self.show_floor();
            }
            Err(_) => (self.pending, self.aside) = (pending, aside),
        }
        result
    }

    /// Writes these. When that fails, the file is opened anew: that tells what has become of it,
    /// and lets it be read again.
    fn commit(&mut self, added: &[Numbered], aside: &Aside, seen: u64) -> Result<(), StorageError> {
        let begun = Instant::now();
        let bytes = |added: &[Numbered]| added.iter().map(|next| next.record.len()).sum();
        // What an earlier commit has left there is not this one.
        let closed = self.shared.file.read().is_none();
        if closed && let Err(error) = self.reopen(None) {
            return Err(self.fail(&error, bytes(added), begun.elapsed()));
        }
        let last = self.extent.last;
        let written = added.partition_point(|next| next.entry.position.sequence <= last);
        let added = &added[written..];
        self.shared.shown.lock().writing = Some(Instant::now());
        let result = match &*self.shared.file.read() {
            Some(file) => file.commit(self.extent, added, aside, seen, &self.retention),
            None => Err(redb::Error::DatabaseClosed),
        };
        self.shared.shown.lock().writing = None;
        let error = match result {
            Ok(extent) => {
                self.extent = extent;
                self.recover();
                return Ok(());
            }
            Err(error) => error,
        };
        let begun = Instant::now();
        if matches!(self.reopen(Some(self.extent.serial + 1)), Ok(true)) {
            log::warn!("{}: {error}; but what was written is there", self.path.display());
            return Ok(());
        }
        Err(self.fail(&error, bytes(added), begun.elapsed()))
    }

    /// Opens the file anew, which is to be as it is known here, but for the commit with this number
    /// where that is there. Returns whether it is.
    fn reopen(&mut self, commit: Option<u64>) -> Result<bool, redb::Error> {
        // Whoever reads waits meanwhile.
        let mut slot = self.shared.file.write();
        *slot = None;
        let (file, extent) = open::reopen(&self.path, self.epoch)?;
        let there = commit == Some(extent.serial);
        self.extent = if there || extent.serial == self.extent.serial {
            extent
        } else {
            let (waiting, released) = self.later.known();
            let (head, next_key) = (self.head, self.keys.next());
            file.restore(extent, &Known { head, next_key, waiting, released })?
        };
        *slot = Some(file);
        Ok(there)
    }
}

fn refuse(receipts: impl Iterator<Item = Receipt>, error: StorageError) {
    for receipt in receipts {
        // A publisher that has left does not need it.
        let _ = receipt.send(Err(error));
    }
}
