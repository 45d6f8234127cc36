//! What is delivered at a time.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::history::Entry;

/// One or more entries in their order, the same for all Broadcasters.
#[derive(Debug)]
pub struct Round {
    entries: Vec<Arc<Entry>>,
    /// All their chunks, for whoever receives all of them: one write in place of many.
    joined: Bytes,
    /// The bytes of all their frames, without the chunks around them.
    bytes: usize,
    /// All have the same topics, and are all private or none; and so have the same subscribers.
    uniform: bool,
}

impl Round {
    pub fn new(entries: Vec<Arc<Entry>>) -> Self {
        let joined = match &*entries {
            [only] => only.frame.chunk().clone(),
            _ => {
                let length = entries.iter().map(|entry| entry.frame.chunk().len()).sum();
                let mut joined = BytesMut::with_capacity(length);
                for entry in &entries {
                    joined.extend_from_slice(entry.frame.chunk());
                }
                joined.freeze()
            }
        };
        let bytes = entries.iter().map(|entry| entry.frame.len()).sum();
        let alike = |a: &Entry, b: &Entry| a.topics == b.topics && a.private == b.private;
        let uniform = entries.windows(2).all(|pair| alike(&pair[0], &pair[1]));
        Self { entries, joined, bytes, uniform }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn get(&self, index: usize) -> &Arc<Entry> {
        &self.entries[index]
    }

    pub fn last(&self) -> Option<&Arc<Entry>> {
        self.entries.last()
    }

    pub fn is_uniform(&self) -> bool {
        self.uniform
    }

    /// All of it, for one who receives all.
    pub fn whole(&self) -> Part<'_> {
        Part { round: self, indexes: None }
    }

    /// Some of it. The indexes are in order.
    pub fn part<'a>(&'a self, indexes: &'a [usize]) -> Part<'a> {
        Part { round: self, indexes: (indexes.len() < self.len()).then_some(indexes) }
    }
}

/// What one subscriber receives of a round.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    round: &'a Round,
    /// `None`: everything.
    indexes: Option<&'a [usize]>,
}

impl<'a> Part<'a> {
    /// The entries, in their order.
    pub fn entries(self) -> impl Iterator<Item = &'a Arc<Entry>> {
        let (round, indexes) = (self.round, self.indexes);
        (0..self.len()).map(move |at| round.get(indexes.map_or(at, |indexes| indexes[at])))
    }

    pub fn len(self) -> usize {
        self.indexes.map_or(self.round.len(), <[usize]>::len)
    }

    /// All chunks as one, where that costs no copy.
    pub fn joined(self) -> Option<&'a Bytes> {
        match self.indexes {
            None => Some(&self.round.joined),
            Some([only]) => Some(self.round.get(*only).frame.chunk()),
            Some(_) => None,
        }
    }

    /// The bytes of all frames.
    pub fn bytes(self) -> usize {
        match self.indexes {
            None => self.round.bytes,
            Some(_) => self.entries().map(|entry| entry.frame.len()).sum(),
        }
    }
}
