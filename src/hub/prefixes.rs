//! Selectors that have to be tested one by one, indexed by what the topics that they match begin
//! with.
//!
//! Promises: those that have nothing to do with a topic cost nothing: it takes one look-up for
//! each length of which there is a prefix, and a test for each selector whose prefix the topic
//! has. A walk over them can be interrupted. Does not: know what a selector is.

use std::{collections::HashMap, hash::Hash};

use indexmap::IndexMap;

/// The longest prefix that is told apart: what is longer shares the place of its beginning. So
/// there are at most so many look-ups for a topic, 10 us.
const MAX_PREFIX: usize = 128;

/// Selectors of type `S`, with an `A` for each.
#[derive(Debug)]
pub struct ByPrefix<S, A> {
    groups: HashMap<Box<[u8]>, IndexMap<S, A>>,
    /// How many groups there are for prefixes of each length.
    lengths: [usize; MAX_PREFIX + 1],
}

/// How far a walk has come: this length, and so many of its group.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    length: usize,
    tested: usize,
}

impl<S, A> Default for ByPrefix<S, A> {
    fn default() -> Self {
        Self { groups: HashMap::default(), lengths: [0; MAX_PREFIX + 1] }
    }
}

fn cut(prefix: &str) -> &[u8] {
    &prefix.as_bytes()[..prefix.len().min(MAX_PREFIX)]
}

impl<S: Eq + Hash + Clone, A: Default> ByPrefix<S, A> {
    /// What is kept for this selector.
    pub fn entry(&mut self, prefix: &str, selector: &S) -> &mut A {
        let prefix = cut(prefix);
        if !self.groups.contains_key(prefix) {
            self.lengths[prefix.len()] += 1;
        }
        self.groups.entry(prefix.into()).or_default().entry(selector.clone()).or_default()
    }

    /// Changes what is kept for this selector, and takes the selector away where `change` says
    /// that nothing is.
    pub fn change(&mut self, prefix: &str, selector: &S, change: impl FnOnce(&mut A) -> bool) {
        let prefix = cut(prefix);
        let Some(group) = self.groups.get_mut(prefix) else {
            return;
        };
        if group.get_mut(selector).is_some_and(change) {
            group.swap_remove(selector);
            if group.is_empty() {
                self.groups.remove(prefix);
                self.lengths[prefix.len()] -= 1;
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Shows all selectors whose prefix this text has, from a place on, and moves the place.
    /// Stops, and returns false, when `show` does. What is indexed must not change in between.
    pub fn walk(
        &mut self,
        text: &str,
        place: &mut Place,
        mut show: impl FnMut(&S, &mut A) -> bool,
    ) -> bool {
        while let (Some(prefix), Some(groups)) =
            (text.as_bytes().get(..place.length), self.lengths.get(place.length))
        {
            let group = if *groups > 0 { self.groups.get_mut(prefix) } else { None };
            if let Some(group) = group {
                while let Some((selector, kept)) = group.get_index_mut(place.tested) {
                    place.tested += 1;
                    if !show(selector, kept) {
                        return false;
                    }
                }
            }
            *place = Place { length: place.length + 1, tested: 0 };
        }
        true
    }
}
