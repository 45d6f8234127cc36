//! Listeners and workers.
//!
//! What `HttpServer` does for its users, done with its parts, since it takes no stream type but
//! its own. Does not: handle signals; the one who starts it does.

use std::{io, time::Duration};

use actix_server::Server;
use actix_web::rt::net::{TcpStream, UnixStream};

use super::{
    BodyLimits, Connections, Credentials, DefaultPace, Desk, DirectWrite, Limits, Origins,
    Presence, Proxies, Refusals, Repeats, worker::Worker,
};
use crate::{
    connection::{Options, set_options},
    files::Files,
    hub::{AlarmMaker, Hub},
    listeners::Listener,
    tls::Certificate,
};

/// What the server is told to hold to.
#[derive(Clone)]
pub struct ServerSettings {
    /// Threads.
    pub workers: usize,
    /// How many connections there may be.
    pub files: Files,
    /// What TLS is spoken with on listeners of TCP, where it is.
    pub certificate: Option<Certificate>,
    /// Whether HTTP/2 is spoken without TLS too.
    pub h2c: bool,
    /// How long the head of a connection's first request may take: for later ones the connection
    /// has a clock of its own. actix keeps one of half seconds for this: up to one less.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub keep_alive: Duration,
    /// What a body may be.
    pub body: BodyLimits,
    /// Whether Broadcasters write to sockets themselves.
    pub direct_write: DirectWrite,
    /// Who may publish and subscribe.
    pub credentials: Credentials,
    /// Whose pages may talk to the hub.
    pub origins: Origins,
    /// The proxies that say who has asked them.
    pub proxies: Option<Proxies>,
    /// How often someone may publish and connect.
    pub limits: Limits,
    /// Who is there, where others may know.
    pub presence: Option<Presence>,
    /// Where is counted what was not published.
    pub refusals: Refusals,
    /// What was published under keys.
    pub repeats: Repeats,
    /// Whether `/metrics` is here.
    pub shows_metrics: bool,
    /// What only the operator sees.
    pub desk: Desk,
    /// How fast streams end.
    pub drain: DefaultPace,
    /// Where connections are counted.
    pub connections: Connections,
    /// What holds for every connection.
    pub connection: Options,
}

/// Starts the workers. Each starts its Broadcaster, whose subscribers come from all listeners.
pub fn serve(
    listeners: Vec<Listener>,
    settings: ServerSettings,
    hub: Hub,
    alarms: AlarmMaker,
) -> io::Result<Server> {
    let mut builder = Server::build()
        .workers(settings.workers)
        .disable_signals()
        .shutdown_timeout(1)
        // The hub's own limit comes first. At this one actix stops to accept, also health checks.
        .max_concurrent_connections(usize::MAX);
    let stopping = builder.graceful_shutdown_signal();
    let options = settings.connection;
    let worker = Worker { settings, hub, alarms, stopping };
    for listener in listeners {
        let worker = worker.clone();
        builder = match listener {
            Listener::Tcp(socket) => {
                set_options(&socket, options)?;
                let certificate = worker.settings.certificate.clone();
                let make = move || worker.service::<TcpStream>(certificate.clone());
                builder.listen("tcp", socket, make)?
            }
            Listener::Unix(socket) => {
                // What is in between is this machine.
                let make = move || worker.service::<UnixStream>(None);
                builder.listen_uds("unix", socket, make)?
            }
        };
    }
    Ok(builder.run())
}
