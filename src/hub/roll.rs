//! Who has a stream.
//!
//! Owns: the list of all open accounts, wherever their streams are: live, catching up, or not yet
//! greeted. Does not: keep them alive, or know which Broadcaster has them.

use std::{
    collections::HashSet,
    sync::{Arc, Weak},
};

use indexmap::IndexMap;
use parking_lot::Mutex;
use uuid::Uuid;

use super::account::Account;
use crate::topic::Selector;

/// Whose streams are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// The stream of the subscriber that was greeted with this id.
    Subscriber(Uuid),
    /// All streams that were opened with a token of this subject.
    Subject(String),
}

/// How many are looked at while nobody can open or end a stream: some 10 us.
const BATCH: usize = 256;

#[derive(Debug, Default)]
pub struct Roll(Mutex<IndexMap<Uuid, Entry>>);

#[derive(Debug)]
struct Entry {
    account: Weak<Account>,
    selectors: Arc<[Selector]>,
}

/// One who is on the list.
#[derive(Debug)]
pub struct Listed {
    pub account: Arc<Account>,
    /// What it asks for.
    pub selectors: Arc<[Selector]>,
}

impl Roll {
    pub fn enter(&self, account: &Arc<Account>, selectors: &Arc<[Selector]>) {
        let entry = Entry { account: Arc::downgrade(account), selectors: Arc::clone(selectors) };
        self.0.lock().insert(account.id, entry);
    }

    pub fn strike(&self, account: &Account) {
        self.0.lock().swap_remove(&account.id);
    }

    /// All who are on it, each once. From the end to the beginning: in the place of one who goes
    /// the last is put, who is either new or has been seen.
    pub fn all(&self) -> Vec<Listed> {
        let (mut all, mut seen, mut end) = (Vec::new(), HashSet::new(), usize::MAX);
        while end > 0 {
            let roll = self.0.lock();
            end = end.min(roll.len());
            let begin = end.saturating_sub(BATCH);
            for (id, entry) in roll.get_range(begin..end).into_iter().flatten() {
                if let Some(account) = entry.account.upgrade()
                    && account.ending().is_none()
                    && seen.insert(*id)
                {
                    all.push(Listed { account, selectors: Arc::clone(&entry.selectors) });
                }
            }
            end = begin;
        }
        all
    }

    /// Those who are meant, and have not ended.
    pub fn find(&self, whom: &Whom) -> Vec<Arc<Account>> {
        let roll = self.0.lock();
        let open = |account: &Arc<Account>| account.ending().is_none();
        match whom {
            Whom::Subscriber(id) => {
                let entry = roll.get(id).and_then(|entry| entry.account.upgrade());
                entry.filter(open).into_iter().collect()
            }
            Whom::Subject(subject) => {
                let all = roll.values().filter_map(|entry| entry.account.upgrade()).filter(open);
                all.filter(|account| account.terms.subject.as_deref() == Some(subject)).collect()
            }
        }
    }
}
