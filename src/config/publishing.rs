//! Settings of what publishers may ask for.

use std::time::Duration;

use clap::Args;

use super::duration;

/// See the module.
#[derive(Debug, Clone, Args)]
pub struct Publishing {
    /// For how long a request to publish that is sent again with the same `Idempotency-Key` gets the
    /// first one's answer, and publishes nothing; 0 turns that off
    #[arg(long, env = "FANFARE_IDEMPOTENCY_WINDOW", value_name = "TIME", default_value = "10m",
          value_parser = duration("0s", "7days"))]
    pub idempotency_window: Duration,
}
