//! All subscribers: threads that hold streams, as one thing.
//!
//! Promises: every question is asked of all threads, and answered when all have answered. Does
//! not: read (`reader`).

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use super::{
    TICK,
    mark::Clock,
    problems::Problems,
    reader::{Command, Gauge, Opened, Reader, Tally, poll},
    source::Source,
    target::Target,
};

/// See the module.
pub struct Subscribers {
    threads: Vec<Thread>,
}

struct Thread {
    commands: Sender<Command>,
    waker: mio::Waker,
    gauge: Arc<Gauge>,
}

impl Subscribers {
    /// Starts the threads. There are no streams yet.
    pub fn start(
        target: &Arc<Target>,
        threads: u32,
        spread: bool,
        clock: Clock,
        rest: Duration,
    ) -> io::Result<Self> {
        let start = |number| {
            let (poll, waker) = poll()?;
            let (commands, told) = channel();
            let gauge = Arc::new(Gauge::default());
            let source = Source::new(target.address, spread, number, threads);
            let reader = Reader::new(
                Arc::clone(target),
                source,
                clock,
                rest,
                poll,
                told,
                Arc::clone(&gauge),
            );
            thread::Builder::new().name("subscribers".to_owned()).spawn(|| reader.run())?;
            Ok(Thread { commands, waker, gauge })
        };
        let threads = (0..threads).map(start).collect::<io::Result<_>>()?;
        Ok(Self { threads })
    }

    /// Asks all threads. `None` where `go_on`, which is asked while it waits, says no.
    fn ask<T>(
        &self,
        command: impl Fn(usize, Sender<T>) -> Command,
        mut go_on: impl FnMut() -> bool,
    ) -> Option<Vec<T>> {
        let (reply, answers) = channel();
        for (number, thread) in self.threads.iter().enumerate() {
            // A thread ends only after this end of its channel.
            let _ = thread.commands.send(command(number, reply.clone()));
            let _ = thread.waker.wake();
        }
        drop(reply);
        let mut all = Vec::with_capacity(self.threads.len());
        loop {
            match answers.recv_timeout(TICK) {
                Ok(answer) => all.push(answer),
                Err(RecvTimeoutError::Disconnected) => return Some(all),
                Err(RecvTimeoutError::Timeout) if go_on() => {}
                Err(RecvTimeoutError::Timeout) => return None,
            }
        }
    }

    /// Opens so many streams, on each topic in turn. Returns the time that it took, in
    /// nanoseconds, or `None` where `go_on` has said no.
    pub fn open(&self, count: usize, topics: usize, go_on: impl FnMut() -> bool) -> Option<u64> {
        let threads = self.threads.len();
        let command = |number, reply| {
            let streams = (number..count).step_by(threads);
            Command::Open(streams.map(|stream| stream % topics).collect(), reply)
        };
        let opened: Vec<Opened> = self.ask(command, go_on)?;
        let from = opened.iter().map(|opened| opened.from).min()?;
        let until = opened.iter().map(|opened| opened.until).max()?;
        Some(until - from)
    }

    /// Begins a round. Returns how many streams are open, by topic.
    pub fn begin(&self, round: u16, publishers: usize) -> Vec<u64> {
        let command = |_, reply| Command::Begin(round, publishers, reply);
        let counts = self.ask(command, || true).unwrap_or_default();
        let add =
            |sum: Vec<u64>, more: Vec<u64>| sum.iter().zip(more).map(|(a, b)| a + b).collect();
        counts.into_iter().reduce(add).unwrap_or_default()
    }

    /// What has been received in this round.
    pub fn tell(&self) -> Tally {
        let tallies = self.ask(|_, reply| Command::Tell(reply), || true).unwrap_or_default();
        tallies.into_iter().fold(Tally::default(), Tally::and)
    }

    /// What has gone wrong since the last opening began.
    pub fn problems(&self) -> Problems {
        self.tell().problems
    }

    /// Closes all streams.
    pub fn close(&self) {
        self.ask(|_, reply| Command::Close(reply), || true);
    }

    /// How many streams are open now.
    pub fn open_now(&self) -> u64 {
        self.sum(|gauge| &gauge.open)
    }

    /// How many could not be opened this time.
    pub fn failed(&self) -> u64 {
        self.sum(|gauge| &gauge.failed)
    }

    /// How many deliveries this round has had so far.
    pub fn received(&self) -> u64 {
        self.sum(|gauge| &gauge.received)
    }

    fn sum(&self, value: impl Fn(&Gauge) -> &AtomicU64) -> u64 {
        self.threads.iter().map(|thread| value(&thread.gauge).load(Relaxed)).sum()
    }
}
