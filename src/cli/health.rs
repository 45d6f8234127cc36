//! `fanfare health`: asks a hub whether it is ready, or alive, for the health check of a container.

use std::{os::unix::net::UnixStream, path::PathBuf, process::ExitCode};

use actix_web::rt::System;
use clap::Args;

use super::{
    answer,
    hub_url::{HubUrl, client},
    knock,
};
use crate::config;

/// Which hub to ask.
#[derive(Debug, Args)]
pub struct Health {
    /// The hub [default: where the settings of this environment have it]
    #[arg(long)]
    url: Option<HubUrl>,
    /// The Unix socket of the hub, such as one that systemd has made [default: `FANFARE_SOCKET`]
    #[arg(long, value_name = "PATH", conflicts_with = "url")]
    unix_socket: Option<PathBuf>,
    /// Ask only whether it answers: for whoever starts anew what is not well. A hub that drains, or
    /// whose history can't keep events, is not ready, and its streams are open
    #[arg(long)]
    live: bool,
}

/// Exits with 0 when the hub is ready, or alive, and with 1 when not.
pub fn run(health: &Health) -> ExitCode {
    let path = if health.live { "/health/live" } else { "/health/ready" };
    let socket = health.unix_socket.clone().or_else(config::local_socket);
    super::report(match (&health.url, socket) {
        (None, Some(socket)) => {
            let connected = UnixStream::connect(&socket).and_then(|stream| {
                stream.set_read_timeout(Some(knock::PATIENCE))?;
                Ok(stream)
            });
            knock::knock(&socket.display(), connected, path)
        }
        (url, _) => {
            let url = url.clone().unwrap_or_else(HubUrl::local);
            let ask =
                async { answer::print(&url, client().get(url.with(path, &[])).send(), None).await };
            System::new().block_on(ask)
        }
    })
}
