//! Settings of hooks: whom the hub tells who comes and who goes.

use std::time::Duration;

use clap::Args;

use super::{count, duration};
use crate::hooks::{Endpoint, Settings, SigningKey, Wanted};

/// See the module.
#[derive(Debug, Clone, Args)]
pub struct Hooking {
    /// Where it is told by HTTP who subscribes and who leaves, such as
    /// `https://app.example/hooks`. Needs `FANFARE_HOOK_SECRET` [default: nowhere]
    #[arg(long, env = "FANFARE_HOOK_URL", value_name = "URL", hide_env_values = true,
          value_parser = str::parse::<Endpoint>)]
    pub hook_url: Option<Endpoint>,

    /// What these requests are signed with, as Standard Webhooks has it: `whsec_` and 24 to 64
    /// random bytes in base64; no flag
    #[arg(long, env = "FANFARE_HOOK_SECRET", value_name = "SECRET", hide_env_values = true,
          value_parser = str::parse::<SigningKey>)]
    pub hook_secret: Option<SigningKey>,

    /// What is told: a list of `subscribe`, `unsubscribe`, `topic_occupied` and `topic_empty`
    #[arg(long, env = "FANFARE_HOOK_EVENTS", value_name = "LIST",
          default_value = "subscribe,unsubscribe,topic_occupied,topic_empty",
          value_parser = str::parse::<Wanted>)]
    pub hook_events: Wanted,

    /// The most events that wait to be told; what finds no room is lost, and counted
    #[arg(long, env = "FANFARE_HOOK_QUEUE", value_name = "COUNT", default_value = "10000",
          value_parser = count(1, 1_000_000))]
    pub hook_queue: usize,

    /// How long such a request may take
    #[arg(long, env = "FANFARE_HOOK_TIMEOUT", value_name = "TIME", default_value = "5s",
          value_parser = duration("100ms", "1m"))]
    pub hook_timeout: Duration,

    /// How often such a request is made that fails, before its events are lost: 10 times take some
    /// four minutes
    #[arg(long, env = "FANFARE_HOOK_ATTEMPTS", value_name = "COUNT", default_value = "10",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub hook_attempts: u32,
}

impl Hooking {
    /// What they mean together; or which of them is missing.
    pub fn settings(&self) -> Result<Option<Settings>, String> {
        match (&self.hook_url, &self.hook_secret) {
            (Some(endpoint), Some(key)) => Ok(Some(Settings {
                endpoint: endpoint.clone(),
                key: key.clone(),
                wanted: self.hook_events,
                queue: self.hook_queue,
                time_out: self.hook_timeout,
                attempts: self.hook_attempts,
            })),
            (None, None) => Ok(None),
            (Some(_), None) => {
                Err("FANFARE_HOOK_URL is set without FANFARE_HOOK_SECRET: set it to \
                whsec_ and what `openssl rand -base64 32` prints, for the receiver too"
                    .to_owned())
            }
            (None, Some(_)) => {
                Err("FANFARE_HOOK_SECRET is set without FANFARE_HOOK_URL: set it to \
                the URL that takes the hooks"
                    .to_owned())
            }
        }
    }
}
