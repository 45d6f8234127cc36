//! A subscriber that receives events as they come.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    account::{Account, End},
    pass::{Mark, Part},
    queue::{Limits, Refused, Sender},
    socket_sink::SocketSink,
    tally::Tally,
    terms::Deadline,
};
use crate::sse::Frame;

/// A Broadcaster's view of it.
pub struct Live {
    pub sink: Sink,
    pub account: Arc<Account>,
    deadline: Option<Deadline>,
    /// The silence after which it gets a heartbeat: its own, so that one event for 20,000
    /// subscribers isn't followed by 20,000 heartbeats at once.
    heartbeat: Duration,
    last_write: Instant,
    /// The last draft that it is a target of.
    pub mark: Mark,
}

/// Where its frames go.
pub enum Sink {
    /// To a body stream, which passes them on.
    Queue(Sender),
    /// To the kernel.
    Socket(SocketSink),
}

/// What a look at a subscriber finds.
pub enum Look {
    /// Its time is over.
    Over(End),
    /// It takes nothing.
    Refused(Refused),
    /// It is well. Look again after this time.
    Again(Duration),
}

impl Live {
    pub fn new(
        sink: Sink,
        account: Arc<Account>,
        deadline: Option<Deadline>,
        heartbeat: Duration,
    ) -> Self {
        let heartbeat = heartbeat.mul_f64(0.9 + 0.1 * fastrand::f64());
        Self {
            sink,
            account,
            deadline,
            heartbeat,
            last_write: Instant::now(),
            mark: Mark::default(),
        }
    }

    /// Sends it its part of a pass, and counts that.
    pub fn send(
        &mut self,
        part: Part<'_>,
        limits: Limits,
        now: Instant,
        tally: &mut Tally,
    ) -> Result<(), Refused> {
        match &mut self.sink {
            Sink::Queue(queue) => {
                for entry in part.entries() {
                    queue.push(entry.frame.clone(), Some(entry.position))?;
                    tally.sent(1, entry.frame.len());
                }
            }
            Sink::Socket(socket) => {
                let size = socket.send(part, limits)?;
                tally.sent(size.events, size.frames);
            }
        }
        self.last_write = now;
        Ok(())
    }

    /// Sends it a frame of the hub's own.
    pub fn tell(&mut self, frame: &Frame, limits: Limits, now: Instant) -> Result<(), Refused> {
        match &mut self.sink {
            Sink::Queue(queue) => queue.push(frame.clone(), None)?,
            Sink::Socket(socket) => socket.send_control(frame.chunk(), limits)?,
        }
        self.last_write = now;
        Ok(())
    }

    /// How many frames wait for it, and their bytes.
    pub fn waiting(&self) -> (usize, usize) {
        match &self.sink {
            Sink::Queue(queue) => queue.waiting(),
            Sink::Socket(socket) => socket.waiting(),
        }
    }

    /// Beats its heart if it was silent for too long.
    pub fn look(&mut self, limits: Limits, now: Instant) -> Look {
        if let Some(deadline) = self.deadline.filter(|deadline| deadline.is_over(now)) {
            return Look::Over(deadline.why);
        }
        if now.duration_since(self.last_write) >= self.heartbeat
            && let Err(refused) = self.tell(&Frame::heartbeat(), limits, now)
        {
            return Look::Refused(refused);
        }
        Look::Again(self.next_look(now))
    }

    /// When it has to be looked at.
    pub fn next_look(&self, now: Instant) -> Duration {
        let silent = self.last_write + self.heartbeat;
        let next = self.deadline.map_or(silent, |deadline| deadline.at.min(silent));
        next.saturating_duration_since(now)
    }
}
