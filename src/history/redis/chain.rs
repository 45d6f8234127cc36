//! The epochs of a log: which ids it has given, and where something is lost.
//!
//! Owns: where each former epoch has ended. Promises: tells whether an entry follows another
//! without a hole, also where an epoch lies between them. Does not: ask anyone.

use std::collections::BTreeMap;

use crate::history::Position;

#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// The last sequence of each former epoch.
    ends: BTreeMap<u64, u64>,
    /// The mark that tells everyone of what was lost at the end of an epoch.
    marks: BTreeMap<u64, Position>,
    /// The newest that is known.
    pub epoch: u64,
}

impl Chain {
    /// From the fields of its hash: `<epoch>` and its last sequence, `lost:<epoch>` and the mark.
    pub fn new(epoch: u64, fields: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut chain = Self { epoch, ..Self::default() };
        for (name, value) in fields {
            if let Some(epoch) = name.strip_prefix("lost:") {
                if let (Ok(epoch), Some(mark)) = (epoch.parse(), Position::parse(&value)) {
                    chain.marks.insert(epoch, mark);
                }
            } else if let (Ok(epoch), Ok(last)) = (name.parse(), value.parse()) {
                chain.ends.insert(epoch, last);
            }
        }
        chain
    }

    /// Whether nothing is missing between two entries. What was lost at the end of an epoch is
    /// told by a mark in the log.
    pub fn follows(&self, before: Position, next: Position) -> bool {
        if before.epoch == next.epoch {
            return next.sequence == before.sequence + 1;
        }
        let whole = self.ends.get(&before.epoch).is_none_or(|last| before.sequence >= *last);
        let between = before.epoch + 1..next.epoch;
        whole && next.sequence == 1 && self.ends.range(between).all(|(_, last)| *last == 0)
    }

    /// The place before the first entry of the newest epoch.
    pub fn begin(&self) -> Position {
        Position { epoch: self.epoch, sequence: 0 }
    }

    /// Whether nothing lies between two places, where no entry was found there.
    pub fn reaches(&self, before: Position, place: Position) -> bool {
        before >= place || (place.sequence == 0 && self.follows(before, place.next()))
    }

    /// Whether such an entry was in the log of a former epoch; otherwise, where whoever has seen it
    /// goes on. `None` for an epoch of another log.
    pub fn find(&self, place: Position) -> Option<Result<(), Position>> {
        let last = *self.ends.get(&place.epoch)?;
        if place.sequence <= last {
            return Some(Ok(()));
        }
        let end = Position { sequence: last, ..place };
        // Told of the loss once is enough.
        let mark = self.marks.get(&place.epoch).filter(|mark| self.follows(end, **mark));
        Some(Err(mark.copied().unwrap_or(end)))
    }
}
