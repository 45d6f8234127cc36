//! How long a connection may go on that carries no stream.
//!
//! actix has time-outs for the first head and between requests. It has none for a second head
//! that comes slowly, or for a body that it is still skipping when the answer is out.

use std::{
    future::Future as _,
    pin::Pin,
    task::Context,
    time::{Duration, Instant},
};

use actix_web::rt::time::{Sleep, sleep};

/// How long a client may pause that goes on sending what won't be read. Closing at once would
/// reset the connection under the answer.
pub const LINGER: Duration = Duration::from_secs(1);

/// See the module.
pub struct Clock {
    /// How long nothing may move.
    idle: Duration,
    /// How long what comes between requests may take: the next head, or what is left of a body
    /// that nobody wants.
    head: Duration,
    moved: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl Clock {
    pub fn new(idle: Duration, head: Duration) -> Self {
        Self { idle, head, moved: Instant::now(), alarm: Box::pin(sleep(idle)) }
    }

    /// Something was written.
    pub fn moved(&mut self) {
        self.moved = Instant::now();
    }

    /// Something was read. Returns when the request has to be whole that may begin with it.
    pub fn read(&mut self) -> Instant {
        self.moved = Instant::now();
        self.moved + self.head
    }

    /// The answer is out, and the rest of its request won't be read.
    pub fn linger(&mut self, cx: &mut Context<'_>) {
        self.moved = Instant::now();
        self.idle = LINGER;
        self.alarm.as_mut().reset((self.moved + self.idle).into());
        // For the wake-up: it is not over yet.
        let _ = self.alarm.as_mut().poll(cx);
    }

    /// Whether the time is over, or that of a request which is due. Wakes the task when it is.
    pub fn poll_over(&mut self, due: Option<Instant>, cx: &mut Context<'_>) -> bool {
        let idle = self.moved + self.idle;
        let over = due.map_or(idle, |due| due.min(idle));
        while over > Instant::now() {
            // One that rings too early is set again then: most of the time nothing is to be done.
            if self.alarm.deadline() > over.into() || self.alarm.is_elapsed() {
                self.alarm.as_mut().reset(over.into());
            }
            if self.alarm.as_mut().poll(cx).is_pending() {
                return false;
            }
        }
        true
    }
}
