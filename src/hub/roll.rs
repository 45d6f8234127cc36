//! Who has a stream.
//!
//! Owns: the list of all open accounts, wherever their streams are: live, catching up, or not yet
//! greeted. Does not: keep them alive, or know which Broadcaster has them.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use uuid::Uuid;

use super::account::Account;

/// Whose streams are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// The stream of the subscriber that was greeted with this id.
    Subscriber(Uuid),
    /// All streams that were opened with a token of this subject.
    Subject(String),
}

#[derive(Debug, Default)]
pub struct Roll(Mutex<HashMap<Uuid, Weak<Account>>>);

impl Roll {
    pub fn enter(&self, account: &Arc<Account>) {
        self.0.lock().insert(account.id, Arc::downgrade(account));
    }

    pub fn strike(&self, account: &Account) {
        self.0.lock().remove(&account.id);
    }

    /// Those who are meant, and have not ended.
    pub fn find(&self, whom: &Whom) -> Vec<Arc<Account>> {
        let roll = self.0.lock();
        let open = |account: &Arc<Account>| account.ending().is_none();
        match whom {
            Whom::Subscriber(id) => {
                roll.get(id).and_then(Weak::upgrade).filter(open).into_iter().collect()
            }
            Whom::Subject(subject) => {
                let all = roll.values().filter_map(Weak::upgrade).filter(open);
                all.filter(|account| account.terms.subject.as_deref() == Some(subject)).collect()
            }
        }
    }
}
