//! `fanfare health`: asks a hub whether it is ready, for the health check of a container.

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
}

/// Exits with 0 when the hub is ready, and with 1 when not.
pub fn run(health: &Health) -> ExitCode {
    let url = &health.url;
    let asked = async {
        answer::print(url, client().get(url.with("/health/ready", &[])).send(), None).await
    };
    super::report(System::new().block_on(asked))
}
