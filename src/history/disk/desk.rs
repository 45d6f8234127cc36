//! Which of the parcels that are about to be written have been published before.
//!
//! Owns: the keys of one commit. Promises: whoever asks again is told only when what it asked for
//! is kept, and of nothing where the commit fails.

use tokio::sync::oneshot;

use super::keys;
use crate::history::{
    Earlier, Keyed, Position, Receipt,
    key::{Keys, Used},
};

/// See the module.
#[derive(Default)]
pub struct Desk {
    new: Vec<Used>,
    known: Vec<(oneshot::Sender<Earlier>, Earlier)>,
    receipts: Vec<Receipt>,
    /// What is to be written of the new ones, with their numbers.
    pub records: Vec<(u64, Vec<u8>)>,
    /// Whether the rest of a parcel follows that has been published before.
    skips: bool,
    /// Whether the next event belongs to the parcel of this one.
    within: bool,
}

/// What to do with an event.
pub enum Parcel {
    /// Append it.
    New,
    /// It has been published before.
    Earlier,
}

impl Desk {
    /// Looks at the next event, which would be at this place.
    pub fn take(
        &mut self,
        keyed: Option<Box<Keyed>>,
        goes_on: bool,
        keys: &Keys,
        place: Position,
        now: u64,
    ) -> Parcel {
        if !std::mem::replace(&mut self.within, goes_on) {
            self.skips = false;
        }
        let Some(keyed) = keyed else {
            return if self.skips { Parcel::Earlier } else { Parcel::New };
        };
        let Keyed { key, earlier } = *keyed;
        let in_commit = self.new.iter().find(|used| used.name == key.name);
        let found = in_commit.map(|used| &used.earlier).or_else(|| keys.find(&key.name, now));
        if let Some(found) = found {
            self.known.push((earlier, found.clone()));
            self.skips = true;
            return Parcel::Earlier;
        }
        let used = key.used(place, now);
        let number = keys.next() + self.new.len() as u64;
        self.records.push((number, keys::encode(&used)));
        self.new.push(used);
        Parcel::New
    }

    /// Keeps the receipt of one that was published before, for as long as that is not certain.
    pub fn hold(&mut self, receipt: Receipt) {
        self.receipts.push(receipt);
    }

    /// The commit is not kept: these have to be told.
    pub fn into_receipts(self) -> Vec<Receipt> {
        self.receipts
    }

    /// The commit is kept.
    pub fn settle(self, keys: &mut Keys, now: u64) {
        for used in self.new {
            keys.insert(used, now);
        }
        for (sender, earlier) in self.known {
            // A publisher that has left does not need it.
            let _ = sender.send(earlier);
        }
    }
}
