//! What is published: an [`Event`] and its parts.
//!
//! Owns: the limits and the rules of each part. Promises: a part that exists is valid, because
//! `parse` is the only way to make one; nothing behind this door checks again. Does not: know
//! HTTP, or how an event looks on the wire (`sse`), or its place in the order (`history`).

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{invalid::Invalid, topic::Topics};

/// The longest id that a publisher may choose, in bytes. It comes back in a request header with
/// every reconnect, next to cookies, in a budget of about 8 KiB that proxies set.
pub const MAX_ID_BYTES: usize = 256;
/// The longest event type, in bytes.
pub const MAX_TYPE_BYTES: usize = 256;
/// The longest reconnection time, in milliseconds: browsers keep it in a signed 32-bit timer, and
/// what overflows it fires at once.
pub const MAX_RETRY_MS: u32 = i32::MAX as u32;

/// The longest time to live.
pub const MAX_TTL: Duration = Duration::from_secs(3650 * 24 * 3600);

/// The longest time that an event waits to be published.
pub const MAX_DELAY: Duration = Duration::from_secs(7 * 24 * 3600);

/// The id that asks for everything that is kept; no event can have it.
pub const EARLIEST: &str = "earliest";

/// A single-line text: no CR, LF or NUL, not empty, not over its limit.
fn parse_line(field: &'static str, text: &str, limit: usize) -> Result<Arc<str>, Invalid> {
    if text.is_empty() {
        return Err(Invalid::Empty { field });
    }
    if text.len() > limit {
        return Err(Invalid::TooLong { field, limit });
    }
    if text.contains(['\r', '\n', '\0']) {
        return Err(Invalid::LineBreak { field });
    }
    Ok(text.into())
}

/// An id that the publisher chose. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Arc<str>);

impl EventId {
    /// Reads an id: one line, at most [`MAX_ID_BYTES`], outside the hub's own names, and such that
    /// a browser can hand it back in a header.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.starts_with('#') || text == EARLIEST {
            return Err(Invalid::ReservedId);
        }
        if text.chars().any(char::is_control) || text.trim() != text {
            return Err(Invalid::NoHeader { field: "id" });
        }
        parse_line("id", text, MAX_ID_BYTES).map(Self)
    }

    /// The id as it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name that a browser dispatches the event under, in place of `message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventType(Arc<str>);

impl EventType {
    /// Reads a type: one line, at most [`MAX_TYPE_BYTES`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        parse_line("type", text, MAX_TYPE_BYTES).map(Self)
    }

    /// The type as it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long a browser waits before it reconnects, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry(u32);

impl Retry {
    /// Reads ASCII digits up to [`MAX_RETRY_MS`]. A publisher's own value is passed on as it is,
    /// also below the hub's own minimum.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(ms) if digits && ms <= MAX_RETRY_MS => Ok(Self(ms)),
            _ => Err(Invalid::Retry { limit: MAX_RETRY_MS }),
        }
    }

    /// The time in milliseconds.
    pub fn as_millis(self) -> u32 {
        self.0
    }
}

/// How long an event is for those who come later, from when it is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl(u64);

impl Ttl {
    /// Reads a time: seconds, or with a unit as settings have it, up to [`MAX_TTL`]. Zero is for
    /// those alone who are there.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let time = parse_time(text).filter(|time| *time <= MAX_TTL);
        let time = time.ok_or(Invalid::Time { field: "ttl", limit: "3650 days" })?;
        Ok(Self(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }

    /// A time that was kept.
    pub fn of_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// The time in milliseconds.
    pub fn as_millis(self) -> u64 {
        self.0
    }
}

/// When an event is to be published, if not at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// After this time.
    In(Duration),
    /// At this time, in milliseconds since 1970.
    At(u64),
}

impl Delay {
    /// Reads a time to wait, as that to live, up to [`MAX_DELAY`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let time = parse_time(text).filter(|time| *time <= MAX_DELAY);
        time.map(Self::In).ok_or(Invalid::Time { field: "delay", limit: "7 days" })
    }

    /// Reads a time of RFC 3339 in UTC, as `YYYY-MM-DDThh:mm:ssZ`, no later than after
    /// [`MAX_DELAY`]. One that is over means at once.
    pub fn parse_at(text: &str) -> Result<Self, Invalid> {
        let at =
            humantime::parse_rfc3339(text).ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let at = at.filter(|at| *at <= now() + MAX_DELAY).ok_or(Invalid::At)?;
        Ok(Self::At(millis(at)))
    }

    /// When that is, in milliseconds since 1970.
    pub fn due(self) -> u64 {
        match self {
            Self::In(time) => millis(now() + time),
            Self::At(at) => at,
        }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds, or a time with a unit such as `500ms` or `2m`.
fn parse_time(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        return text.parse().ok().map(Duration::from_secs);
    }
    humantime::parse_duration(text).ok()
}

/// Reads whether an event is private: on where there is no value.
pub fn parse_private(text: &str) -> Result<bool, Invalid> {
    match text {
        "" | "1" | "true" | "on" => Ok(true),
        "0" | "false" | "off" => Ok(false),
        _ => Err(Invalid::Switch { field: "private" }),
    }
}

/// What a publisher asks the hub to pass on.
#[derive(Debug, Clone)]
pub struct Event {
    /// The names it is published under; a subscriber needs to match one of them.
    pub topics: Topics,
    /// The payload: any text. Its line ends all arrive as LF (WHATWG HTML, 9.2.6).
    pub data: String,
    /// The publisher's own id, in place of the hub's.
    pub id: Option<EventId>,
    /// The type, in place of `message`.
    pub kind: Option<EventType>,
    /// A reconnection time for those who receive it.
    pub retry: Option<Retry>,
    /// How long it is for those who come later; without one, as long as it is kept.
    pub ttl: Option<Ttl>,
    /// Whether only those receive it whose grants cover one of its topics.
    pub private: bool,
}
