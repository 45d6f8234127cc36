//! Settings.
//!
//! Owns: the environment; nothing else reads it. Promises: every setting is a flag with a
//! variable, typed, and checked before anything starts; a wrong one is named in one line with
//! what is allowed. Does not: keep a wrong setting's value to itself; none of them is a secret.

use std::{net::IpAddr, path::Path, time::Duration};

use bytesize::ByteSize;
use clap::{
    Args, Command, ValueEnum,
    builder::ValueParser,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    history::{Durability, Limits, Place, Retention},
    http::Origins,
};

/// A setting that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Done.
    On,
    /// Not done.
    Off,
}

/// Settings of `fanfare serve`.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// The address to listen on. `127.0.0.1` keeps the hub on this machine, `::` takes IPv6 too
    #[arg(long, env = "FANFARE_HOST", value_name = "ADDRESS", default_value = "0.0.0.0",
          value_parser = parse_address)]
    pub host: IpAddr,

    /// The port to listen on; 0 takes a free one. `FANFARE_PORT` comes before `PORT`
    #[arg(long, env = "PORT", value_name = "PORT", default_value = "3000",
          value_parser = parse_port)]
    pub port: u16,

    /// Threads that serve, each with its own subscribers [default: the number of cores]
    #[arg(long, env = "FANFARE_WORKERS", value_name = "COUNT", value_parser = count(1, 256))]
    pub workers: Option<usize>,

    /// The origins whose pages may use the hub: `*` for any, without credentials; or a list such
    /// as `https://a.example,https://b.example`, with credentials
    #[arg(long, env = "FANFARE_CORS_ORIGINS", value_name = "ORIGINS", default_value = "*",
          value_parser = parse_origins)]
    pub cors_origins: Origins,

    /// How long a stream may be silent before it gets a comment that keeps proxies from closing
    /// it; less up to a tenth, so that not all get theirs at once
    #[arg(long, env = "FANFARE_HEARTBEAT", value_name = "TIME", default_value = "15s",
          value_parser = duration("10ms", "1h"))]
    pub heartbeat: Duration,

    /// The history.
    #[command(flatten)]
    pub history: Kept,

    /// The most events that wait for one subscriber; one that takes nothing is cut then
    #[arg(long, env = "FANFARE_QUEUE_EVENTS", value_name = "COUNT", default_value = "1000",
          value_parser = count(1, 1_000_000))]
    pub queue_events: usize,

    /// The most bytes that wait for one subscriber, unless one event alone has more
    #[arg(long, env = "FANFARE_QUEUE_BYTES", value_name = "SIZE", default_value = "1MiB",
          value_parser = size("1KiB", "1GiB"))]
    pub queue_bytes: usize,

    /// How soon a subscriber is gone that vanished or takes nothing
    #[arg(long, env = "FANFARE_PEER_TIMEOUT", value_name = "TIME", default_value = "30s",
          value_parser = duration("2s", "1h"))]
    pub peer_timeout: Duration,

    /// What the kernel holds for a subscriber that reads slowly (`SO_SNDBUF`)
    #[arg(long, env = "FANFARE_SEND_BUFFER", value_name = "SIZE", default_value = "128KiB",
          value_parser = size("4KiB", "64MiB"))]
    pub send_buffer: usize,

    /// The largest body of a publishing request
    #[arg(long, env = "FANFARE_MAX_BODY", value_name = "SIZE", default_value = "256KiB",
          value_parser = size("1", "64MiB"))]
    pub max_body: usize,

    /// The most streams at a time [default: what the open-file limit allows]
    #[arg(long, env = "FANFARE_MAX_SUBSCRIBERS", value_name = "COUNT",
          value_parser = count(0, 100_000_000))]
    pub max_subscribers: Option<usize>,

    /// The most streams at a time from one address; 0 for no limit. Behind a proxy all come from
    /// the proxy's
    #[arg(long, env = "FANFARE_MAX_PER_ADDRESS", value_name = "COUNT", default_value = "0",
          value_parser = count(0, 100_000_000))]
    pub max_per_address: usize,

    /// How old a stream may become before it is ended, less up to a fifth, and its client
    /// reconnects; 0 for no limit
    #[arg(long, env = "FANFARE_MAX_AGE", value_name = "TIME", default_value = "0",
          value_parser = duration("0s", "30days"))]
    pub max_age: Duration,

    /// Over what time streams are ended when the process is told to stop
    #[arg(long, env = "FANFARE_DRAIN", value_name = "TIME", default_value = "1s",
          value_parser = duration("0s", "1h"))]
    pub drain: Duration,

    /// Whether the hub writes streams of HTTP/1.1 to their sockets itself, once their heads are
    /// sent; `off` leaves it to actix, at about six times the memory for a stream
    #[arg(long, env = "FANFARE_DIRECT_WRITE", value_name = "SWITCH", default_value = "on")]
    pub direct_write: Switch,

    /// How long the head of a connection's first request may take
    #[arg(long, env = "FANFARE_HEADER_TIMEOUT", value_name = "TIME", default_value = "5s",
          value_parser = duration("1s", "1h"))]
    pub header_timeout: Duration,

    /// How long the body of a request may take
    #[arg(long, env = "FANFARE_BODY_TIMEOUT", value_name = "TIME", default_value = "30s",
          value_parser = duration("100ms", "1h"))]
    pub body_timeout: Duration,

    /// How long a connection may wait for its next request; more than that of a proxy in front
    #[arg(long, env = "FANFARE_KEEP_ALIVE", value_name = "TIME", default_value = "75s",
          value_parser = duration("1s", "1h"))]
    pub keep_alive: Duration,

    /// What is logged: `error`, `warn`, `info`, `debug`, or by module as `env_logger` reads it
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,
}

/// Settings of the history, for all commands that open it.
#[derive(Debug, Clone, Args)]
pub struct Kept {
    /// Where events are kept for subscribers that return: `memory`, or a file such as
    /// `file:///var/lib/fanfare/history.redb`, which survives a restart
    #[arg(long = "history", env = "FANFARE_HISTORY", value_name = "WHERE", default_value = "memory",
          value_parser = Place::parse)]
    pub place: Place,

    /// The most events that are kept; 0 keeps none [default: 10000 in memory, 1000000 in a file]
    #[arg(long = "history-events", env = "FANFARE_HISTORY_EVENTS", value_name = "COUNT",
          value_parser = count(0, 100_000_000))]
    pub events: Option<usize>,

    /// The most bytes that kept events take [default: 64MiB of memory, 1GiB of a file]
    #[arg(long = "history-bytes", env = "FANFARE_HISTORY_BYTES", value_name = "SIZE",
          value_parser = size("0", "1TiB"))]
    pub bytes: Option<usize>,

    /// How old a kept event may become; 0 for no limit
    #[arg(long = "history-age", env = "FANFARE_HISTORY_AGE", value_name = "TIME", default_value = "0",
          value_parser = duration("0s", "3650days"))]
    pub age: Duration,

    /// When a publisher is answered, and its event goes out, where events are kept in a file:
    /// `always` after the event would survive a power cut, or `interval`, at once: a crash or a
    /// power cut loses what came in the second before
    #[arg(long, env = "FANFARE_DURABILITY", value_name = "WHEN", default_value = "always",
          value_parser = Durability::parse)]
    pub durability: Durability,
}

impl Kept {
    /// How much is kept.
    pub fn retention(&self) -> Retention {
        let usual = self.place.limits();
        let limits = Limits {
            events: self.events.unwrap_or(usual.events),
            bytes: self.bytes.unwrap_or(usual.bytes),
        };
        Retention { limits, age: self.age }
    }
}

fn parse_address(text: &str) -> Result<IpAddr, &'static str> {
    text.parse().map_err(|_| "allowed is an address such as 127.0.0.1, 0.0.0.0 or ::")
}

fn parse_port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "allowed is a number from 0 to 65535")
}

/// A whole number in these limits, both included.
pub fn count(min: usize, max: usize) -> ValueParser {
    ValueParser::new(move |text: &str| {
        let value = text.parse().ok().filter(|value: &usize| (min..=max).contains(value));
        value.ok_or_else(|| format!("allowed is a whole number from {min} to {max}"))
    })
}

/// A time in these limits, both included.
pub fn duration(min: &'static str, max: &'static str) -> ValueParser {
    let parse = |text: &str| {
        if text == "0" { Some(Duration::ZERO) } else { humantime::parse_duration(text).ok() }
    };
    ValueParser::new(move |text: &str| {
        let value =
            parse(text).filter(|value| parse(min) <= Some(*value) && Some(*value) <= parse(max));
        value.ok_or_else(|| {
            format!("allowed is a time such as 500ms, 15s or 2m, from {min} to {max}")
        })
    })
}

fn size(min: &'static str, max: &'static str) -> ValueParser {
    let parse = |text: &str| text.parse::<ByteSize>().ok().map(|size| size.as_u64());
    ValueParser::new(move |text: &str| {
        let value =
            parse(text).filter(|value| parse(min) <= Some(*value) && Some(*value) <= parse(max));
        value.and_then(|value| usize::try_from(value).ok()).ok_or_else(|| {
            format!("allowed is a size such as 65536, 64KiB or 1MiB, from {min} to {max}")
        })
    })
}

fn parse_origins(text: &str) -> Result<Origins, String> {
    const ALLOWED: &str = "allowed is * or a list such as https://a.example,http://localhost:8080";
    if text.trim() == "*" {
        return Ok(Origins::Any);
    }
    let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    let origins: Vec<String> = origins.map(str::to_owned).collect();
    let valid = |origin: &String| {
        origin == "null"
            || origin.split_once("://").is_some_and(|(scheme, host)| {
                !scheme.is_empty()
                    && !host.is_empty()
                    && !host.contains(['/', '?', '#', '@', '*', ' '])
                    && origin.is_ascii()
            })
    };
    if origins.is_empty() || !origins.iter().all(valid) {
        return Err(ALLOWED.to_owned());
    }
    Ok(Origins::Only(origins))
}

/// Takes variables from `.env` in the working directory, where there is one. Those that are set
/// already stay.
pub fn read_dot_env() -> Result<(), String> {
    match dotenvy::from_path(Path::new(".env")) {
        Err(dotenvy::Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!(".env can't be read: {error}")),
        Ok(()) => Ok(()),
    }
}

/// Lets `FANFARE_PORT` stand in for `PORT` where it is set.
pub fn with_environment(command: Command) -> Command {
    let name = if variable("FANFARE_PORT").is_some() { "FANFARE_PORT" } else { "PORT" };
    command.mut_subcommand("serve", |serve| serve.mut_arg("port", |port| port.env(name)))
}

/// The port of the hub on this machine, as the environment has it: where the other commands look.
pub fn local_port() -> String {
    let port = variable("FANFARE_PORT").or_else(|| variable("PORT"));
    port.unwrap_or_else(|| "3000".to_owned())
}

/// Variables that look like settings and are none: most likely misspelt.
#[expect(clippy::disallowed_methods, reason = "this is the reader of the environment")]
pub fn unknown_variables(command: &Command) -> Vec<String> {
    let known = |name: &str| {
        command.get_arguments().any(|arg| arg.get_env().is_some_and(|env| env == name))
    };
    std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("FANFARE_") && name != "FANFARE_PORT" && !known(name))
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "this is the reader of the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A wrong setting in one line: its variable and flag, its value, and what is allowed.
pub fn explain(error: &clap::Error, command: &Command) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let wrong = matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation);
    let (true, Some(arg), Some(value)) =
        (wrong, text(ContextKind::InvalidArg), text(ContextKind::InvalidValue))
    else {
        let whole = error.render().to_string();
        let line = whole.lines().next().unwrap_or_default();
        return format!("{}; see --help", line.trim_start_matches("error: "));
    };
    let flag = arg.split(' ').next().unwrap_or_default();
    let of_flag =
        |arg: &&clap::Arg| arg.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long));
    let all = command.get_subcommands().flat_map(Command::get_arguments);
    let env = all.into_iter().find(of_flag).and_then(clap::Arg::get_env);
    let name =
        env.map_or_else(|| flag.to_owned(), |env| format!("{} ({flag})", env.to_string_lossy()));
    let allowed = std::error::Error::source(error)
        .map(ToString::to_string)
        .or_else(|| text(ContextKind::ValidValue).map(|values| format!("allowed is {values}")))
        .unwrap_or_else(|| "it has no value".to_owned());
    format!("{name} can't be {value:?}: {allowed}")
}
