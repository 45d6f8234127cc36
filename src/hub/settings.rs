//! What the hub is told to hold to.

use std::time::Duration;

use super::Limits;
use crate::hooks::Hooks;

/// What the hub is told to hold to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most subscribers at a time.
    pub max_subscribers: usize,
    /// The most subscribers at a time from one address; 0 for no limit.
    pub max_per_address: usize,
    /// The most subscribers at a time with tokens of one subject; 0 for no limit.
    pub max_per_subject: usize,
    /// How long a stream may be silent before it gets a heartbeat.
    pub heartbeat: Duration,
    /// How old a stream may become, less up to a fifth; zero for no limit.
    pub max_age: Duration,
    /// How much may wait for one subscriber.
    pub queue: Limits,
    /// How long a subscriber may take nothing while something waits for it.
    pub patience: Duration,
    /// Whether there is an operator, who sees and ends streams: that takes a list of all.
    pub operated: bool,
    /// Whom it tells who comes and who goes.
    pub hooks: Option<Hooks>,
}
