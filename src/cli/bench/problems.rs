//! What went wrong in a run, by how a user would name it.
//!
//! Promises: it stays short, also where a hub words each refusal differently.

use std::collections::BTreeMap;

use serde::Serialize;

/// How many are named.
const NAMED: usize = 10;

/// How often something went wrong, by what it was.
#[derive(Debug, Default, Clone, Serialize)]
#[serde(transparent)]
pub struct Problems(BTreeMap<String, u64>);

impl Problems {
    pub fn add(&mut self, what: String, count: u64) {
        let named = self.0.len() < NAMED || self.0.contains_key(&what);
        let what = if named { what } else { "others".to_owned() };
        *self.0.entry(what).or_default() += count;
    }

    /// Each named as this has it.
    pub fn reworded(self, reword: impl Fn(String) -> String) -> Self {
        Self(self.0.into_iter().map(|(what, count)| (reword(what), count)).collect())
    }

    /// Adds others, each named with this before it.
    pub fn extend(&mut self, before: &str, others: Self) {
        for (what, count) in others.0 {
            self.add(format!("{before}{what}"), count);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(what, count)| (&**what, *count))
    }
}
