//! `fanfare subscribe`: prints events as they come.
//!
//! Reconnects and resumes as a browser does, with what browsers lack: it backs off, and notices a
//! connection that has died without a word.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use actix_web::{
    http::{
        StatusCode,
        header::{self, HeaderMap},
    },
    rt::System,
};
use clap::{Args, ValueEnum};
use futures_util::StreamExt as _;
use tokio::time::{sleep, timeout};

use super::{
    hub_url::{HubUrl, client},
    refusal::Ask,
    token::{TokenArgs, Tokens},
};
use crate::{
    config,
    sse::{Decoded, Decoder},
};

/// How long it waits before it reconnects, where the hub has not said; what Chromium does.
const RETRY: Duration = Duration::from_secs(3);
/// How long it waits at the least: with a `retry` of 0 it would do nothing but reconnect.
const MIN_RETRY: Duration = Duration::from_secs(1);
/// How long it waits at the most after failures in a row.
const MAX_RETRY: Duration = Duration::from_secs(60);

/// What to listen to, and how to print it.
#[derive(Debug, Args)]
pub struct Subscribe {
    /// A topic, a template such as `/books/{id}`, or `*`; may be repeated
    #[arg(long)]
    topic: Vec<String>,
    /// Begin with the events after this one; `earliest` for all that are kept
    #[arg(long, value_name = "ID")]
    last_event_id: Option<String>,
    /// How to print an event
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// End after so many events
    #[arg(long)]
    count: Option<usize>,
    /// Take a connection for dead that is silent for so long; more than the hub's heartbeat
    #[arg(long, value_name = "TIME", default_value = "60s",
          value_parser = config::duration("1s", "1day"))]
    idle_timeout: Duration,
    #[command(flatten)]
    token: TokenArgs,
    /// The hub
    #[arg(long, default_value_t = HubUrl::local())]
    url: HubUrl,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// The data alone
    Text,
    /// A line of JSON with id, type and data
    Json,
}

/// Why a connection has ended.
enum Ended {
    /// As many events as were asked for.
    Enough,
    /// For good: the hub says so, or nobody reads what is printed.
    ForGood(Result<(), String>),
    /// Worth another try. Holds whether there was a stream.
    Broken(String, bool),
}

/// Prints events until it is stopped.
pub fn run(subscribe: &Subscribe) -> ExitCode {
    super::report(System::new().block_on(listen(subscribe)))
}

async fn listen(subscribe: &Subscribe) -> Result<(), String> {
    let tokens = subscribe.token.open()?;
    let mut decoder = Decoder::default();
    let mut left = subscribe.count.unwrap_or(usize::MAX);
    let mut failures = 0;
    loop {
        match connect(subscribe, &tokens, &mut decoder, &mut left).await {
            Ended::Enough => return Ok(()),
            Ended::ForGood(result) => return result,
            Ended::Broken(why, streamed) => {
                failures = if streamed { 0 } else { failures + 1 };
                let retry = decoder.retry().map_or(RETRY, Duration::from_millis).max(MIN_RETRY);
                let wait = back_off(retry, failures);
                eprintln!("fanfare: {why}; trying again in {wait:.1?}");
                sleep(wait).await;
                decoder.reconnect();
            }
        }
    }
}

/// Doubles with each failure in a row, less up to a half, so that many don't return at once.
fn back_off(retry: Duration, failures: u32) -> Duration {
    if failures == 0 {
        return retry;
    }
    let longest = retry.saturating_mul(1 << failures.min(16)).min(MAX_RETRY.max(retry));
    longest.mul_f64(0.5 + 0.5 * fastrand::f64())
}

async fn connect(
    subscribe: &Subscribe,
    tokens: &Tokens,
    decoder: &mut Decoder,
    left: &mut usize,
) -> Ended {
    let token = match tokens.next() {
        Ok(token) => token,
        // It is being replaced, perhaps.
        Err(why) => return Ended::Broken(why, false),
    };
    let topics: Vec<_> = subscribe.topic.iter().map(|topic| ("topic", &**topic)).collect();
    let request = client()
        .get(subscribe.url.with("/events", &topics))
        .insert_header(("accept", "text/event-stream"));
    let request = match (decoder.last_event_id(), &subscribe.last_event_id) {
        ("", None) => request,
        ("", Some(asked)) => request.insert_header(("last-event-id", &**asked)),
        (last, _) => request.insert_header(("last-event-id", last)),
    };
    let request = match &token {
        Some(token) => request.insert_header(("authorization", token.authorization())),
        None => request,
    };
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Ended::Broken(format!("{}: {error}", subscribe.url), false),
    };
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NO_CONTENT => return Ended::ForGood(Ok(())),
        status => {
            let body = response.body().await.unwrap_or_default();
            let claim = "a claim `mercure.subscribe`";
            let why = Ask { token: token.as_ref(), claim }.explain(status, &body);
            let passing = status.is_server_error()
                || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
            return if passing { Ended::Broken(why, false) } else { Ended::ForGood(Err(why)) };
        }
    }
    if let Err(kind) = check_type(response.headers()) {
        let url = &subscribe.url;
        return Ended::ForGood(Err(format!(
            "{url} answers with {kind}, not with text/event-stream: is --url a hub's?"
        )));
    }
    loop {
        let piece = match timeout(subscribe.idle_timeout, response.next()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(error))) => return Ended::Broken(error.to_string(), true),
            Ok(None) => return Ended::Broken("the hub has ended the stream".to_owned(), true),
            Err(_) => return Ended::Broken("the hub is silent".to_owned(), true),
        };
        for event in decoder.push(&piece) {
            if is_greeting(&event) {
                continue;
            }
            if event.kind == "gap" && event.id.is_none() {
                eprintln!("fanfare: events are lost: {}", event.data);
            }
            if let Err(error) = print(&event, subscribe.format) {
                // Whoever read it has gone, `head` for one.
                let closed = error.kind() == io::ErrorKind::BrokenPipe;
                let result = if closed { Ok(()) } else { Err(error.to_string()) };
                return Ended::ForGood(result);
            }
            *left -= 1;
            if *left == 0 {
                return Ended::Enough;
            }
        }
    }
}

/// Whether this is a stream, or what it is instead.
fn check_type(headers: &HeaderMap) -> Result<(), &str> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Err("no Content-Type") };
    let value = value.to_str().unwrap_or("an unreadable Content-Type");
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("text/event-stream") { Ok(()) } else { Err(value) }
}

/// Whether this is how the hub begins a stream. Everything that was published has an id.
fn is_greeting(event: &Decoded) -> bool {
    event.id.is_none() && event.kind == "message"
}

fn print(event: &Decoded, format: Format) -> io::Result<()> {
    #[derive(serde::Serialize)]
    struct Line<'a> {
        id: Option<&'a str>,
        r#type: &'a str,
        data: &'a str,
    }
    let mut out = io::stdout().lock();
    match format {
        Format::Text => writeln!(out, "{}", event.data)?,
        Format::Json => {
            let line = Line { id: event.id.as_deref(), r#type: &event.kind, data: &event.data };
            serde_json::to_writer(&mut out, &line)?;
            writeln!(out)?;
        }
    }
    out.flush()
}
