//! `fanfare health`: asks a hub whether it is ready, for the health check of a container.

use std::process::ExitCode;

use actix_web::rt::System;
use clap::Args;

use super::hub_url::{HubUrl, client};

/// Which hub to ask.
#[derive(Debug, Args)]
pub struct Health {
    /// The hub
    #[arg(long, default_value_t = super::default_url())]
    url: HubUrl,
}

/// Exits with 0 when the hub is ready, and with 1 when not.
pub fn run(health: &Health) -> ExitCode {
    super::report(System::new().block_on(ask(&health.url)))
}

async fn ask(url: &HubUrl) -> Result<(), String> {
    let sent = client().get(url.with("/health/ready", &[])).send().await;
    let mut response = sent.map_err(|error| format!("{url}: {error}"))?;
    let body = response.body().await.map_err(|error| format!("{url}: {error}"))?;
    let answer = String::from_utf8_lossy(&body);
    if response.status().is_success() {
        println!("{answer}");
        Ok(())
    } else {
        Err(format!("{}: {answer}", response.status()))
    }
}
