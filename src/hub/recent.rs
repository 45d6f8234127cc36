//! What was published lately, for the operator.
//!
//! Owns: the topics, ids and times of the newest events, wherever they were published. Promises:
//! bounded memory, however many topics there are. Does not: exist where there is no operator, or
//! keep an event: the history does.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;

use super::Hub;
use crate::{
    event::EventId,
    history::{Entry, Position},
    topic::Topics,
};

/// How many events are remembered, and how much their names may take, in bytes.
const EVENTS: usize = 10_000;
const BYTES: usize = 4 << 20;
/// How many are copied while the next event waits: some 10 us.
const BATCH: usize = 256;

/// What is remembered of an event.
#[derive(Debug, Clone)]
pub struct Glimpse {
    /// What it was published under.
    pub topics: Topics,
    /// When it was published, in milliseconds since 1970.
    pub time: u64,
    position: Position,
    own_id: Option<EventId>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Recent(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    glimpses: VecDeque<Glimpse>,
    bytes: usize,
    forgotten: usize,
}

impl Glimpse {
    /// The id that subscribers saw.
    pub fn id(&self) -> String {
        self.own_id.as_ref().map_or_else(|| self.position.to_string(), |id| id.as_str().to_owned())
    }

    fn cost(&self) -> usize {
        self.topics.iter().map(|topic| topic.as_str().len()).sum()
    }
}

impl Window {
    fn push(&mut self, glimpse: Glimpse) {
        self.bytes += glimpse.cost();
        self.glimpses.push_back(glimpse);
        while (self.glimpses.len() > EVENTS || self.bytes > BYTES)
            && let Some(oldest) = self.glimpses.pop_front()
        {
            self.bytes -= oldest.cost();
            self.forgotten += 1;
        }
    }
}

impl Recent {
    pub fn add(&self, round: &[Arc<Entry>]) {
        let mut window = self.0.lock();
        for entry in round {
            window.push(Glimpse {
                topics: entry.topics.clone(),
                time: entry.time,
                position: entry.position,
                own_id: entry.own_id.clone(),
            });
        }
    }

    fn all(&self) -> (Vec<Glimpse>, bool) {
        let (mut all, mut next) = (Vec::new(), 0);
        loop {
            let window = self.0.lock();
            let from = next.max(window.forgotten) - window.forgotten;
            if from >= window.glimpses.len() {
                return (all, window.forgotten == 0);
            }
            all.extend(window.glimpses.range(from..).take(BATCH).cloned());
            next = window.forgotten + from + BATCH;
        }
    }
}

impl Hub {
    /// The newest events, the oldest of them first, and whether these are all since the start.
    /// Takes milliseconds: for a thread that serves nobody.
    pub fn recent(&self) -> (Vec<Glimpse>, bool) {
        self.0.recent.as_ref().map_or((Vec::new(), true), Recent::all)
    }
}
