//! Settings.
//!
//! Owns: the environment; nothing else reads it. Promises: every setting is a flag with a
//! variable, typed, and checked before anything starts; a wrong one is named in one line with
//! what is allowed. A value is repeated only where it is no secret. Does not: read key files.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use bytesize::ByteSize;
use clap::{
    Args, Command, ValueEnum,
    builder::ValueParser,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{http::Origins, logbook};

mod auth;
mod drain;
mod hooks;
mod in_force;
mod kept;
mod limits;
mod listen;
mod metrics;
mod publishing;

pub use auth::{Auth, refuse_secret_arguments};
pub use drain::Drain;
pub use hooks::Hooking;
pub use in_force::in_force;
pub use kept::Kept;
pub use limits::Limiting;
pub use listen::Listen;
pub use metrics::Metrics;
pub use publishing::Publishing;

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
    /// What is listened on.
    #[command(flatten)]
    pub listen: Listen,

    /// Threads that serve, each with its own subscribers [default: the number of cores]
    #[arg(long, env = "FANFARE_WORKERS", value_name = "COUNT", value_parser = count(1, 256))]
    pub workers: Option<usize>,

    /// The origins whose pages may use the hub: `*` for any, without credentials; or a list such
    /// as `https://a.example,https://*.b.example`, with credentials. Other pages, but for the hub's
    /// own, can't publish then
    #[arg(long, env = "FANFARE_CORS_ORIGINS", value_name = "ORIGINS", default_value = "*",
          value_parser = str::parse::<Origins>)]
    pub cors_origins: Origins,

    /// How long a stream may be silent before it gets a comment that keeps proxies from closing
    /// it; less up to a tenth, so that not all get theirs at once
    #[arg(long, env = "FANFARE_HEARTBEAT", value_name = "TIME", default_value = "15s",
          value_parser = duration("10ms", "1h"))]
    pub heartbeat: Duration,

    /// The history.
    #[command(flatten)]
    pub history: Kept,

    /// The most events that wait for one subscriber. Above it, the subscriber catches up from the
    /// history; one that takes nothing for a third of the peer time-out then is cut
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

    /// The largest body of a publishing request; four times that for a form of Mercure's, whose
    /// escapes take three bytes for one
    #[arg(long, env = "FANFARE_MAX_BODY", value_name = "SIZE", default_value = "256KiB",
          value_parser = size("1", "64MiB"))]
    pub max_body: usize,

    /// The most streams at a time [default: what the open-file limit allows]
    #[arg(long, env = "FANFARE_MAX_SUBSCRIBERS", value_name = "COUNT",
          value_parser = count(0, 100_000_000))]
    pub max_subscribers: Option<usize>,

    /// The most streams at a time from one address, or one /64 network of IPv6; 0 for no limit.
    /// Behind a proxy all come from the proxy's, unless `FANFARE_TRUSTED_PROXIES` names it
    #[arg(long, env = "FANFARE_MAX_PER_ADDRESS", value_name = "COUNT", default_value = "0",
          value_parser = count(0, 100_000_000))]
    pub max_per_address: usize,

    /// How often and how many
    #[command(flatten)]
    pub limits: Limiting,

    /// How old a stream may become before it is ended, less up to a fifth, and its client
    /// reconnects; 0 for no limit
    #[arg(long, env = "FANFARE_MAX_AGE", value_name = "TIME", default_value = "0",
          value_parser = duration("0s", "30days"))]
    pub max_age: Duration,

    /// How streams are ended.
    #[command(flatten)]
    pub drain: Drain,

    /// Whether the hub writes streams of HTTP/1.1 to their sockets itself, once their heads are
    /// sent; `off` leaves it to actix, at about six times the memory for a stream
    #[arg(long, env = "FANFARE_DIRECT_WRITE", value_name = "SWITCH", default_value = "on")]
    pub direct_write: Switch,

    /// How long the head of a request may take
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

    /// Where `/metrics` is served: `off`, an address and a port of its own such as
    /// `127.0.0.1:9090`, or `on` for the port of the hub, where whoever reaches it can read it
    #[arg(long, env = "FANFARE_METRICS", value_name = "WHERE", default_value = "off",
          value_parser = Metrics::parse)]
    pub metrics: Metrics,

    /// What publishers may ask for.
    #[command(flatten)]
    pub publishing: Publishing,

    /// Who may publish, and who may listen
    #[command(flatten)]
    pub auth: Auth,

    /// Whom it tells who comes and who goes
    #[command(flatten)]
    pub hooks: Hooking,

    /// What is logged: `error`, `warn`, `info`, `debug`, or by module as `env_logger` reads it
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", default_value = "info",
          value_parser = parse_filter)]
    pub log: String,
}

fn parse_filter(text: &str) -> Result<String, logbook::BadFilter> {
    logbook::check(text).map(|()| text.to_owned())
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

/// Takes variables from `.env` in the working directory, where there is one. Those that are set
/// already stay.
pub fn read_dot_env() -> Result<(), String> {
    match dotenvy::from_path(Path::new(".env")) {
        Err(dotenvy::Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!(".env can't be read: {error}")),
        Ok(()) => Ok(()),
    }
}

/// Lets settings be read under their other names, where they are not set under ours.
pub fn with_environment(command: Command) -> Command {
    let others = auth::OTHER_NAMES.into_iter().chain([("port", "FANFARE_PORT", "PORT")]);
    others.fold(command, |command, (arg, ours, other)| {
        let name = match variable(ours) {
            None if variable(other).is_some() => other,
            Some(value) if is_service(&value) => other,
            _ => ours,
        };
        command.mut_subcommand("serve", |serve| serve.mut_arg(arg, |arg| arg.env(name)))
    })
}

/// Host and port of the hub on this machine, as the environment has them: where the other commands
/// look. What listens on every address is found on loopback. Nothing is refused here; a wrong
/// setting leads nowhere under its own name.
pub fn local_hub() -> String {
    let host = variable("FANFARE_HOST").unwrap_or_else(|| "0.0.0.0".to_owned());
    let host = match host.parse() {
        Ok(IpAddr::V4(ip)) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
        Ok(IpAddr::V6(ip)) if ip.is_unspecified() => format!("[{}]", Ipv6Addr::LOCALHOST),
        Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
        Ok(IpAddr::V4(_)) | Err(_) => host,
    };
    let port = fanfare_port().or_else(|| variable("PORT"));
    format!("{host}:{}", port.as_deref().unwrap_or("3000"))
}

/// The Unix socket of the hub on this machine, where the environment names one.
pub fn local_socket() -> Option<PathBuf> {
    variable("FANFARE_SOCKET").map(PathBuf::from)
}

/// Whether the hub on this machine speaks TLS, as the environment has it.
pub fn local_tls() -> bool {
    variable("FANFARE_TLS_CERT").is_some()
}

/// Kubernetes tells every pod of a service called `fanfare` in variables that begin as ours do.
fn fanfare_port() -> Option<String> {
    variable("FANFARE_PORT").filter(|value| !is_service(value))
}

fn is_service(value: &str) -> bool {
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme))
}

/// Whether Kubernetes sets such a variable: `FANFARE_SERVICE_HOST`, `FANFARE_SERVICE_PORT_HTTP`,
/// `FANFARE_PORT_80_TCP_ADDR`, and those of a service `fanfare-...`.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let numbered = |(_, rest): (&str, &str)| {
        let mut parts = rest.split('_');
        let port = parts.next().is_some_and(|port| port.parse::<u16>().is_ok());
        port && matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"))
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.split_once("_PORT_").is_some_and(numbered)
        || (name.ends_with("_PORT") && is_service(value))
}

/// The token of the commands that speak to a hub: no setting of the hub itself.
pub const TOKEN: &str = "FANFARE_TOKEN";

/// What is in [`TOKEN`]. An empty one is none.
pub fn token() -> Option<String> {
    variable(TOKEN).filter(|token| !token.is_empty())
}

/// The admin token of the hub on this machine, for the commands that speak to it.
pub const ADMIN_TOKEN: &str = "FANFARE_ADMIN_TOKEN";

/// What is in [`ADMIN_TOKEN`]. An empty one is none.
pub fn admin_token() -> Option<String> {
    variable(ADMIN_TOKEN).filter(|token| !token.is_empty())
}

/// What is wrong with the environment, and stops nothing: variables that look like settings, of
/// ours or of the official Mercure image, and are none.
#[expect(clippy::disallowed_methods, reason = "this is the reader of the environment")]
pub fn warnings(command: &Command) -> Vec<String> {
    let known = |name: &str| {
        command.get_arguments().any(|arg| arg.get_env().is_some_and(|env| env == name))
            || auth::OTHER_NAMES.iter().any(|(_, _, other)| *other == name)
    };
    let ours = |name: &str| name.starts_with("FANFARE_") || name.starts_with("MERCURE_");
    let warning = |(name, value): (String, String)| {
        if name == "FANFARE_PORT" {
            return is_service(&value).then(|| {
                format!(
                    "FANFARE_PORT is {value}, as Kubernetes sets it for a service called \
                     `fanfare`, and is not used: write `enableServiceLinks: false` into the \
                     pod's spec"
                )
            });
        }
        let fine = !ours(&name) || known(&name) || name == TOKEN || is_of_kubernetes(&name, &value);
        (!fine).then(|| format!("{name} is not a setting: is it misspelt?"))
    };
    std::env::vars_os()
        .filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        })
        .filter_map(warning)
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
    let arg = all.into_iter().find(of_flag);
    let env = arg.and_then(clap::Arg::get_env).map(|env| env.to_string_lossy());
    let allowed = std::error::Error::source(error)
        .map(ToString::to_string)
        .or_else(|| text(ContextKind::ValidValue).map(|values| format!("allowed is {values}")))
        .unwrap_or_else(|| "it has no value".to_owned());
    match env {
        // Not a word of a secret.
        Some(env) if arg.is_some_and(clap::Arg::is_hide_env_values_set) => {
            format!("{env} can't be used: {allowed}")
        }
        Some(env) => format!("{env} ({flag}) can't be {:?}: {allowed}", without_password(&value)),
        None => format!("{flag} can't be {:?}: {allowed}", without_password(&value)),
    }
}

/// A URL that has one is refused where it should have none.
fn without_password(value: &str) -> String {
    // Rather too much is hidden than too little: there may be several in one value.
    let user = value.find("://").map_or(0, |scheme| scheme + "://".len());
    let (password, end) = (value[user..].find(':'), value[user..].rfind('@'));
    match (password, end) {
        (Some(password), Some(end)) if password < end => {
            format!("{}:***{}", &value[..user + password], &value[user + end..])
        }
        _ => value.to_owned(),
    }
}
