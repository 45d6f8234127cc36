//! Telling another program who comes and who goes, by webhooks.
//!
//! Owns: what is told, the queue of it, and the thread that tells it. Promises: no stream is ever
//! delayed, whatever the receiver does; memory is bounded; what is lost is counted, and the receiver is
//! told so. Does not: know what a stream is; the hub says when one begins and ends.

use std::{
    fmt, io,
    sync::Arc,
    time::{Duration, Instant},
};

mod endpoint;
mod event;
mod key;
mod messenger;
mod queue;

pub use endpoint::Endpoint;
pub use event::{Subscriber, Wanted};
pub use key::SigningKey;

use messenger::Messenger;
use queue::Queue;

/// What hooks are told to hold to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where they are sent.
    pub endpoint: Endpoint,
    /// What signs them.
    pub key: SigningKey,
    /// Which events are told.
    pub wanted: Wanted,
    /// The most events that wait.
    pub queue: usize,
    /// How long a request may take.
    pub time_out: Duration,
    /// How often a request is made at the most.
    pub attempts: u32,
}

/// What became of the events so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// The receiver has taken them.
    pub told: u64,
    /// There was no room for them.
    pub without_room: u64,
    /// The receiver has refused them, or has failed for too long.
    pub given_up: u64,
    /// They wait.
    pub queued: usize,
}

/// See the module. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Hooks(Arc<Queue>);

impl Hooks {
    /// Starts the thread, which ends with the process, or when they are closed.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(settings.wanted, settings.queue));
        let messenger = Messenger::new(settings, Arc::clone(&queue));
        std::thread::Builder::new().name("hooks".to_owned()).spawn(move || messenger.run())?;
        Ok(Self(queue))
    }

    /// A stream begins.
    pub fn begin(&self, subscriber: &Subscriber) {
        self.0.begin(subscriber);
    }

    /// A stream has ended, for this reason.
    pub fn end(&self, subscriber: &Subscriber, why: &'static str) {
        self.0.end(subscriber, why);
    }

    /// What became of the events.
    pub fn counts(&self) -> Counts {
        self.0.counts()
    }

    /// Has what waits told, each with one attempt, and takes so long for it at the most. Blocks.
    pub fn close(&self, patience: Duration) {
        let left = self.0.close(Instant::now() + patience);
        if left > 0 {
            log::warn!("{left} hook events are not told: the hub stops");
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hooks").finish_non_exhaustive()
    }
}
