//! `fanfare bench`: puts a load on a hub, and tells what that cost.
//!
//! Owns: the arguments. Promises: it measures any hub that speaks Server-Sent Events over plain
//! HTTP/1.1 with the same means; it ends by itself. Does not: start a hub.

use std::{process::ExitCode, time::Duration};

use clap::{Args, builder::ValueParser};

use super::{hub_url::HubUrl, token::TokenArgs};
use crate::config;

mod answer;
mod connection;
mod interrupt;
mod ledger;
mod mark;
mod pace;
mod problems;
mod process;
mod progress;

pub use progress::Progress;
mod publishers;
mod reader;
mod report;
mod round;
mod run;
mod source;
mod stream;
mod subscribers;
mod target;

/// How often it looks at what goes on, and shows it.
const TICK: Duration = Duration::from_millis(50);

/// What load, on what hub.
#[derive(Debug, Args)]
#[command(
    after_help = "Exits with 0 once it has measured, whatever it found; with 1 where it could not. \
                  docs/bench.md explains the results."
)]
pub struct Bench {
    /// The hub
    #[arg(long, default_value_t = HubUrl::local())]
    url: HubUrl,
    /// Streams that are held open
    #[arg(long, value_name = "COUNT", default_value = "1000",
          value_parser = config::count(1, 10_000_000))]
    subscribers: usize,
    /// Topics, `bench0` and so on; streams and events are spread over them evenly
    #[arg(long, value_name = "COUNT", default_value = "1",
          value_parser = config::count(1, 1_000_000))]
    topics: usize,
    /// Events a second in all; 0 for as fast as answers come
    #[arg(long, value_name = "RATE", default_value = "50", value_parser = parse_rate)]
    rate: f64,
    /// Connections that publish, each one event at a time
    #[arg(long, value_name = "COUNT", default_value = "1",
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    publishers: u16,
    /// How long it publishes, in seconds or with a unit; 0 for not at all
    #[arg(long, value_name = "TIME", default_value = "10", value_parser = seconds())]
    duration: Duration,
    /// How long it publishes before that, without counting
    #[arg(long, value_name = "TIME", default_value = "1", value_parser = seconds())]
    warm_up: Duration,
    /// How long the streams are left idle before that, so that their memory can be seen
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = seconds())]
    idle: Duration,
    /// Publish nothing: open and close all streams, again and again until the time is over
    #[arg(long)]
    storm: bool,
    /// The size of an event's data in bytes
    #[arg(long, value_name = "BYTES", default_value = "100",
          value_parser = config::count(target::MIN_PAYLOAD, 64 << 20))]
    payload: usize,
    /// The hub's process, if it runs on this machine: its CPU time and memory are measured, with
    /// those of the processes that it has started
    #[arg(long)]
    pid: Option<u32>,
    /// Threads that hold the streams
    #[arg(long, value_name = "COUNT", default_value = "1",
          value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: u32,
    /// How long those rest between two looks at their streams. A server at full speed has more of
    /// the machine then; latency is up to so much longer
    #[arg(long, value_name = "TIME", default_value = "0",
          value_parser = config::duration("0s", "1s"))]
    rest: Duration,
    #[command(flatten)]
    token: TokenArgs,
    #[command(flatten)]
    manner: target::Manner,
    /// Print the results as one JSON object
    #[arg(long)]
    json: bool,
}

fn parse_rate(text: &str) -> Result<f64, &'static str> {
    let rate = text.parse().ok().filter(|rate| (0.0..=1e7).contains(rate));
    rate.ok_or("allowed is a number of events a second, or 0 for as fast as answers come")
}

/// A time: a number of seconds, or as in the settings.
fn seconds() -> ValueParser {
    ValueParser::new(|text: &str| {
        let seconds =
            text.parse::<f64>().ok().and_then(|time| Duration::try_from_secs_f64(time).ok());
        let time = seconds.or_else(|| humantime::parse_duration(text).ok());
        time.filter(|time| *time <= Duration::from_secs(24 * 60 * 60))
            .ok_or("allowed is a time such as 10, 10s or 2m, up to a day")
    })
}

/// Measures, and prints what it has found.
pub fn run(bench: &Bench) -> ExitCode {
    super::report(run::run(bench).and_then(|report| {
        if bench.json {
            super::print(serde_json::to_string(&report).map_err(|error| error.to_string())?)
        } else {
            super::print(report.to_string().trim_end())
        }
    }))
}
