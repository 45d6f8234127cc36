//! What is still to be told.
//!
//! Promises: bounded in number and bytes; whoever tells something is never held up. The order is
//! that in which it was told. What finds no room is counted, and an event in its place says how
//! much that was. Does not: know where it goes.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant, SystemTime},
};

use parking_lot::{Condvar, Mutex};

use super::{
    Counts,
    event::{Event, Subscriber, Wanted, What},
};
use crate::topic::Topic;

/// The most bytes that wait, whatever the selectors are.
const MOST_BYTES: usize = 32 << 20;

/// The most events that are told together, and bytes of them, unless one alone has more.
const TOGETHER: usize = 100;
const TOGETHER_BYTES: usize = 256 << 10;

/// See the module.
pub struct Queue {
    wanted: Wanted,
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    bytes: usize,
    /// How many are being told.
    in_hand: u64,
    /// How many have found no room since the last that did.
    without_room: u64,
    /// How many were taken that could not be told: before all that waits.
    untold: u64,
    /// How many streams there are of each selector, where that is wanted.
    topics: HashMap<Topic, usize>,
    counts: Counts,
    /// When everything has to be told.
    closes: Option<Instant>,
    is_told: bool,
}

impl Queue {
    pub fn new(wanted: Wanted, most: usize) -> Self {
        Self { wanted, most, state: Mutex::default(), changed: Condvar::new() }
    }

    /// A stream begins.
    pub fn begin(&self, subscriber: &Subscriber) {
        let mut state = self.state.lock();
        if self.wanted.subscribe {
            state.push(self.most, What::Subscribe(subscriber.clone()));
        }
        if self.wanted.topics() {
            for selector in subscriber.selectors.iter() {
                let topic = selector.text();
                let streams = state.topics.entry(topic.clone()).or_default();
                *streams += 1;
                if *streams == 1 && self.wanted.occupied {
                    state.push(self.most, What::Occupied(topic));
                }
            }
        }
        self.changed.notify_all();
    }

    /// A stream has ended.
    pub fn end(&self, subscriber: &Subscriber, why: &'static str) {
        let mut state = self.state.lock();
        if self.wanted.unsubscribe {
            state.push(self.most, What::Unsubscribe(subscriber.clone(), why));
        }
        if self.wanted.topics() {
            for selector in subscriber.selectors.iter() {
                let topic = selector.text();
                let Some(streams) = state.topics.get_mut(&topic) else { continue };
                *streams -= 1;
                if *streams == 0 {
                    state.topics.remove(&topic);
                    if self.wanted.empty {
                        state.push(self.most, What::Empty(topic));
                    }
                }
            }
        }
        self.changed.notify_all();
    }

    /// Waits for events. `None` once it is closed, and there are no more.
    pub fn take(&self) -> Option<Vec<Event>> {
        let mut state = self.state.lock();
        while state.events.is_empty() {
            if state.closes.is_some() {
                state.is_told = true;
                self.changed.notify_all();
                return None;
            }
            self.changed.wait(&mut state);
        }
        let mut taken = Vec::new();
        if state.untold > 0 {
            taken.push(Event::now(What::Lost(std::mem::take(&mut state.untold))));
        }
        let mut bytes = 0;
        while taken.len() < TOGETHER
            && let Some(next) = state.events.front()
            && (bytes == 0 || bytes + next.weight() <= TOGETHER_BYTES)
            && let Some(next) = state.events.pop_front()
        {
            bytes += next.weight();
            taken.push(next);
        }
        state.bytes -= bytes;
        state.in_hand = taken.iter().map(Event::count).sum();
        Some(taken)
    }

    /// These were told.
    pub fn told(&self, events: &[Event]) {
        let news = events.iter().filter(|event| !matches!(event.what, What::Lost(_)));
        let mut state = self.state.lock();
        state.counts.told += news.count() as u64;
        state.in_hand = 0;
    }

    /// These could not be told. The next that can say so.
    pub fn give_up(&self, events: &[Event]) {
        let mut state = self.state.lock();
        let news = events.iter().filter(|event| !matches!(event.what, What::Lost(_)));
        state.counts.given_up += news.count() as u64;
        state.untold += std::mem::take(&mut state.in_hand);
    }

    /// Waits, and not longer than until it is closed.
    pub fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.state.lock();
        while state.closes.is_none() && !self.changed.wait_until(&mut state, until).timed_out() {}
    }

    /// When everything has to be told, once it is closed.
    pub fn closes(&self) -> Option<Instant> {
        self.state.lock().closes
    }

    /// Has what waits told until then, and waits for it. Returns how many events are left.
    pub fn close(&self, until: Instant) -> u64 {
        let mut state = self.state.lock();
        state.closes = Some(until);
        self.changed.notify_all();
        while !state.is_told && !self.changed.wait_until(&mut state, until).timed_out() {}
        state.events.iter().map(Event::count).sum::<u64>() + state.in_hand + state.untold
    }

    pub fn counts(&self) -> Counts {
        let state = self.state.lock();
        Counts { queued: state.events.len(), ..state.counts }
    }
}

impl State {
    fn push(&mut self, most: usize, what: What) {
        let event = Event::now(what);
        let weight = event.weight();
        if self.events.len() >= most || self.bytes + weight > MOST_BYTES {
            self.without_room += 1;
            self.counts.without_room += 1;
            return;
        }
        if self.without_room > 0 {
            let lost = Event::now(What::Lost(std::mem::take(&mut self.without_room)));
            self.bytes += lost.weight();
            self.events.push_back(lost);
        }
        self.bytes += weight;
        self.events.push_back(event);
    }
}

impl Event {
    fn now(what: What) -> Self {
        Self { at: SystemTime::now(), what }
    }
}
