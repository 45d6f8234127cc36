//! The bounded queue between a Broadcaster and the stream of one subscriber.
//!
//! Owns: the bound, in frames and in bytes. Promises: pushing never waits. Does not: drop
//! frames; a full queue is the pusher's to handle.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use tokio::sync::mpsc;

use super::account::End;
use crate::{history::Position, sse::Frame};

/// What waits: a frame, and the place of its event. A heartbeat has none.
#[derive(Debug)]
pub struct Queued {
    pub frame: Frame,
    pub position: Option<Position>,
}

/// How much may wait for one subscriber.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Frames.
    pub events: usize,
    /// Bytes, unless a single frame has more.
    pub bytes: usize,
}

/// Why a push was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The queue is full.
    Full,
    /// The stream is gone, for this reason.
    Closed(End),
}

/// Its body stream has been dropped: the client has left, unless another reason is in its account.
const CLOSED: Refused = Refused::Closed(End::Left);

/// The Broadcaster's end. Dropping it ends the stream after what is queued.
#[derive(Debug)]
pub struct Sender {
    frames: mpsc::Sender<Queued>,
    waiting: Arc<AtomicUsize>,
    max_bytes: usize,
}

/// The stream's end.
#[derive(Debug)]
pub struct Receiver {
    frames: mpsc::Receiver<Queued>,
    /// Bytes in the queue.
    waiting: Arc<AtomicUsize>,
}

pub fn queue(limits: Limits) -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::channel(limits.events);
    let waiting = Arc::default();
    (
        Sender { frames: sender, waiting: Arc::clone(&waiting), max_bytes: limits.bytes },
        Receiver { frames: receiver, waiting },
    )
}

impl Sender {
    /// An empty queue takes a frame of any size, so that a large event can be delivered at all.
    pub fn push(&self, frame: Frame, position: Option<Position>) -> Result<(), Refused> {
        let waiting = self.waiting.load(Relaxed);
        if waiting > 0 && waiting + frame.len() > self.max_bytes {
            return Err(if self.frames.is_closed() { CLOSED } else { Refused::Full });
        }
        let bytes = frame.len();
        self.frames.try_send(Queued { frame, position }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::Full,
            mpsc::error::TrySendError::Closed(_) => CLOSED,
        })?;
        self.waiting.fetch_add(bytes, Relaxed);
        Ok(())
    }

    /// How many frames wait, and their bytes.
    pub fn waiting(&self) -> (usize, usize) {
        let frames = self.frames.max_capacity() - self.frames.capacity();
        (frames, self.waiting.load(Relaxed))
    }
}

impl Receiver {
    /// The next frame; `None` once the Broadcaster has let go and the queue is empty.
    pub async fn next(&mut self) -> Option<Queued> {
        let queued = self.frames.recv().await?;
        self.waiting.fetch_sub(queued.frame.len(), Relaxed);
        Some(queued)
    }

    /// Whether nothing waits, and the Broadcaster still holds the other end.
    pub fn is_settled(&self) -> bool {
        self.frames.is_empty() && !self.frames.is_closed()
    }

    /// All that waits.
    pub fn take_all(&mut self) -> Vec<Queued> {
        std::iter::from_fn(|| self.frames.try_recv().ok()).collect()
    }
}
