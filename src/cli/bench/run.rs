//! The order of a run: warm the server up, open streams, leave them idle, publish.
//!
//! Owns: when the server's time and memory are looked at. Promises: every part has an end, also
//! where the hub has died; an interrupt goes on to the report.

use std::{io, sync::Arc, time::Duration};

use super::{
    Bench,
    interrupt::Interrupt,
    mark::{Clock, nanoseconds},
    problems::Problems,
    process::{Cpu, Process},
    progress::Progress,
    publishers::Plan,
    report::{Connecting, CpuEach, Deliveries, Memory, Publishing, Report, Settings},
    round::{self, Round},
    subscribers::Subscribers,
    target::Target,
};
use crate::cli::refusal::Ask;

/// Files that are open besides streams and publishers.
const OTHER_FILES: usize = 32;
/// Streams that are opened and closed before the server's memory is taken for that of one without
/// streams; and how long events are published to them.
const FIRST_STREAMS: usize = 16;
const FIRST_EVENTS: Duration = Duration::from_millis(200);
/// A server that has used no CPU time for so long has nothing left to do.
const QUIET: Duration = Duration::from_millis(200);
const MAX_QUIET: Duration = Duration::from_secs(10);
/// Streams above which the kernel takes its time to find a free port for the next: at half of its
/// range it was half as fast.
const ONE_ADDRESS: usize = 5000;

/// Runs the whole of it.
pub fn run(bench: &Bench) -> Result<Report, String> {
    let server = bench.pid.map(Process::open).transpose()?;
    let streams = allowed(bench)?;
    let token = bench.token.open()?.next()?;
    let ask = Ask { token: token.as_ref(), claim: "claims that cover `bench0` and so on" };
    let target = Target::find(&bench.url, &bench.manner, ask.token, bench.topics, bench.payload)?;
    let run = Run::start(bench, server, streams, target, ask).and_then(Run::whole);
    run.map_err(|error| format!("{}: {error}", bench.url))
}

/// How many streams the limit of open files allows.
fn allowed(bench: &Bench) -> Result<usize, String> {
    let limit = rlimit::increase_nofile_limit(u64::MAX).map_err(|error| error.to_string())?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let allowed = limit.saturating_sub(OTHER_FILES + usize::from(bench.publishers));
    if allowed == 0 {
        return Err(format!("the limit of open files is {limit}: it is too low (ulimit -n)"));
    }
    if allowed < bench.subscribers {
        eprintln!(
            "fanfare: the limit of open files is {limit} (ulimit -n): {allowed} streams are \
             opened, not {}",
            bench.subscribers,
        );
    }
    Ok(bench.subscribers.min(allowed))
}

struct Run<'a> {
    bench: &'a Bench,
    server: Option<Process>,
    /// How many streams to open.
    streams: usize,
    target: Arc<Target>,
    ask: Ask<'a>,
    clock: Clock,
    interrupt: Interrupt,
    subscribers: Subscribers,
    /// Tells the events of this run from all others.
    first_round: u16,
}

impl<'a> Run<'a> {
    fn start(
        bench: &'a Bench,
        server: Option<Process>,
        streams: usize,
        target: Target,
        ask: Ask<'a>,
    ) -> io::Result<Self> {
        let (target, clock) = (Arc::new(target), Clock::start());
        let spread = bench.storm || streams > ONE_ADDRESS;
        let subscribers = Subscribers::start(&target, bench.threads, spread, clock, bench.rest)?;
        let interrupt = Interrupt::listen()?;
        // Not 0: that is the round of streams before the first.
        let first_round = fastrand::u16(1..u16::MAX - 3);
        Ok(Self { bench, server, streams, target, ask, clock, interrupt, subscribers, first_round })
    }

    fn whole(self) -> io::Result<Report> {
        let before = self.warm_server()?;
        let (connecting, problems) = if self.bench.storm { self.storm() } else { self.open()? };
        let mut report = Report {
            url: self.bench.url.to_string(),
            settings: Settings::of(self.bench, self.streams),
            connecting,
            memory: None,
            publishing: None,
            deliveries: None,
            cpu: None,
            problems,
            interrupted: false,
        };
        if !self.bench.storm {
            self.leave_idle();
            report.memory = before.and_then(|before| self.memory(before));
            self.publish(&mut report)?;
        }
        report.interrupted = self.interrupt.is_set();
        Ok(report)
    }

    /// What a server needs for its first streams it keeps: it is no memory of a subscriber.
    /// Returns what it takes then.
    fn warm_server(&self) -> io::Result<Option<u64>> {
        let Some(server) = self.server else { return Ok(None) };
        let _progress = Progress::begin("looking at the server", 0);
        self.subscribers.open(self.streams.min(FIRST_STREAMS), self.bench.topics, || true);
        self.round(0, FIRST_EVENTS, "publishing first events")?;
        self.subscribers.close();
        self.wait_until_quiet(server);
        server.pss().map(Some).map_err(io::Error::other)
    }

    /// Waits until the server has nothing left to do, and returns the time it has used so far.
    fn wait_until_quiet(&self, server: Process) -> Option<Cpu> {
        let mut cpu = server.cpu()?;
        let mut waited = Duration::ZERO;
        while waited < MAX_QUIET && !self.interrupt.wait(QUIET) {
            waited += QUIET;
            let before = std::mem::replace(&mut cpu, server.cpu()?);
            if (cpu - before).total() == 0.0 {
                break;
            }
        }
        Some(cpu)
    }

    /// What the server has used so far, where it is known and still there.
    fn server_cpu(&self) -> Option<Cpu> {
        self.server.and_then(Process::cpu)
    }

    fn open_streams(&self) -> Option<u64> {
        let progress = Progress::begin("opening streams", self.streams as u64);
        self.subscribers.open(self.streams, self.bench.topics, || {
            progress.at(self.subscribers.open_now() + self.subscribers.failed());
            !self.interrupt.is_set()
        })
    }

    fn open(&self) -> io::Result<(Connecting, Problems)> {
        let (before, begun) = (self.server_cpu(), self.clock.now());
        let took = self.open_streams().unwrap_or_else(|| self.clock.now() - begun);
        let opened = self.subscribers.open_now();
        let failed = self.subscribers.failed();
        let problems = self.subscribers.problems();
        if opened == 0 && failed > 0 {
            let why = problems.iter().next().map_or("", |(why, _)| why);
            let why = self.ask.with_advice(why.to_owned());
            return Err(io::Error::other(format!("nothing could be subscribed to: {why}")));
        }
        let cpu = used(before, self.server_cpu());
        Ok((Connecting::new(opened, failed, took, cpu), problems))
    }

    /// Opens and closes all streams until the time is over.
    fn storm(&self) -> (Connecting, Problems) {
        let before = self.server_cpu();
        let end = self.clock.now() + nanoseconds(self.bench.duration);
        let (mut opened, mut failed, mut took) = (0, 0, 0);
        let mut problems = Problems::default();
        while let Some(time) = self.open_streams() {
            took += time;
            opened += self.subscribers.open_now();
            failed += self.subscribers.failed();
            problems.extend("", self.subscribers.problems());
            self.subscribers.close();
            if self.clock.now() >= end {
                break;
            }
        }
        let after = self.server.and_then(|server| self.wait_until_quiet(server));
        let cpu = used(before, after);
        (Connecting::new(opened, failed, took, cpu), problems)
    }

    fn leave_idle(&self) {
        if !self.bench.idle.is_zero() {
            let _progress = Progress::begin("leaving streams idle", 0);
            self.interrupt.wait(self.bench.idle);
        }
    }

    fn memory(&self, before: u64) -> Option<Memory> {
        let after = self.server?.pss().ok()?;
        Memory::new(before, after, self.subscribers.open_now())
    }

    fn publish(&self, report: &mut Report) -> io::Result<()> {
        if self.bench.duration.is_zero() {
            return Ok(());
        }
        if !self.bench.warm_up.is_zero() {
            self.round(1, self.bench.warm_up, "warming up")?;
        }
        if self.interrupt.is_set() {
            return Ok(());
        }
        let own = Process::own();
        let before = (self.server_cpu(), own.cpu());
        let Round { published, expected, tally } =
            self.round(2, self.bench.duration, "publishing")?;
        let (server, tool) = (used(before.0, self.server_cpu()), used(before.1, own.cpu()));
        report.cpu = CpuEach::new(server, tool, tally.counts.received);
        report.deliveries = Some(Deliveries::new(expected, &tally, published.from));
        report.publishing = Some(Publishing::new(&published));
        report.problems = tally.problems;
        let problems = published.problems.reworded(|problem| self.ask.with_advice(problem));
        report.problems.extend("publishing: ", problems);
        Ok(())
    }

    fn round(&self, number: u16, duration: Duration, what: &str) -> io::Result<Round> {
        let plan = Plan {
            round: self.first_round + number,
            publishers: self.bench.publishers,
            rate: (self.bench.rate > 0.0).then_some(self.bench.rate),
            duration,
        };
        round::run(&self.target, &self.subscribers, plan, self.clock, &self.interrupt, what)
    }
}

/// What was used between two looks.
fn used(before: Option<Cpu>, after: Option<Cpu>) -> Option<Cpu> {
    Some(after? - before?)
}
