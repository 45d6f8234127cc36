//! What a Broadcaster writes at a time: one or more rounds, and who gets what of them.
//!
//! Owns: their entries, their targets, and who ends after them; first as a draft, which grows while
//! the pass before it is written. Promises: an unbroken run of entries is one piece of one buffer,
//! which is made once for all. Does not: find out who matches.

use std::{ops::Range, sync::Arc, time::Instant};

use bytes::{Bytes, BytesMut};
use smallvec::{SmallVec, smallvec};

use super::{account::End, queue::Limits, registry::Key};
use crate::history::{Entry, Position};

/// A subscriber, with the entries that it gets: runs, in their order, that don't touch.
#[derive(Debug)]
pub struct Target {
    pub key: Key,
    runs: SmallVec<[Range<usize>; 1]>,
}

/// A pass that may still grow.
#[derive(Debug, Default)]
pub struct Draft {
    entries: Vec<Arc<Entry>>,
    bytes: usize,
    /// When its first round began.
    since: Option<Instant>,
    targets: Vec<Target>,
    ends: Vec<(Key, End)>,
}

/// Where a subscriber was put among the targets of the last draft that it is a target of. Whether
/// that is this draft, its target there tells.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mark(u32);

impl Draft {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.ends.is_empty()
    }

    /// Whether this round fits. It always does where there is no other.
    pub fn has_room_for(&self, round: &[Arc<Entry>], limits: Limits) -> bool {
        let bytes: usize = round.iter().map(|entry| entry.frame.len()).sum();
        self.entries.is_empty()
            || (self.entries.len() + round.len() <= limits.events
                && self.bytes + bytes <= limits.bytes)
    }

    /// Adds a round that began then. Returns where it begins in here.
    pub fn add(&mut self, round: &[Arc<Entry>], since: Instant) -> usize {
        self.since.get_or_insert(since);
        let first = self.entries.len();
        self.entries.extend(round.iter().cloned());
        self.bytes += round.iter().map(|entry| entry.frame.len()).sum::<usize>();
        first
    }

    /// Adds a subscriber to those who get these entries. They follow what it gets so far.
    pub fn target(&mut self, key: Key, mark: &mut Mark, run: Range<usize>) {
        let known = self.targets.get_mut(mark.0 as usize).filter(|target| target.key == key);
        let Some(Target { runs, .. }) = known else {
            // A registry has less than 2^32 subscribers (`slotmap`).
            *mark = Mark(u32::try_from(self.targets.len()).unwrap_or(u32::MAX));
            self.targets.push(Target { key, runs: smallvec![run] });
            return;
        };
        match runs.last_mut() {
            Some(last) if last.end == run.start => last.end = run.end,
            _ => runs.push(run),
        }
    }

    /// Has a stream ended after what it gets so far.
    pub fn end(&mut self, key: Key, why: End) {
        self.ends.push((key, why));
    }

    /// Makes a pass of it. What follows is another draft.
    pub fn finish(&mut self) -> Pass {
        let Self { entries, since, targets, ends, .. } = std::mem::take(self);
        // One that nobody gets would tell nothing of how long the writing takes.
        let since = since.filter(|_| !targets.is_empty());
        Pass { since, targets, batch: Batch::new(entries), ends }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Pass {
    /// When the first of its rounds began, until it is written.
    pub since: Option<Instant>,
    /// Those who are still to be served.
    pub targets: Vec<Target>,
    /// Those who end after that.
    pub ends: Vec<(Key, End)>,
    pub batch: Batch,
}

/// The entries of a pass, joined.
#[derive(Debug)]
pub struct Batch {
    entries: Vec<Arc<Entry>>,
    /// All their chunks.
    joined: Bytes,
    /// How much there is up to the end of each.
    ends: Vec<Size>,
}

/// How much there is of something.
#[derive(Debug, Clone, Copy, Default)]
pub struct Size {
    /// Entries.
    pub events: usize,
    /// The bytes of their frames.
    pub frames: usize,
    /// The same with the chunks around them.
    pub chunks: usize,
}

impl Batch {
    fn new(entries: Vec<Arc<Entry>>) -> Self {
        let mut end = Size::default();
        let add = |entry: &Arc<Entry>| {
            end.events += 1;
            end.frames += entry.frame.len();
            end.chunks += entry.frame.chunk().len();
            end
        };
        let ends = entries.iter().map(add).collect();
        let joined = match &*entries {
            [only] => only.frame.chunk().clone(),
            _ => {
                let mut joined = BytesMut::with_capacity(end.chunks);
                for entry in &entries {
                    joined.extend_from_slice(entry.frame.chunk());
                }
                joined.freeze()
            }
        };
        Self { entries, joined, ends }
    }

    /// What a target gets.
    pub fn part<'a>(&'a self, target: &'a Target) -> Part<'a> {
        Part { batch: self, runs: &target.runs, first: 0 }
    }

    /// The sums up to here.
    fn end(&self, index: usize) -> Size {
        index.checked_sub(1).map_or(Size::default(), |last| self.ends[last])
    }
}

/// What one subscriber receives of a pass.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    batch: &'a Batch,
    runs: &'a [Range<usize>],
    /// It has what comes before this.
    first: usize,
}

impl<'a> Part<'a> {
    /// What of it follows this place.
    pub fn after(self, place: Position) -> Self {
        let first = self.batch.entries.partition_point(|entry| entry.position <= place);
        Self { first, ..self }
    }

    fn runs(self) -> impl Iterator<Item = Range<usize>> + 'a {
        let cut = move |run: &Range<usize>| run.start.max(self.first)..run.end;
        self.runs.iter().map(cut).filter(|run| !run.is_empty())
    }

    /// The entries, in their order.
    pub fn entries(self) -> impl Iterator<Item = &'a Arc<Entry>> {
        self.runs().flat_map(move |run| &self.batch.entries[run])
    }

    /// Their chunks.
    pub fn chunks(self) -> impl Iterator<Item = Bytes> + 'a {
        self.entries().map(|entry| entry.frame.chunk().clone())
    }

    /// The same, joined run by run.
    pub fn pieces(self) -> impl Iterator<Item = &'a [u8]> {
        self.runs().map(move |run| {
            let (start, end) = (self.batch.end(run.start), self.batch.end(run.end));
            &self.batch.joined[start.chunks..end.chunks]
        })
    }

    /// The place of the last; `None` where there is nothing.
    pub fn last(self) -> Option<Position> {
        let last = self.runs.last().filter(|run| run.end > self.first)?.end.checked_sub(1)?;
        Some(self.batch.entries[last].position)
    }

    /// How many entries there are, and their bytes.
    pub fn size(self) -> Size {
        self.runs().fold(Size::default(), |sum, run| {
            let (start, end) = (self.batch.end(run.start), self.batch.end(run.end));
            Size {
                events: sum.events + run.len(),
                frames: sum.frames + end.frames - start.frames,
                chunks: sum.chunks + end.chunks - start.chunks,
            }
        })
    }
}
