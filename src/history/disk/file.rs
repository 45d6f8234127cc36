//! The file itself: a `redb` database of some tables.
//!
//! | table | from | to |
//! | --- | --- | --- |
//! | `fanfare` | `format`, `epoch`, `last`, `seen`, `bytes`, `commit` | numbers |
//! | `entries` | sequence | record (see `record.rs`) |
//! | `ids` | a publisher's own id, sequence | nothing |
//! | `later` | when it is due, number | record of an event that waits |
//! | `keys` | number | a key that was used (see `keys.rs`) |
//!
//! `last` is the sequence of the last entry, and `seen` the last that anyone may have seen. Where
//! events are shown before they are durable, it is ahead: what is missing up to it after a crash
//! is lost, and is known to be, and no sequence is given twice. `commit` counts commits: it tells
//! whether one is there that was said to have failed.
//!
//! Promises: a commit is whole or not there at all. Does not: know threads or subscribers.

use std::sync::Arc;

use redb::{
    AccessGuard, Database, Error, ReadableDatabase as _, ReadableTable, ReadableTableMetadata as _,
    Table, TableDefinition,
};

use super::record;
use crate::{
    event::{Event, EventId},
    history::{Entry, Limits, Position, Retention, ring},
};

mod aside;

pub use aside::{Aside, Besides, Known, Row};

pub const META: TableDefinition<&str, u64> = TableDefinition::new("fanfare");
const ENTRIES: TableDefinition<u64, &[u8]> = TableDefinition::new("entries");
const IDS: TableDefinition<(&str, u64), ()> = TableDefinition::new("ids");
/// There only while it is tried whether the file can be written again.
const PROBE: TableDefinition<(), &[u8]> = TableDefinition::new("probe");

/// What an entry takes in the file besides its record and its place among the ids, in bytes.
const ENTRY_OVERHEAD: u64 = 24;
/// The most entries that retention removes in a commit beyond twice those that it adds: 1 ms.
const TRIM: usize = 1000;

/// An open file.
#[derive(Debug)]
pub struct File {
    pub database: Database,
    pub epoch: u64,
}

/// An entry with its stored form.
#[derive(Debug)]
pub struct Numbered {
    pub entry: Arc<Entry>,
    pub record: Vec<u8>,
}

/// What is in the file.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// The sequence of the last entry that was added, also where it has been removed.
    pub last: u64,
    /// The last sequence that anyone may have seen.
    pub seen: u64,
    /// The sequence before the oldest entry.
    pub floor: u64,
    /// When the oldest entry was appended.
    pub oldest: Option<u64>,
    /// Whether there is more than retention allows.
    pub too_much: bool,
    pub bytes: u64,
    /// The number of the last commit.
    pub serial: u64,
}

impl File {
    /// Makes the tables of a new file.
    pub fn create(database: Database, epoch: u64, format: u64) -> Result<Self, Error> {
        let transaction = database.begin_write()?;
        {
            let mut meta = transaction.open_table(META)?;
            meta.insert("format", format)?;
            meta.insert("epoch", epoch)?;
            transaction.open_table(ENTRIES)?;
            transaction.open_table(IDS)?;
        }
        transaction.commit()?;
        Ok(Self { database, epoch })
    }

    /// What is in it.
    pub fn extent(&self) -> Result<Extent, Error> {
        let transaction = self.database.begin_read()?;
        let meta = transaction.open_table(META)?;
        let number = |name| Ok::<_, Error>(meta.get(name)?.map_or(0, |value| value.value()));
        let (last, seen, bytes) = (number("last")?, number("seen")?, number("bytes")?);
        // Earlier versions don't count.
        let serial = number("commit")?;
        // Whether it is too much is not known before the first commit.
        let mut extent =
            Extent { last, seen, floor: seen, oldest: None, too_much: true, bytes, serial };
        if let Some((sequence, record)) = transaction.open_table(ENTRIES)?.first()? {
            extent.floor = sequence.value() - 1;
            extent.oldest = Some(record::head(record.value())?.time);
        }
        Ok(extent)
    }

    /// What entries take, in bytes.
    pub fn used(&self) -> Result<u64, Error> {
        Ok(self.extent()?.bytes)
    }

    /// Adds entries, removes what retention does not allow, and enters the last sequence that may
    /// have been seen by the time of the next commit. It is durable when this returns.
    pub fn commit(
        &self,
        extent: Extent,
        added: &[Numbered],
        aside: &Aside,
        seen: u64,
        retention: &Retention,
    ) -> Result<Extent, Error> {
        let mut new = Extent { serial: extent.serial + 1, ..extent };
        let transaction = self.database.begin_write()?;
        {
            let mut entries = transaction.open_table(ENTRIES)?;
            let mut ids = transaction.open_table(IDS)?;
            for Numbered { entry, record } in added {
                let sequence = entry.position.sequence;
                entries.insert(sequence, &**record)?;
                if let Some(id) = &entry.own_id {
                    ids.insert((id.as_str(), sequence), ())?;
                }
                new.bytes += weight(record, entry.own_id.as_ref().map(EventId::as_str));
                new.last = sequence;
            }
            aside.write(&transaction)?;
            new.seen = seen.max(new.last);
            new.trim(&mut entries, &mut ids, 2 * added.len() + TRIM, retention)?;
            let mut meta = transaction.open_table(META)?;
            // Versions that don't know such a record have to refuse the file.
            let format = added.iter().map(|next| &next.record);
            let later = aside.later.iter().map(|(_, _, record)| record);
            let format = format.chain(later).map(|record| record::format(record)).max();
            if let Some(format) = format.filter(|format| *format > 1) {
                meta.insert("format", format)?;
            }
            meta.insert("last", new.last)?;
            meta.insert("seen", new.seen)?;
            meta.insert("bytes", new.bytes)?;
            meta.insert("commit", new.serial)?;
        }
        transaction.commit()?;
        Ok(new)
    }

    /// Writes so many bytes, durably, and gives their room back.
    pub fn probe(&self, bytes: usize) -> Result<(), Error> {
        let transaction = self.database.begin_write()?;
        transaction.open_table(PROBE)?.insert((), &*vec![0; bytes])?;
        transaction.commit()?;
        let transaction = self.database.begin_write()?;
        transaction.delete_table(PROBE)?;
        transaction.commit()?;
        Ok(())
    }

    /// Entries in `(after, up_to]`, without a hole among them; before the first there may be one.
    pub fn read(&self, after: u64, up_to: u64, limits: Limits) -> Result<Vec<Arc<Entry>>, Error> {
        let entries = self.database.begin_read()?.open_table(ENTRIES)?;
        let (mut found, mut bytes) = (Vec::new(), 0);
        let mut next = None;
        for stored in entries.range(after + 1..=up_to)?.take(limits.events.max(1)) {
            let (sequence, record) = stored?;
            if next.is_some_and(|next| next != sequence.value()) {
                break;
            }
            next = Some(sequence.value() + 1);
            let entry = self.entry(sequence.value(), record.value())?;
            bytes += entry.frame.len();
            if bytes > limits.bytes && !found.is_empty() {
                break;
            }
            found.push(entry);
        }
        Ok(found)
    }

    /// The newest entries up to and with this sequence, without a hole.
    pub fn read_newest(&self, head: u64, limits: Limits) -> Result<Vec<Arc<Entry>>, Error> {
        let entries = self.database.begin_read()?.open_table(ENTRIES)?;
        let (mut found, mut bytes) = (Vec::new(), 0);
        let mut next = head;
        for stored in entries.range(..=head)?.rev().take(limits.events) {
            let (sequence, record) = stored?;
            let entry = self.entry(sequence.value(), record.value())?;
            bytes += ring::cost(&entry);
            if sequence.value() != next || bytes > limits.bytes {
                break;
            }
            next -= 1;
            found.push(entry);
        }
        found.reverse();
        Ok(found)
    }

    /// The earliest entry with this id.
    pub fn find(&self, id: &EventId) -> Result<Option<u64>, Error> {
        let ids = self.database.begin_read()?.open_table(IDS)?;
        let first = ids.range((id.as_str(), 0)..=(id.as_str(), u64::MAX))?.next().transpose()?;
        Ok(first.map(|(key, _)| key.value().1))
    }

    /// All entries as they were published, one after another.
    pub fn each<E: From<Error>>(
        &self,
        mut take: impl FnMut(Position, Event, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let transaction = self.database.begin_read().map_err(Error::from)?;
        let entries = transaction.open_table(ENTRIES).map_err(Error::from)?;
        for stored in entries.iter().map_err(Error::from)? {
            let (sequence, record) = stored.map_err(Error::from)?;
            let (event, time) = record::decode(record.value()).map_err(Error::from)?;
            let position = Position { epoch: self.epoch, sequence: sequence.value() };
            take(position, event, time)?;
        }
        Ok(())
    }

    fn entry(&self, sequence: u64, record: &[u8]) -> Result<Arc<Entry>, Error> {
        let (event, time) = record::decode(record)?;
        let position = Position { epoch: self.epoch, sequence };
        Ok(Arc::new(Entry::new(position, event, time)))
    }
}

impl Extent {
    fn trim(
        &mut self,
        entries: &mut Table<u64, &[u8]>,
        ids: &mut Table<(&str, u64), ()>,
        most: usize,
        retention: &Retention,
    ) -> Result<(), Error> {
        let expired = retention.expired();
        let (max_events, max_bytes) =
            (retention.limits.events as u64, retention.limits.bytes as u64);
        for removed in 0.. {
            let Some(oldest) = Kept::of(entries.first()?)? else {
                self.floor = self.floor.max(self.last);
                (self.oldest, self.too_much) = (None, false);
                break;
            };
            self.too_much = entries.len()? > max_events
                || self.bytes > max_bytes
                || expired.is_some_and(|time| oldest.time <= time);
            if !self.too_much || removed == most {
                (self.floor, self.oldest) = (oldest.sequence - 1, Some(oldest.time));
                break;
            }
            oldest.remove(entries, ids)?;
            self.bytes = self.bytes.saturating_sub(oldest.weight);
        }
        Ok(())
    }
}

/// An entry as retention sees it.
struct Kept {
    sequence: u64,
    time: u64,
    own_id: Option<String>,
    weight: u64,
}

impl Kept {
    fn of(stored: Option<(AccessGuard<u64>, AccessGuard<&[u8]>)>) -> Result<Option<Self>, Error> {
        let Some((sequence, record)) = stored else { return Ok(None) };
        let head = record::head(record.value())?;
        Ok(Some(Self {
            sequence: sequence.value(),
            time: head.time,
            weight: weight(record.value(), head.own_id),
            own_id: head.own_id.map(str::to_owned),
        }))
    }

    fn remove(
        &self,
        entries: &mut Table<u64, &[u8]>,
        ids: &mut Table<(&str, u64), ()>,
    ) -> Result<(), Error> {
        entries.remove(self.sequence)?;
        if let Some(id) = &self.own_id {
            ids.remove((id.as_str(), self.sequence))?;
        }
        Ok(())
    }
}

/// What an entry takes in the file.
fn weight(record: &[u8], own_id: Option<&str>) -> u64 {
    let id = own_id.map_or(0, |id| id.len() as u64 + ENTRY_OVERHEAD);
    record.len() as u64 + ENTRY_OVERHEAD + id
}
