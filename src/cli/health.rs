//! `fanfare health`: asks a hub whether it is ready, or alive, for the health check of a container.

use std::process::ExitCode;

use actix_web::rt::System;
use clap::Args;

use super::{
    answer,
    hub_url::{HubUrl, client},
};

/// Which hub to ask.
#[derive(Debug, Args)]
pub struct Health {
    /// The hub
    #[arg(long, default_value_t = HubUrl::local())]
    url: HubUrl,
    /// Ask only whether it answers: for whoever starts anew what is not well. A hub that drains, or
    /// whose history can't keep events, is not ready, and its streams are open
    #[arg(long)]
    live: bool,
}

/// Exits with 0 when the hub is ready, or alive, and with 1 when not.
pub fn run(health: &Health) -> ExitCode {
    let url = &health.url;
    let path = if health.live { "/health/live" } else { "/health/ready" };
    let asked = async { answer::print(url, client().get(url.with(path, &[])).send(), None).await };
    super::report(System::new().block_on(asked))
}
