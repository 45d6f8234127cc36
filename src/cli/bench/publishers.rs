//! All publishers: one thread with some connections.
//!
//! Owns: the pace, and the numbers that events get. Promises: a number is used until an event
//! with it is taken, so that what a hub refuses leaves no hole; each publisher waits for its
//! answer before it sends again. Does not: try again by itself; what fails is counted, and the
//! next event takes its turn.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

use hdrhistogram::Histogram;
use mio::{Events, Poll, Token};

use super::{
    connection::Connection,
    mark::{Clock, Mark, nanoseconds},
    pace::Pace,
    problems::Problems,
    reader::histogram,
    target::{Request, Target},
};

/// How long the last answers may take.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// How long it waits at the most before it looks whether it has to stop.
const LOOK_AROUND: Duration = Duration::from_millis(50);

/// What is to be published.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub round: u16,
    pub publishers: u16,
    /// Events a second of all publishers together; `None` for as fast as answers come.
    pub rate: Option<f64>,
    pub duration: Duration,
}

/// What has been published.
#[derive(Debug)]
pub struct Published {
    /// Events that the hub has taken, by topic.
    pub by_topic: Vec<u64>,
    /// When the first was sent and the last was answered, on the clock.
    pub from: u64,
    pub until: u64,
    /// How long the hub took to answer that it had taken an event, in microseconds.
    pub answers: Histogram<u64>,
    /// How late an event was sent at the most, in nanoseconds.
    pub late: u64,
    /// Events that were due and not sent in time.
    pub omitted: u64,
    pub problems: Problems,
}

impl Published {
    /// Nothing yet, of so many topics.
    fn of(topics: usize) -> Self {
        Self {
            by_topic: vec![0; topics],
            from: 0,
            until: 0,
            answers: histogram(),
            late: 0,
            omitted: 0,
            problems: Problems::default(),
        }
    }

    pub fn count(&self) -> u64 {
        self.by_topic.iter().sum()
    }
}

/// A round that is being published.
pub struct Publishing {
    pub result: Receiver<io::Result<Published>>,
    stop: Arc<AtomicBool>,
}

impl Publishing {
    /// Ends it before its time.
    pub fn stop(&self) {
        self.stop.store(true, Relaxed);
    }
}

/// Starts to publish.
pub fn start(target: &Target, plan: Plan, clock: Clock) -> io::Result<Publishing> {
    let (reply, result) = channel();
    let stop = Arc::<AtomicBool>::default();
    let publishing = Publishing { result, stop: Arc::clone(&stop) };
    let requests = target.publish();
    let address = target.address;
    thread::Builder::new().name("publishers".to_owned()).spawn(move || {
        let publishers = usize::from(plan.publishers);
        let connections = (0..publishers).map(|n| Connection::new(address, Token(n))).collect();
        let published = Poll::new().and_then(|poll| {
            let publishers = Publishers {
                plan,
                clock,
                poll,
                sequences: vec![0; publishers * requests.len()],
                asked: vec![None; publishers],
                connections,
                idle: (0..publishers).collect(),
                turn: 0,
                published: Published::of(requests.len()),
                requests,
            };
            publishers.run(&stop)
        });
        // Nobody waits any more where the run was interrupted.
        let _ = reply.send(published);
    })?;
    Ok(publishing)
}

struct Publishers {
    plan: Plan,
    clock: Clock,
    poll: Poll,
    requests: Vec<Request>,
    connections: Vec<Connection>,
    /// The next number, by publisher and topic.
    sequences: Vec<u32>,
    /// The topic of the event that each publisher has sent, and when, while it waits for its answer.
    asked: Vec<Option<(usize, u64)>>,
    /// Publishers that wait for nothing.
    idle: VecDeque<usize>,
    /// The topic that is next.
    turn: usize,
    published: Published,
}

impl Publishers {
    fn run(mut self, stop: &AtomicBool) -> io::Result<Published> {
        for connection in &mut self.connections {
            connection.connect(self.poll.registry())?;
        }
        let mut events = Events::with_capacity(256);
        let mut buffer = vec![0; 16 * 1024];
        let mut pace = Pace::start(self.plan.rate, self.plan.duration, self.clock.now());
        self.published.from = self.clock.now();
        while !pace.is_over(self.clock.now()) && !stop.load(Relaxed) {
            self.send_what_is_due(&mut pace);
            let due = if self.idle.is_empty() { None } else { pace.wait(self.clock.now()) };
            let wait = due.map_or(LOOK_AROUND, |due| due.min(LOOK_AROUND));
            self.take_answers(&mut events, &mut buffer, wait)?;
        }
        let over = self.clock.now();
        (self.published.late, self.published.omitted) = (pace.late(), pace.left(over));
        let give_up = over + nanoseconds(LAST_ANSWERS);
        while self.asked.iter().any(Option::is_some) {
            if self.clock.now() > give_up {
                let waiting = self.asked.iter().flatten().count();
                let why = format!("no answer for {LAST_ANSWERS:?}");
                self.published.problems.add(why, waiting as u64);
                break;
            }
            self.take_answers(&mut events, &mut buffer, LOOK_AROUND)?;
        }
        Ok(self.published)
    }

    fn send_what_is_due(&mut self, pace: &mut Pace) {
        while !self.idle.is_empty() && pace.take(self.clock.now()) {
            let Some(publisher) = self.idle.pop_front() else { return };
            let topic = self.turn;
            self.turn = (topic + 1) % self.requests.len();
            self.asked[publisher] = Some((topic, self.clock.now()));
            if let Err(error) = self.send(publisher, topic) {
                self.finish(publisher, Err(error.to_string()));
                // The server is gone or overloaded: the poll gives it time.
                return;
            }
        }
    }

    fn send(&mut self, publisher: usize, topic: usize) -> io::Result<()> {
        let connection = &mut self.connections[publisher];
        connection.connect(self.poll.registry())?;
        let sequence = self.sequences[publisher * self.requests.len() + topic];
        // The command line allows no more.
        let number = u16::try_from(publisher).unwrap_or(u16::MAX);
        let sent = self.clock.now();
        let mark = Mark { round: self.plan.round, publisher: number, sequence, sent };
        connection.send(self.requests[topic].with(mark))
    }

    fn take_answers(
        &mut self,
        events: &mut Events,
        buffer: &mut [u8],
        wait: Duration,
    ) -> io::Result<()> {
        match self.poll.poll(events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in events.iter() {
            let publisher = event.token().0;
            if let Some(outcome) = self.connections[publisher].ready(buffer) {
                self.finish(publisher, outcome);
            }
        }
        Ok(())
    }

    fn finish(&mut self, publisher: usize, outcome: Result<(), String>) {
        let Some((topic, sent)) = self.asked[publisher].take() else { return };
        self.idle.push_back(publisher);
        match outcome {
            Ok(()) => {
                self.sequences[publisher * self.requests.len() + topic] += 1;
                self.published.by_topic[topic] += 1;
                let now = self.clock.now();
                self.published.until = now;
                self.published.answers.saturating_record((now - sent) / 1000);
            }
            Err(why) => self.published.problems.add(why, 1),
        }
    }
}
