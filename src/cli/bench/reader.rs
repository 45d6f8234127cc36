//! A thread that holds streams.
//!
//! Owns: its streams, the poll they share, and what they received. Promises: one `read` for what
//! has arrived on a stream, into one buffer for all; everything that ends a stream is counted
//! with its reason. Does not: decide when anything begins or ends; it is told.

use std::{
    io::{self, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, Sender, TryRecvError},
    },
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use mio::{Events, Poll, Token, event::Event};

use super::{
    ledger::{Counts, Ledger},
    mark::{Clock, Finder},
    problems::Problems,
    source::Source,
    stream::Stream,
    target::Target,
};

/// How many requests wait for their answer at a time: well below the backlog of any server, as
/// the kernel drops what is above it, and tries again only after a second.
const IN_FLIGHT: usize = 128;
/// How long a server may answer none of the requests that wait.
const PATIENCE: Duration = Duration::from_secs(10);
/// What one read can take.
const BUFFER: usize = 64 * 1024;
const LOOK_AROUND: Duration = Duration::from_millis(250);
/// The token of commands. Streams count from 0.
pub const WAKE: Token = Token(usize::MAX);

/// What a thread is told.
pub enum Command {
    /// Open a stream on each of these topics. Answered when all are open, or have failed.
    Open(Vec<usize>, Sender<Opened>),
    /// From now on count this round, of so many publishers. Answered with how many streams are
    /// open, by topic.
    Begin(u16, usize, Sender<Vec<u64>>),
    /// Tell what has been received in this round.
    Tell(Sender<Tally>),
    /// Close all streams.
    Close(Sender<()>),
}

/// When streams were opened, on the clock.
#[derive(Debug, Clone, Copy)]
pub struct Opened {
    pub from: u64,
    pub until: u64,
}

/// What a thread received in a round; and all that went wrong since it began to open streams.
#[derive(Debug)]
pub struct Tally {
    pub counts: Counts,
    /// In microseconds.
    pub latency: Histogram<u64>,
    /// When the last event arrived.
    pub last: u64,
    pub problems: Problems,
}

impl Default for Tally {
    fn default() -> Self {
        let counts = Counts::default();
        Self { counts, latency: histogram(), last: 0, problems: Problems::default() }
    }
}

impl Tally {
    /// That of two threads.
    pub fn and(mut self, other: Self) -> Self {
        self.counts += other.counts;
        self.latency += other.latency;
        self.last = self.last.max(other.last);
        self.problems.extend("", other.problems);
        self
    }
}

/// Up to a minute, in steps of a thousandth.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(60_000_000, 3).expect("these bounds are allowed")
}

/// What can be seen of a thread at any time.
#[derive(Debug, Default)]
pub struct Gauge {
    pub open: AtomicU64,
    pub failed: AtomicU64,
    pub received: AtomicU64,
}

/// See the module.
pub struct Reader {
    target: Arc<Target>,
    source: Source,
    clock: Clock,
    /// How long it lets things arrive before it looks again.
    rest: Duration,
    poll: Poll,
    commands: Receiver<Command>,
    gauge: Arc<Gauge>,
    buffer: Box<[u8]>,
    finder: Finder,
    streams: Vec<Option<Stream>>,
    opening: Option<Opening>,
    round: Round,
    problems: Problems,
}

struct Opening {
    topics: std::vec::IntoIter<usize>,
    in_flight: usize,
    from: u64,
    last_answer: Instant,
    reply: Sender<Opened>,
}

struct Round {
    number: u16,
    ledger: Ledger,
    latency: Histogram<u64>,
    last: u64,
}

impl Round {
    fn new(number: u16, ledger: Ledger) -> Self {
        Self { number, ledger, latency: histogram(), last: 0 }
    }
}

impl Reader {
    pub fn new(
        target: Arc<Target>,
        source: Source,
        clock: Clock,
        rest: Duration,
        poll: Poll,
        commands: Receiver<Command>,
        gauge: Arc<Gauge>,
    ) -> Self {
        Self {
            target,
            source,
            clock,
            rest,
            poll,
            commands,
            gauge,
            buffer: vec![0; BUFFER].into(),
            finder: Finder::default(),
            streams: Vec::new(),
            opening: None,
            round: Round::new(0, Ledger::default()),
            problems: Problems::default(),
        }
    }

    /// Runs until nobody is left who could tell it anything.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        loop {
            let patience = self.opening.as_ref().map(|_| LOOK_AROUND);
            match self.poll.poll(&mut events, patience) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return,
                _ => {}
            }
            for event in &events {
                if event.token() != WAKE {
                    self.ready(event);
                }
            }
            self.gauge.received.store(self.round.ledger.counts().received, Relaxed);
            loop {
                match self.commands.try_recv() {
                    Ok(command) => self.obey(command),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            self.go_on_opening();
            if self.opening.is_none() && !self.rest.is_zero() {
                thread::park_timeout(self.rest);
            }
        }
    }

    // An answer that nobody waits for any more is no loss.
    fn obey(&mut self, command: Command) {
        match command {
            Command::Open(topics, reply) => {
                self.streams = Vec::with_capacity(topics.len());
                self.problems = Problems::default();
                self.gauge.failed.store(0, Relaxed);
                self.opening = Some(Opening {
                    topics: topics.into_iter(),
                    in_flight: 0,
                    from: self.clock.now(),
                    last_answer: Instant::now(),
                    reply,
                });
            }
            Command::Begin(number, publishers, reply) => {
                self.round = Round::new(number, Ledger::new(self.streams.len(), publishers));
                self.gauge.received.store(0, Relaxed);
                let mut open = vec![0; self.target.topics()];
                for stream in self.streams.iter().flatten().filter(|stream| stream.is_open()) {
                    open[stream.topic()] += 1;
                }
                let _ = reply.send(open);
            }
            Command::Tell(reply) => {
                let _ = reply.send(Tally {
                    counts: self.round.ledger.counts(),
                    latency: self.round.latency.clone(),
                    last: self.round.last,
                    problems: self.problems.clone(),
                });
            }
            Command::Close(reply) => {
                self.opening = None;
                self.streams = Vec::new();
                self.gauge.open.store(0, Relaxed);
                let _ = reply.send(());
            }
        }
    }

    fn ready(&mut self, event: &Event) {
        let Self { streams, round, target, buffer, finder, clock, .. } = self;
        let index = event.token().0;
        let Some(place) = streams.get_mut(index) else { return };
        let Some(stream) = place else { return };
        let was_open = stream.is_open();
        let request = target.subscribe(stream.topic());
        // Read once for all that a read brings.
        let mut now = None;
        let result = stream.ready(event, request, buffer, finder, |mark| {
            if mark.round == round.number {
                let now = *now.get_or_insert_with(|| clock.now());
                round.ledger.enter(index, &mark);
                round.latency.saturating_record(now.saturating_sub(mark.sent) / 1000);
                round.last = now;
            }
        });
        let is_open = stream.is_open();
        if let Err(why) = result {
            *place = None;
            if was_open {
                self.gauge.open.fetch_sub(1, Relaxed);
                self.problems.add(why, 1);
            } else {
                self.failed(why);
            }
        } else if is_open && !was_open {
            self.gauge.open.fetch_add(1, Relaxed);
            self.answered();
        }
    }

    /// A stream could not be opened.
    fn failed(&mut self, why: String) {
        self.gauge.failed.fetch_add(1, Relaxed);
        self.problems.add(why, 1);
        self.answered();
    }

    fn answered(&mut self) {
        if let Some(opening) = &mut self.opening {
            opening.in_flight -= 1;
            opening.last_answer = Instant::now();
        }
    }

    fn go_on_opening(&mut self) {
        while let Some(opening) = &mut self.opening
            && opening.in_flight < IN_FLIGHT
            && let Some(topic) = opening.topics.next()
        {
            opening.in_flight += 1;
            let token = Token(self.streams.len());
            let opened = self
                .source
                .connect()
                .and_then(|socket| Stream::new(socket, topic, self.poll.registry(), token));
            match opened {
                Ok(stream) => self.streams.push(Some(stream)),
                Err(error) => {
                    self.streams.push(None);
                    self.failed(error.to_string());
                }
            }
        }
        let Some(opening) = &self.opening else { return };
        if opening.in_flight > 0 && opening.last_answer.elapsed() >= PATIENCE {
            self.give_up();
        }
        self.opening = self.opening.take().and_then(|opening| {
            if opening.in_flight > 0 || opening.topics.len() > 0 {
                return Some(opening);
            }
            let _ = opening.reply.send(Opened { from: opening.from, until: self.clock.now() });
            None
        });
    }

    /// Lets go of all streams that wait for an answer.
    fn give_up(&mut self) {
        for index in 0..self.streams.len() {
            let place = &mut self.streams[index];
            if place.take_if(|stream| !stream.is_open()).is_some() {
                self.failed(format!("no answer for {PATIENCE:?}"));
            }
        }
        // No use in asking more.
        if let Some(opening) = &mut self.opening {
            let left = std::mem::take(&mut opening.topics).len();
            for _ in 0..left {
                self.gauge.failed.fetch_add(1, Relaxed);
            }
        }
    }
}

/// A poll, for the thread and for who wakes it.
pub fn poll() -> io::Result<(Poll, mio::Waker)> {
    let poll = Poll::new()?;
    let waker = mio::Waker::new(poll.registry(), WAKE)?;
    Ok((poll, waker))
}
