//! What has been read from the file lately, so that many who return together read it once.
//!
//! They ask from different places, but read on in steps: from the end of a run that is here they
//! all go the same way.

use std::{collections::BTreeMap, sync::Arc};

use crate::history::{Entry, Limits, ring};

/// How much is kept here, in bytes of memory: some 50 steps of a replay.
const MAX_BYTES: usize = 16 << 20;

#[derive(Debug, Default)]
pub struct Runs {
    /// By the sequence before the first entry.
    by_place: BTreeMap<u64, Run>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Run {
    entries: Vec<Arc<Entry>>,
    bytes: usize,
    used: u64,
}

impl Runs {
    /// The entries that follow this sequence, up to and with another, if they are here.
    pub fn get(&mut self, after: u64, up_to: u64, limits: Limits) -> Option<Vec<Arc<Entry>>> {
        let (before, run) = self.by_place.range_mut(..=after).next_back()?;
        let skip = usize::try_from(after - before).ok()?;
        let asked = run.entries.get(skip..).filter(|rest| !rest.is_empty())?;
        self.clock += 1;
        run.used = self.clock;
        Some(limits.first_of(asked.iter().take_while(|entry| entry.position.sequence <= up_to)))
    }

    /// Keeps a run that follows this sequence without a hole.
    pub fn put(&mut self, after: u64, entries: &[Arc<Entry>]) {
        let follows = entries.first().is_some_and(|first| first.position.sequence == after + 1);
        let bytes: usize = entries.iter().map(|entry| ring::cost(entry)).sum();
        // A single entry is no step of a replay.
        if !follows || entries.len() == 1 || bytes > MAX_BYTES / 2 {
            return;
        }
        self.clock += 1;
        let run = Run { entries: entries.to_vec(), bytes, used: self.clock };
        self.bytes += bytes;
        let replaced = self.by_place.insert(after, run);
        self.bytes -= replaced.map_or(0, |replaced| replaced.bytes);
        while self.bytes > MAX_BYTES {
            let Some(oldest) = self.by_place.iter().min_by_key(|(_, run)| run.used) else { break };
            let key = *oldest.0;
            self.bytes -= self.by_place.remove(&key).map_or(0, |run| run.bytes);
        }
    }
}
