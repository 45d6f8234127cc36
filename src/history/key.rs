//! Names that publishers give to what they publish, so that it is kept once.
//!
//! Owns: which keys have been used, for as long as each counts. Promises: they are bounded; where
//! there are too many the oldest goes. Does not: know what is the same in two requests; whoever
//! makes a key says so by its content.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::sync::oneshot;

use super::{Position, limits::millis};

/// How many are remembered, with some 200 bytes each.
pub(super) const MAX_KEYS: usize = 100_000;

/// The size of a hash (SHA-256).
pub const HASH: usize = 32;

/// A publisher's key for a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// A hash of the key, and of whose it is.
    pub name: [u8; HASH],
    /// A hash of all that is published under it.
    pub content: [u8; HASH],
    /// For how long it counts.
    pub window: Duration,
    /// What whoever asks again has to be told besides. It is kept as it is: at most 65,535 bytes.
    pub note: String,
}

/// What has been published under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// See [`Key::content`].
    pub content: [u8; HASH],
    /// The place of its first event; the others follow it.
    pub first: Position,
    /// See [`Key::note`].
    pub note: String,
}

/// A key, with the one who wants to know whether it has been used. Who is not told has its parcel
/// appended.
#[derive(Debug)]
pub struct Keyed {
    /// The key.
    pub key: Key,
    /// Told before the receipts of the parcel are dropped.
    pub earlier: oneshot::Sender<Earlier>,
}

impl Key {
    /// How it is remembered once its parcel is at this place.
    pub(super) fn used(&self, first: Position, now: u64) -> Used {
        let earlier = Earlier { content: self.content, first, note: self.note.clone() };
        Used { name: self.name, until: now.saturating_add(millis(self.window)), earlier }
    }
}

/// A key that has been used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Used {
    pub name: [u8; HASH],
    /// In milliseconds since 1970.
    pub until: u64,
    pub earlier: Earlier,
}

/// Those that count, each with a number: later ones have larger numbers.
#[derive(Debug)]
pub(super) struct Keys {
    limit: usize,
    next: u64,
    by_name: HashMap<[u8; HASH], (u64, u64, Earlier)>,
    by_age: BTreeMap<u64, ([u8; HASH], u64)>,
}

impl Keys {
    /// None yet.
    pub fn new(limit: usize) -> Self {
        Self { limit, next: 1, by_name: HashMap::new(), by_age: BTreeMap::new() }
    }

    /// Those that were there before, in their order.
    pub fn restored(limit: usize, used: Vec<(u64, Used)>) -> Self {
        let mut keys = Self::new(limit);
        for (number, used) in used {
            keys.next = number;
            keys.insert(used, 0);
        }
        keys
    }

    /// What has been published under this name, if it still counts.
    pub fn find(&self, name: &[u8; HASH], now: u64) -> Option<&Earlier> {
        let (_, until, earlier) = self.by_name.get(name)?;
        (now < *until).then_some(earlier)
    }

    /// The number that the next will have.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Remembers one. What does not count any more, or is too much, goes.
    pub fn insert(&mut self, used: Used, now: u64) {
        let Used { name, until, earlier } = used;
        let number = self.next;
        self.next += 1;
        if let Some((before, ..)) = self.by_name.insert(name, (number, until, earlier)) {
            self.by_age.remove(&before);
        }
        self.by_age.insert(number, (name, until));
        while let Some((number, (name, until))) = self.by_age.first_key_value()
            && (*until <= now || self.by_age.len() > self.limit)
        {
            let number = *number;
            self.by_name.remove(name);
            self.by_age.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(name: u8, until: u64) -> Used {
        let first = Position { epoch: 1, sequence: name.into() };
        let earlier = Earlier { content: [0; HASH], first, note: String::new() };
        Used { name: [name; HASH], until, earlier }
    }

    #[test]
    fn the_oldest_goes_and_what_is_over_is_not_found() {
        let mut keys = Keys::new(2);
        for name in 1..=3 {
            keys.insert(used(name, 100), 0);
        }
        let found =
            |keys: &Keys, now| [1, 2, 3].map(|name| keys.find(&[name; HASH], now).is_some());
        assert_eq!(found(&keys, 99), [false, true, true]);
        assert_eq!(found(&keys, 100), [false; 3]);
        // Used again after its time: the older one does not take it along.
        keys.insert(used(2, 200), 100);
        keys.insert(used(1, 200), 100);
        assert_eq!(found(&keys, 150), [true, true, false]);
        assert_eq!((keys.by_name.len(), keys.by_age.len(), keys.next()), (2, 2, 6));
    }
}
