//! What has been published and is not shown yet.
//!
//! Owns: each event from its publisher's hand to the place in the log where the follower finds it,
//! and the time until when its publisher has to be answered. Promises: publishers never wait here;
//! it is bounded; none is answered twice. Where a connection breaks, its events are sent again, and
//! in the log once. One whose time is over before is refused; it may still appear in the log.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::Notify;

use crate::{
    event::Event,
    history::{
        Earlier, Handed, Key, Keyed, Parcel, Receipt, StorageError, disk::record, later, limits,
    },
};

/// How long a publisher may wait for its answer, in all: clients wait two seconds.
const PATIENCE: Duration = Duration::from_millis(1500);

/// How much may wait: some seconds of publishing at full speed.
const MAX_EVENTS: usize = 65_536;
const MAX_BYTES: usize = 64 << 20;

/// How much is appended at a time: a script holds up the whole server.
const BATCH_EVENTS: usize = 256;
const BATCH_BYTES: usize = 1 << 20;

pub struct Waiting {
    pub number: u64,
    pub event: Event,
    pub record: Vec<u8>,
    pub time: u64,
    pub receipt: Receipt,
    /// Whether what comes next belongs to the same parcel. All of a parcel are due at the same time.
    goes_on: bool,
    /// The parcel's key and its size, where it begins.
    keyed: Option<(Box<Keyed>, usize)>,
    /// When it gets its place, if not now.
    later: Option<u64>,
    due: Instant,
}

/// What the writer sends of it.
#[derive(Default)]
pub struct Batch {
    /// Numbers, when they are due if not now, and records.
    pub events: Vec<(u64, Option<u64>, Vec<u8>)>,
    /// Where parcels with keys begin, and how large they are.
    pub keys: Vec<(u64, usize, Key)>,
}

impl Batch {
    /// The events of the parcel that begins with this number.
    pub fn parcel(
        &self,
        number: u64,
        size: usize,
    ) -> impl Iterator<Item = &(u64, Option<u64>, Vec<u8>)> {
        self.events.iter().skip_while(move |(at, ..)| *at < number).take(size)
    }
}

#[derive(Default)]
pub struct Pending {
    state: Mutex<State>,
    /// Something is to be written, or all is done.
    changed: Notify,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Waiting>,
    sent: BTreeMap<u64, Waiting>,
    bytes: usize,
    next: u64,
    /// Since when nothing can be written.
    away: Option<Instant>,
    closed: bool,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

impl Pending {
    /// Takes a parcel, or refuses it.
    pub fn push(&self, parcel: Parcel, keyed: Option<Box<Keyed>>) {
        let mut keyed = keyed.map(|keyed| (keyed, parcel.len()));
        let time = limits::now();
        let last = parcel.len().saturating_sub(1);
        let encode = |handed: Handed| (record::encode(&handed.event, time), handed);
        // Outside the lock: there may be a thousand.
        let parcel: SmallVec<[_; 1]> = parcel.into_iter().map(encode).collect();
        let now = Instant::now();
        let mut state = self.state.lock();
        let full = state.queue.len() + state.sent.len() >= MAX_EVENTS || state.bytes >= MAX_BYTES;
        let refusal = match state.away {
            _ if state.closed => Some(StorageError::Failed),
            Some(since) if now >= since + PATIENCE => Some(StorageError::Away),
            _ if full => Some(StorageError::Busy),
            _ => None,
        };
        if let Some(error) = refusal {
            drop(state);
            for (_, Handed { receipt, .. }) in parcel {
                // A publisher that has left does not need it.
                let _ = receipt.send(Err(error));
            }
            return;
        }
        let due = state.away.unwrap_or(now) + PATIENCE;
        for (at, (record, handed)) in parcel.into_iter().enumerate() {
            let Handed { event, due: later, receipt } = handed;
            let number = state.next;
            state.next += 1;
            state.bytes += record.len();
            let goes_on = at < last;
            let keyed = keyed.take();
            let waiting =
                Waiting { number, event, record, time, receipt, goes_on, keyed, later, due };
            state.queue.push_back(waiting);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Waits until there is something to write. It counts as sent from now on.
    pub async fn next(&self) -> Batch {
        loop {
            let batch = self.take();
            if !batch.events.is_empty() {
                return batch;
            }
            self.changed.notified().await;
        }
    }

    fn take(&self) -> Batch {
        let mut state = self.state.lock();
        let mut batch = Batch::default();
        let (mut bytes, mut begun) = (0, false);
        // A parcel is one script call, however large it is.
        while (begun || (batch.events.len() < BATCH_EVENTS && bytes < BATCH_BYTES))
            && let Some(next) = state.queue.pop_front()
        {
            bytes += next.record.len();
            begun = next.goes_on;
            batch.events.push((next.number, next.later, next.record.clone()));
            if let Some((keyed, size)) = &next.keyed {
                batch.keys.push((next.number, *size, keyed.key.clone()));
            }
            state.sent.insert(next.number, next);
        }
        batch
    }

    /// Puts back what was sent, and has not been appended.
    pub fn put_back(&self, batch: &Batch) {
        let mut state = self.state.lock();
        for (number, ..) in batch.events.iter().rev() {
            if let Some(waiting) = state.sent.remove(number) {
                state.queue.push_front(waiting);
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Refuses what was sent, and has not been appended.
    pub fn refuse(&self, batch: &Batch, error: StorageError) {
        for (number, ..) in &batch.events {
            self.give_up(*number, error);
        }
    }

    fn give_up(&self, number: u64, error: StorageError) {
        if let Some(waiting) = self.found(number) {
            // A publisher that has left does not need it.
            let _ = waiting.receipt.send(Err(error));
        }
    }

    /// Refuses the parcels of a batch that have no room to wait, and puts back what follows the first.
    /// The batch keeps what is before it.
    pub fn crowd(&self, batch: &mut Batch, crowded: &[u64]) {
        let Some(first) = crowded.first() else { return };
        for (number, size, _) in batch.keys.iter().filter(|(at, ..)| crowded.contains(at)) {
            for (number, ..) in batch.parcel(*number, *size) {
                self.give_up(*number, StorageError::Crowded);
            }
        }
        let at = batch.events.partition_point(|(number, ..)| number < first);
        let events = batch.events.split_off(at);
        self.put_back(&Batch { events, keys: Vec::new() });
    }

    /// A parcel that was sent, and had been published before.
    pub fn known(&self, number: u64, earlier: Earlier) {
        let Some(Waiting { keyed: Some((keyed, size)), receipt, .. }) = self.found(number) else {
            return;
        };
        // A publisher that has left does not need it.
        let _ = keyed.earlier.send(earlier);
        drop(receipt);
        for next in (number + 1..).take(size - 1) {
            self.found(next);
        }
    }

    /// Those of a batch that are kept for later.
    pub fn wait(&self, batch: &Batch) {
        for (number, ..) in batch.events.iter().filter(|(_, later, _)| later.is_some()) {
            if let Some(Waiting { event, receipt, .. }) = self.found(*number) {
                // A publisher that has left does not need it.
                let _ = receipt.send(Ok(later::kept(event)));
            }
        }
    }

    /// One that was sent, and is in the log.
    pub fn found(&self, number: u64) -> Option<Waiting> {
        let mut state = self.state.lock();
        let found = state.sent.remove(&number).or_else(|| {
            // It was put back, as its connection had broken.
            let at = state.queue.binary_search_by_key(&number, |waiting| waiting.number).ok()?;
            state.queue.remove(at)
        })?;
        state.bytes -= found.record.len();
        Some(found)
    }

    /// Nothing can be written since then.
    pub fn go_away(&self, since: Instant) {
        self.state.lock().away = Some(since);
    }

    pub fn come_back(&self) {
        self.state.lock().away = None;
    }

    pub fn is_away(&self) -> bool {
        self.state.lock().away.is_some()
    }

    /// Refuses those whose time is over.
    pub fn expire(&self) {
        let now = Instant::now();
        let mut over = Vec::new();
        {
            let state = &mut *self.state.lock();
            // While it is away, the time of later ones may be over first.
            let due = |waiting: &Waiting| {
                waiting.due.min(state.away.map_or(waiting.due, |since| since + PATIENCE)) <= now
            };
            while state.queue.front().is_some_and(due) {
                over.extend(state.queue.pop_front());
            }
            while state.sent.first_key_value().is_some_and(|(_, waiting)| due(waiting)) {
                over.extend(state.sent.pop_first().map(|(_, waiting)| waiting));
            }
            state.bytes -= over.iter().map(|waiting| waiting.record.len()).sum::<usize>();
        }
        for waiting in over {
            let _ = waiting.receipt.send(Err(StorageError::Away));
        }
    }

    /// Takes no more. What waits is still written.
    pub fn close(&self) {
        self.state.lock().closed = true;
    }

    /// Whether it is closed, and nobody waits.
    pub fn is_done(&self) -> bool {
        let state = self.state.lock();
        state.closed && state.queue.is_empty() && state.sent.is_empty()
    }
}
