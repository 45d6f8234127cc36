//! One round: events are published, and their deliveries waited for.
//!
//! Owns: when a round is over. Promises: it waits until all that was published has arrived
//! everywhere, or nothing arrives any more; and always ends.

use std::{
    io,
    sync::mpsc::RecvTimeoutError,
    thread,
    time::{Duration, Instant},
};

use super::{
    TICK,
    interrupt::Interrupt,
    mark::{Clock, nanoseconds},
    progress::Progress,
    publishers::{self, Plan, Published},
    reader::Tally,
    subscribers::Subscribers,
    target::Target,
};

/// How long nothing may arrive until what is missing counts as lost; also how long deliveries may go
/// on where the user has ended the round.
const SILENCE: Duration = Duration::from_secs(3);
/// How long deliveries may go on after the last event.
const MAX_SETTLING: Duration = Duration::from_secs(60);
/// How long it waits for what should not come, after all has come that should.
const GRACE: Duration = Duration::from_millis(100);

/// What a round has shown.
pub struct Round {
    pub published: Published,
    /// How many deliveries there should be.
    pub expected: u64,
    pub tally: Tally,
}

/// Publishes as planned, and waits.
pub fn run(
    target: &Target,
    subscribers: &Subscribers,
    plan: Plan,
    clock: Clock,
    interrupt: &Interrupt,
    what: &str,
) -> io::Result<Round> {
    let open = subscribers.begin(plan.round, plan.publishers.into());
    let published = publish(target, plan, clock, interrupt, what)?;
    let expected = open.iter().zip(&published.by_topic).map(|(open, events)| open * events).sum();
    settle(subscribers, expected, interrupt);
    Ok(Round { published, expected, tally: subscribers.tell() })
}

fn publish(
    target: &Target,
    plan: Plan,
    clock: Clock,
    interrupt: &Interrupt,
    what: &str,
) -> io::Result<Published> {
    let seconds = plan.duration.as_secs_f64();
    let progress = Progress::begin(&format!("{what}, {seconds} s"), nanoseconds(plan.duration));
    let begun = Instant::now();
    let publishing = publishers::start(target, plan, clock)?;
    loop {
        match publishing.result.recv_timeout(TICK) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("the thread of the publishers has died"));
            }
            Err(RecvTimeoutError::Timeout) if interrupt.is_set() => publishing.stop(),
            Err(RecvTimeoutError::Timeout) => progress.at(nanoseconds(begun.elapsed())),
        }
    }
}

fn settle(subscribers: &Subscribers, expected: u64, interrupt: &Interrupt) {
    let begun = Instant::now();
    let mut last = (subscribers.received(), begun);
    while last.0 < expected && last.1.elapsed() < SILENCE {
        // What was published before Ctrl-C and is on its way is not lost.
        if begun.elapsed() >= if interrupt.is_set() { SILENCE } else { MAX_SETTLING } {
            return;
        }
        thread::park_timeout(TICK);
        let received = subscribers.received();
        if received != last.0 {
            last = (received, Instant::now());
        }
    }
    thread::park_timeout(GRACE);
}
