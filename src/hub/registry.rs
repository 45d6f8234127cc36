//! Subscribers, indexed by what they ask for.
//!
//! Owns: the index. Promises: finding who matches costs as much as there are matches, plus one
//! test for each distinct template, however many subscribers there are. Does not: deliver; it
//! holds a `T` for each subscriber and does not look at it.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use indexmap::IndexSet;
use slotmap::{SlotMap, new_key_type};

use crate::topic::{Selector, Template, Topic};

new_key_type! {
    /// A subscriber's place in a registry. Never used again for another.
    pub struct Key;
}

/// All subscribers of one Broadcaster.
#[derive(Debug)]
pub struct Registry<T> {
    subscribers: SlotMap<Key, Subscriber<T>>,
    all: IndexSet<Key>,
    exact: HashMap<Topic, IndexSet<Key>>,
    templates: HashMap<Arc<Template>, IndexSet<Key>>,
    /// Counts the calls of `matching`: a subscriber that bears the number has been found.
    search: u64,
}

#[derive(Debug)]
struct Subscriber<T> {
    selectors: Arc<[Selector]>,
    found_in: u64,
    value: T,
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self {
            subscribers: SlotMap::with_key(),
            all: IndexSet::default(),
            exact: HashMap::default(),
            templates: HashMap::default(),
            search: 0,
        }
    }
}

impl<T> Registry<T> {
    /// Adds a subscriber.
    pub fn insert(&mut self, selectors: &Arc<[Selector]>, value: T) -> Key {
        let subscriber = Subscriber { selectors: Arc::clone(selectors), found_in: 0, value };
        let key = self.subscribers.insert(subscriber);
        for selector in selectors.iter() {
            match selector {
                Selector::All => self.all.insert(key),
                Selector::Exact(topic) => self.exact.entry(topic.clone()).or_default().insert(key),
                Selector::Template(template) => {
                    self.templates.entry(Arc::clone(template)).or_default().insert(key)
                }
            };
        }
        key
    }

    /// Removes a subscriber; `None` where it is not there any more.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let Subscriber { selectors, value, .. } = self.subscribers.remove(key)?;
        for selector in selectors.iter() {
            match selector {
                Selector::All => {
                    self.all.swap_remove(&key);
                }
                Selector::Exact(topic) => take_from(&mut self.exact, topic, key),
                Selector::Template(template) => take_from(&mut self.templates, template, key),
            }
        }
        Some(value)
    }

    /// The subscriber with this key.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.subscribers.get_mut(key).map(|subscriber| &mut subscriber.value)
    }

    /// Appends to `found` everyone who asks for at least one of these topics, each once.
    pub fn matching(&mut self, topics: &[Topic], found: &mut Vec<Key>) {
        self.search += 1;
        let search = self.search;
        let subscribers = &mut self.subscribers;
        let mut add = |set: &IndexSet<Key>| {
            found.extend(set.iter().filter(|key| {
                subscribers.get_mut(**key).is_some_and(|subscriber| {
                    std::mem::replace(&mut subscriber.found_in, search) != search
                })
            }));
        };
        add(&self.all);
        topics.iter().filter_map(|topic| self.exact.get(topic)).for_each(&mut add);
        for (template, set) in &self.templates {
            let wanted = |topic: &Topic| {
                topic.as_str() == template.as_str() || template.matches(topic.as_str())
            };
            if topics.iter().any(wanted) {
                add(set);
            }
        }
    }

    /// All subscribers.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.subscribers.values().map(|subscriber| &subscriber.value)
    }

    /// Any `count` subscribers, or all where there are fewer.
    pub fn some(&self, count: usize) -> Vec<Key> {
        self.subscribers.keys().take(count).collect()
    }

    /// How many subscribers there are.
    pub fn len(&self) -> usize {
        self.subscribers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }
}

/// Takes a subscriber out of one set, and the set away when it is empty: topics come and go, and
/// a hub that kept each name would grow for ever.
fn take_from<K: Eq + Hash>(index: &mut HashMap<K, IndexSet<Key>>, selector: &K, key: Key) {
    if let Some(set) = index.get_mut(selector) {
        set.swap_remove(&key);
        if set.is_empty() {
            index.remove(selector);
        }
    }
}
