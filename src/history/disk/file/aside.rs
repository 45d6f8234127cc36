//! What is in the file besides entries: events that wait for their time, and keys that are used.
//!
//! Promises: it changes in the commit of the entries that it belongs to; and after a commit that
//! failed, the file is made to agree with what its writer knows.

use std::collections::BTreeMap;

use redb::{
    Error, ReadableDatabase as _, ReadableTable as _, TableDefinition, TableError, WriteTransaction,
};

use super::{ENTRIES, Extent, File, IDS, Kept, META};
use crate::history::{
    disk::{
        keys::{self, KEYS},
        record,
    },
    key::Used,
};

/// What waits for its time, by that and a number.
const LATER: TableDefinition<(u64, u64), &[u8]> = TableDefinition::new("later");

/// What is there besides entries.
#[derive(Debug)]
pub struct Besides {
    /// Keys that are used, with their numbers.
    pub keys: Vec<(u64, Used)>,
    /// What waits.
    pub later: Vec<Later>,
}

/// When an event is due, its number, and how large it is.
pub type Later = ((u64, u64), usize);

/// When an event is due, its number, and its record.
pub type Row = (u64, u64, Vec<u8>);

/// What a commit changes besides entries.
#[derive(Debug, Default)]
pub struct Aside {
    /// Keys that are used, with their numbers.
    pub keys: Vec<(u64, Vec<u8>)>,
    /// Events that wait.
    pub later: Vec<Row>,
    /// Those that wait no more.
    pub due: Vec<(u64, u64)>,
}

/// What is kept, as its writer knows it.
pub struct Known<'a> {
    /// The last sequence that was given.
    pub head: u64,
    /// The number that the next key will have.
    pub next_key: u64,
    /// What waits.
    pub waiting: &'a BTreeMap<(u64, u64), usize>,
    /// What a commit has taken out that may have failed.
    pub released: &'a [Row],
}

impl Aside {
    pub(super) fn write(&self, transaction: &WriteTransaction) -> Result<(), Error> {
        for (number, used) in &self.keys {
            keys::add(&mut transaction.open_table(KEYS)?, *number, used)?;
        }
        for (due, number, record) in &self.later {
            transaction.open_table(LATER)?.insert((*due, *number), &**record)?;
        }
        for due in &self.due {
            transaction.open_table(LATER)?.remove(due)?;
        }
        Ok(())
    }
}

impl File {
    /// What is there besides entries.
    pub fn besides(&self) -> Result<Besides, Error> {
        Ok(Besides { keys: self.keys()?, later: self.later()? })
    }

    /// The keys that have been used, with their numbers, in their order.
    fn keys(&self) -> Result<Vec<(u64, Used)>, Error> {
        let keys = match self.database.begin_read()?.open_table(KEYS) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            keys => keys?,
        };
        let used = keys.iter()?.map(|stored| {
            let (number, used) = stored?;
            let used = keys::decode(used.value(), self.epoch);
            used.map(|used| (number.value(), used)).ok_or_else(|| record::Damaged.into())
        });
        used.collect()
    }

    /// What waits for its time, and how large it is.
    fn later(&self) -> Result<Vec<Later>, Error> {
        let later = match self.database.begin_read()?.open_table(LATER) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            later => later?,
        };
        let sizes = later.iter()?.map(|stored| {
            let (key, record) = stored?;
            Ok((key.value(), record.value().len()))
        });
        sizes.collect()
    }

    /// These out of those that wait, as far as they are there.
    pub fn read_later(&self, keys: &[(u64, u64)]) -> Result<Vec<Row>, Error> {
        let later = self.database.begin_read()?.open_table(LATER)?;
        let mut rows = Vec::new();
        for key in keys {
            if let Some(record) = later.get(key)? {
                rows.push((key.0, key.1, record.value().to_vec()));
            }
        }
        Ok(rows)
    }

    /// Undoes a commit that was said to have failed, and is there.
    pub fn restore(&self, extent: Extent, known: &Known) -> Result<Extent, Error> {
        let last = extent.last.min(known.head);
        let mut new = Extent { last, ..extent };
        let transaction = self.database.begin_write()?;
        {
            let mut entries = transaction.open_table(ENTRIES)?;
            let mut ids = transaction.open_table(IDS)?;
            loop {
                let newest = Kept::of(entries.last()?)?.filter(|newest| newest.sequence > last);
                let Some(newest) = newest else { break };
                newest.remove(&mut entries, &mut ids)?;
                new.bytes = new.bytes.saturating_sub(newest.weight);
            }
            transaction.open_table(KEYS)?.retain_in(known.next_key.., |_, _| false)?;
            let mut later = transaction.open_table(LATER)?;
            later.retain(|key, _| known.waiting.contains_key(&key))?;
            for (due, number, record) in known.released {
                if known.waiting.contains_key(&(*due, *number)) {
                    later.insert((*due, *number), &**record)?;
                }
            }
            let mut meta = transaction.open_table(META)?;
            meta.insert("last", last)?;
            meta.insert("bytes", new.bytes)?;
        }
        transaction.commit()?;
        Ok(new)
    }
}
