//! What a run has found out, as text and as JSON.
//!
//! Promises: what was not measured is not there (`null`), rather than 0. Does not: judge.

use std::fmt::{self, Formatter};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{Bench, problems::Problems, process::Cpu, publishers::Published, reader::Tally};

/// See the module.
#[derive(Debug, Serialize)]
pub struct Report {
    pub url: String,
    pub settings: Settings,
    pub connecting: Connecting,
    pub memory: Option<Memory>,
    pub publishing: Option<Publishing>,
    pub deliveries: Option<Deliveries>,
    pub cpu: Option<CpuEach>,
    /// What went wrong, and how often.
    pub problems: Problems,
    /// Whether the user has ended it before its time.
    pub interrupted: bool,
}

/// What was asked for.
#[derive(Debug, Serialize)]
pub struct Settings {
    pub subscribers: usize,
    pub topics: usize,
    pub publishers: u16,
    pub rate: f64,
    pub duration_s: f64,
    pub payload_bytes: usize,
    pub threads: u32,
    pub rest_ms: f64,
}

impl Settings {
    /// Of a run with so many streams: the limit of open files may allow no more.
    pub fn of(bench: &Bench, subscribers: usize) -> Self {
        Self {
            subscribers,
            topics: bench.topics,
            publishers: bench.publishers,
            rate: bench.rate,
            duration_s: bench.duration.as_secs_f64(),
            payload_bytes: bench.payload,
            threads: bench.threads,
            rest_ms: bench.rest.as_secs_f64() * 1000.0,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Connecting {
    /// Streams that were opened; in a storm all that were, one after another.
    pub opened: u64,
    pub failed: u64,
    pub seconds: f64,
    pub per_second: f64,
    /// The server's time for one; in a storm also for closing it.
    pub server_cpu_us: Option<Cpu>,
}

impl Connecting {
    pub fn new(opened: u64, failed: u64, took: u64, cpu: Option<Cpu>) -> Self {
        Self {
            opened,
            failed,
            seconds: seconds(took),
            per_second: per_second(opened, took),
            server_cpu_us: cpu.and_then(|cpu| cpu.each(opened)),
        }
    }
}

/// In bytes.
#[derive(Debug, Serialize)]
pub struct Memory {
    pub pss_before: u64,
    pub pss_after: u64,
    pub per_subscriber: f64,
}

impl Memory {
    /// `None` where there is no subscriber.
    pub fn new(pss_before: u64, pss_after: u64, subscribers: u64) -> Option<Self> {
        let per_subscriber = (float(pss_after) - float(pss_before)) / float(subscribers);
        (subscribers > 0).then_some(Self { pss_before, pss_after, per_subscriber })
    }
}

#[derive(Debug, Serialize)]
pub struct Publishing {
    pub published: u64,
    pub per_second: f64,
    /// How long an answer took.
    pub answer_ms: Option<Latency>,
    /// Events that were due and not sent in time.
    pub omitted: u64,
    /// How late an event was sent at the most; latency counts from when it was sent.
    pub late_ms: f64,
}

impl Publishing {
    pub fn new(published: &Published) -> Self {
        let count = published.count();
        Self {
            published: count,
            per_second: per_second(count, published.until.saturating_sub(published.from)),
            answer_ms: Latency::of(&published.answers),
            omitted: published.omitted,
            late_ms: float(published.late) / 1e6,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Deliveries {
    pub expected: u64,
    pub received: u64,
    pub per_second: f64,
    pub lost: u64,
    pub duplicated: u64,
    pub reordered: u64,
    pub latency_ms: Option<Latency>,
}

impl Deliveries {
    /// Of a round in which the first event was published at `from`.
    pub fn new(expected: u64, tally: &Tally, from: u64) -> Self {
        let counts = tally.counts;
        Self {
            expected,
            received: counts.received,
            per_second: per_second(counts.received, tally.last.saturating_sub(from)),
            lost: expected.saturating_sub(counts.received),
            duplicated: counts.duplicated,
            reordered: counts.reordered,
            latency_ms: Latency::of(&tally.latency),
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

impl Latency {
    /// Of microseconds; `None` where nothing arrived.
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let ms = |us| float(us) / 1000.0;
        let at = |quantile| ms(histogram.value_at_quantile(quantile));
        let latency = Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: ms(histogram.max()) };
        (!histogram.is_empty()).then_some(latency)
    }
}

/// CPU time a delivery, in microseconds.
#[derive(Debug, Serialize)]
pub struct CpuEach {
    pub server_us: Option<Cpu>,
    /// What this program took itself.
    pub tool_us: f64,
}

impl CpuEach {
    /// `None` where nothing arrived.
    pub fn new(server: Option<Cpu>, tool: Option<Cpu>, deliveries: u64) -> Option<Self> {
        let tool_us = tool?.each(deliveries)?.total();
        Some(Self { server_us: server.and_then(|cpu| cpu.each(deliveries)), tool_us })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { connecting, .. } = self;
        if self.interrupted {
            writeln!(f, "interrupted; so far:")?;
        }
        write!(
            f,
            "streams     {} opened in {:.2} s, {}/s",
            whole(connecting.opened),
            connecting.seconds,
            rounded(connecting.per_second),
        )?;
        if let Some(cpu) = connecting.server_cpu_us {
            write!(f, "; server CPU {} us each", split(cpu))?;
        }
        if connecting.failed > 0 {
            write!(f, "; {} failed", whole(connecting.failed))?;
        }
        writeln!(f)?;
        if let Some(memory) = &self.memory {
            writeln!(
                f,
                "memory      {:.2} KiB a subscriber (PSS {:.1} to {:.1} MiB)",
                memory.per_subscriber / 1024.0,
                mebibytes(memory.pss_before),
                mebibytes(memory.pss_after),
            )?;
        }
        if let Some(publishing) = &self.publishing {
            write!(
                f,
                "published   {} events, {}/s",
                whole(publishing.published),
                rounded(publishing.per_second)
            )?;
            if let Some(Latency { p50, p99, .. }) = publishing.answer_ms {
                write!(f, "; answers p50 {p50:.2} ms, p99 {p99:.2} ms")?;
            }
            if self.settings.rate > 0.0 {
                write!(f, ", up to {:.0} ms late", publishing.late_ms)?;
            }
            if publishing.omitted > 0 {
                write!(f, "; behind the rate, {} not sent", whole(publishing.omitted))?;
            }
            writeln!(f)?;
        }
        if let Some(deliveries) = &self.deliveries {
            writeln!(
                f,
                "deliveries  {} of {}, {}/s; {} lost, {} duplicated, {} reordered",
                whole(deliveries.received),
                whole(deliveries.expected),
                rounded(deliveries.per_second),
                whole(deliveries.lost),
                whole(deliveries.duplicated),
                whole(deliveries.reordered),
            )?;
            if let Some(Latency { p50, p90, p99, max }) = deliveries.latency_ms {
                writeln!(
                    f,
                    "latency     p50 {p50:.2} ms, p90 {p90:.2} ms, p99 {p99:.2} ms, max {max:.2} ms"
                )?;
            }
        }
        if let Some(cpu) = &self.cpu {
            write!(f, "CPU         ")?;
            if let Some(server) = cpu.server_us {
                write!(f, "{} us a delivery; ", split(server))?;
            }
            writeln!(f, "this tool {:.2} us", cpu.tool_us)?;
        }
        for (problem, count) in self.problems.iter() {
            writeln!(f, "problem     {}: {problem}", whole(count))?;
        }
        Ok(())
    }
}

fn split(cpu: Cpu) -> String {
    format!("{:.2} (user {:.2}, system {:.2})", cpu.total(), cpu.user, cpu.system)
}

fn whole(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

fn rounded(number: f64) -> String {
    if number < 1000.0 {
        format!("{number:.1}")
    } else {
        indicatif::HumanFloatCount(number.round()).to_string()
    }
}

fn mebibytes(bytes: u64) -> f64 {
    float(bytes) / 1_048_576.0
}

fn seconds(nanoseconds: u64) -> f64 {
    float(nanoseconds) / 1e9
}

fn per_second(count: u64, nanoseconds: u64) -> f64 {
    if nanoseconds == 0 { 0.0 } else { float(count) / seconds(nanoseconds) }
}

#[expect(clippy::cast_precision_loss, reason = "everything here is far below 2^52")]
fn float(number: u64) -> f64 {
    number as f64
}
