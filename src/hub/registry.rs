//! Subscribers, indexed by what they ask for.
//!
//! Owns: the index. Promises: finding who matches costs as much as there are matches, plus one
//! test for each distinct template or pattern whose topics begin as this one does, however many
//! subscribers there are; and it can be interrupted. Does not: deliver; it holds a `T` for each
//! subscriber and does not look at it.

use std::{collections::HashMap, sync::Arc, time::Instant};

use indexmap::{IndexMap, IndexSet};
use slotmap::{SlotMap, new_key_type};

use super::prefixes::{ByPrefix, Place};
use crate::{
    slice::{Slice, TEST},
    topic::{Base, Pattern, Selector, Template, Topic},
};

/// What finding a subscriber takes, in bytes that could be read meanwhile.
const FIND: usize = 16;

new_key_type! {
    /// A subscriber's place in a registry. Never used again for another.
    pub struct Key;
}

/// All subscribers of one Broadcaster.
#[derive(Debug)]
pub struct Registry<T> {
    subscribers: SlotMap<Key, Subscriber<T>>,
    all: Askers,
    exact: HashMap<Topic, Askers>,
    templates: ByPrefix<Arc<Template>, Askers>,
    /// A hub has one base; but that is for others to know.
    patterns: IndexMap<Base, ByPrefix<Arc<Pattern>, Askers>>,
    /// Counts the searches: who bears the number has been found.
    searches: u64,
}

#[derive(Debug)]
struct Subscriber<T> {
    selectors: Arc<[Selector]>,
    found_in: u64,
    value: T,
}

/// Those who ask for the same.
#[derive(Debug, Default)]
struct Askers {
    keys: IndexSet<Key>,
    found_in: u64,
}

impl Askers {
    /// Tells whether there are others.
    fn remove(&mut self, key: Key) -> bool {
        self.keys.swap_remove(&key);
        self.keys.is_empty()
    }
}

/// How far the search for those who ask for some topics has come.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    number: u64,
    topic: usize,
    /// 0 for those who name it, 1 for templates, then patterns, base by base.
    step: usize,
    place: Place,
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self {
            subscribers: SlotMap::with_key(),
            all: Askers::default(),
            exact: HashMap::default(),
            templates: ByPrefix::default(),
            patterns: IndexMap::default(),
            searches: 0,
        }
    }
}

impl<T> Registry<T> {
    /// Adds a subscriber.
    pub fn insert(&mut self, selectors: &Arc<[Selector]>, value: T) -> Key {
        let subscriber = Subscriber { selectors: Arc::clone(selectors), found_in: 0, value };
        let key = self.subscribers.insert(subscriber);
        for selector in selectors.iter() {
            let askers = match selector {
                Selector::All => &mut self.all,
                Selector::Exact(topic) => self.exact.entry(topic.clone()).or_default(),
                Selector::Template(template) => self.templates.entry(template.prefix(), template),
                Selector::Pattern(pattern) => {
                    let patterns = self.patterns.entry(pattern.base().clone()).or_default();
                    patterns.entry(pattern.prefix(), pattern)
                }
            };
            askers.keys.insert(key);
        }
        key
    }

    /// Removes a subscriber; `None` where it is not there any more. What nobody asks for goes,
    /// too: topics come and go, and a hub that kept each would grow for ever.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let Subscriber { selectors, value, .. } = self.subscribers.remove(key)?;
        for selector in selectors.iter() {
            match selector {
                Selector::All => {
                    self.all.remove(key);
                }
                Selector::Exact(topic) => {
                    if self.exact.get_mut(topic).is_some_and(|askers| askers.remove(key)) {
                        self.exact.remove(topic);
                    }
                }
                Selector::Template(template) => {
                    let prefix = template.prefix();
                    self.templates.change(prefix, template, |askers| askers.remove(key));
                }
                Selector::Pattern(pattern) => {
                    if let Some(patterns) = self.patterns.get_mut(pattern.base()) {
                        let prefix = pattern.prefix();
                        patterns.change(prefix, pattern, |askers| askers.remove(key));
                        if patterns.is_empty() {
                            self.patterns.swap_remove(pattern.base());
                        }
                    }
                }
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
        let mut search = self.begin_search();
        while !self.search(&mut search, topics, found, &mut Slice::from(Instant::now())) {}
    }

    /// A search that is at its beginning.
    pub fn begin_search(&mut self) -> Search {
        self.searches += 1;
        Search { number: self.searches, topic: 0, step: 0, place: Place::default() }
    }

    /// Goes on with a search. Returns false where the slice was over before the end. Until the
    /// end no subscriber may come or go, the topics have to be the same, and no other search may
    /// begin.
    pub fn search(
        &mut self,
        search: &mut Search,
        topics: &[Topic],
        found: &mut Vec<Key>,
        slice: &mut Slice,
    ) -> bool {
        let number = search.number;
        let subscribers = &mut self.subscribers;
        // Tells how much work it was.
        let mut add = |askers: &mut Askers| {
            if std::mem::replace(&mut askers.found_in, number) == number {
                return 0;
            }
            found.extend(askers.keys.iter().filter(|key| {
                subscribers.get_mut(**key).is_some_and(|subscriber| {
                    std::mem::replace(&mut subscriber.found_in, number) != number
                })
            }));
            askers.keys.len() * FIND
        };
        while let Some(topic) = topics.get(search.topic) {
            let cost = TEST + topic.as_str().len();
            let place = &mut search.place;
            let done = match search.step {
                0 => {
                    let found = add(&mut self.all) + self.exact.get_mut(topic).map_or(0, &mut add);
                    // Whoever stops here finds nothing a second time.
                    !slice.spend(cost + found)
                }
                1 => self.templates.walk(topic.as_str(), place, |template, askers| {
                    let found = if template.matches(topic) { add(askers) } else { 0 };
                    !slice.spend(cost + found)
                }),
                step => match self.patterns.get_index_mut(step - 2) {
                    Some((base, patterns)) => base.resolve(topic).is_none_or(|topic| {
                        patterns.walk(topic.key(), place, |pattern, askers| {
                            let found = if pattern.matches(&topic) { add(askers) } else { 0 };
                            !slice.spend(cost + found)
                        })
                    }),
                    None => {
                        *search = Search { topic: search.topic + 1, step: 0, ..*search };
                        continue;
                    }
                },
            };
            if !done {
                return false;
            }
            search.step += 1;
            search.place = Place::default();
        }
        true
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
