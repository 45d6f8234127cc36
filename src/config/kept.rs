//! Settings of the history: where events are kept, how many, and how long.

use std::time::Duration;

use clap::Args;

use super::{count, duration, size};
use crate::history::{Durability, Limits, Place, Retention};

/// Settings of the history, for all commands that open it.
#[derive(Debug, Clone, Args)]
pub struct Kept {
    /// Where events are kept for subscribers that return: `memory`, a file such as
    /// `file:///var/lib/fanfare/history.redb`, which survives a restart, or a Redis such as
    /// `redis://user:password@host:6379/0`, which several nodes share (`rediss://` with TLS;
    /// `redis+sentinel://host:26379,host:26379/name`; of a Cluster some members, with commas)
    #[arg(long = "history", env = "FANFARE_HISTORY", value_name = "WHERE", default_value = "memory",
          value_parser = Place::parse)]
    pub place: Place,

    /// The most events that are kept; 0 keeps none [default: 10000 in memory,
    /// 1000000 in a file, 100000 in Redis]
    #[arg(long = "history-events", env = "FANFARE_HISTORY_EVENTS", value_name = "COUNT",
          value_parser = count(0, 100_000_000))]
    pub events: Option<usize>,

    /// The most bytes that kept events take [default: 64MiB of memory, 1GiB of a
    /// file, 256MiB of Redis]
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
