//! One value for all who ask for the same.
//!
//! Owns: weak references to values, by what each is made from. Promises: as long as someone has a
//! value, everyone gets that one; what nobody has is forgotten, so that the table stays in
//! proportion to what is in use. Does not: make values, so that nobody waits while one is made.

use std::{
    borrow::Borrow,
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher as _, Hash},
    marker::PhantomData,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

/// How large the table is before the first sweep.
const FIRST_SWEEP: usize = 64;

/// Values of type `T`, each made from a `K`.
pub struct Shared<K, T> {
    table: Mutex<Table<T>>,
    hasher: RandomState,
    made_from: PhantomData<fn(&K)>,
}

struct Table<T> {
    /// By the hash of what they are made from, which each holds itself. Where two have the same
    /// hash, which nobody can bring about, only one is shared.
    values: HashMap<u64, Weak<T>>,
    /// How large it may be before forgotten values are swept out.
    sweep_at: usize,
}

impl<K: Hash + Eq, T: Borrow<K>> Shared<K, T> {
    pub fn new() -> Self {
        Self {
            table: Mutex::new(Table { values: HashMap::new(), sweep_at: FIRST_SWEEP }),
            hasher: RandomState::new(),
            made_from: PhantomData,
        }
    }

    /// The value that is made from this, if someone has it.
    pub fn find(&self, from: &K) -> Option<Arc<T>> {
        let hash = self.hasher.hash_one(from);
        self.table.lock().find(hash, from)
    }

    /// Shares a value; returns the equal one that someone has shared meanwhile, if there is one.
    pub fn share(&self, value: T) -> Arc<T> {
        let hash = self.hasher.hash_one(value.borrow());
        let mut table = self.table.lock();
        table.find(hash, value.borrow()).unwrap_or_else(|| {
            let value = Arc::new(value);
            table.insert(hash, &value);
            value
        })
    }
}

impl<T> Table<T> {
    fn find<K: Eq>(&self, hash: u64, from: &K) -> Option<Arc<T>>
    where
        T: Borrow<K>,
    {
        let found = self.values.get(&hash)?.upgrade()?;
        ((*found).borrow() == from).then_some(found)
    }

    fn insert(&mut self, hash: u64, value: &Arc<T>) {
        if self.values.len() >= self.sweep_at {
            self.values.retain(|_, value| value.strong_count() > 0);
            // Twice what is in use: a sweep costs no more than the insertions since the last.
            self.sweep_at = FIRST_SWEEP.max(2 * self.values.len());
            self.values.shrink_to(self.sweep_at);
        }
        self.values.insert(hash, Arc::downgrade(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_until_nobody_has_it() {
        let shared = Shared::<String, String>::new();
        let first = shared.share("a".to_owned());
        assert!(Arc::ptr_eq(&first, &shared.share("a".to_owned())));
        assert!(Arc::ptr_eq(&first, &shared.find(&"a".to_owned()).unwrap()));
        drop(first);
        assert!(shared.find(&"a".to_owned()).is_none());
    }

    #[test]
    fn what_nobody_has_takes_no_memory() {
        let shared = Shared::<String, String>::new();
        let kept: Vec<_> = (0..100).map(|number| shared.share(format!("kept {number}"))).collect();
        for number in 0..100_000 {
            shared.share(format!("dropped {number}"));
        }
        let table = shared.table.lock();
        assert!(table.values.len() <= 200 && table.values.capacity() < 1000);
        drop(table);
        for (number, value) in kept.iter().enumerate() {
            assert!(Arc::ptr_eq(value, &shared.share(format!("kept {number}"))));
        }
    }
}
