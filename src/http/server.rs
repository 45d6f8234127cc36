//! Listener and workers: an actix application on [`Connection`]s of our own.
//!
//! What `HttpServer` does for its users, done with its parts, since it takes no stream type but
//! its own. Does not: handle signals; the one who starts it does.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_http::HttpService;
use actix_server::Server;
use actix_service::{Service as _, apply_fn_factory, map_config};
use actix_web::{App, dev::AppConfig, middleware::from_fn, rt::net::TcpStream, web::Data};

use super::{
    BodyLimits, Credentials, DirectWrite, Origins, Presence, Refusals, Repeats, answer_preflights,
    cors, end_unread, log_end, log_request, mercure, routes, stream::Streams,
};
use crate::{
    connection::{Connection, LINGER, Lobby, Options, set_options},
    files::Files,
    hub::{AlarmMaker, Hub},
};

/// What the server is told to hold to.
#[derive(Clone)]
pub struct ServerSettings {
    /// Threads.
    pub workers: usize,
    /// How many connections there may be.
    pub files: Files,
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
    /// Who is there, where others may know.
    pub presence: Option<Presence>,
    /// Where is counted what was not published.
    pub refusals: Refusals,
    /// What was published under keys.
    pub repeats: Repeats,
    /// Whether `/metrics` is here.
    pub shows_metrics: bool,
    /// What holds for every connection.
    pub connection: Options,
}

/// Starts the workers. Each starts its Broadcaster.
pub fn serve(
    listener: TcpListener,
    settings: ServerSettings,
    hub: Hub,
    alarms: AlarmMaker,
) -> io::Result<Server> {
    let workers = settings.workers;
    set_options(&listener, settings.connection)?;
    let builder = Server::build()
        .workers(workers)
        .disable_signals()
        .shutdown_timeout(1)
        // The hub's own limit comes first. At this one actix stops to accept, also health checks.
        .max_concurrent_connections(usize::MAX);
    let stopping = builder.graceful_shutdown_signal();
    let factory = move || {
        let broadcaster = hub.start_broadcaster(alarms.alarm());
        let streams = Streams::new(hub.clone(), broadcaster, settings.direct_write);
        let app = App::new()
            .app_data(Data::new(hub.clone()))
            .app_data(Data::new(streams))
            .app_data(Data::new(settings.body.clone()))
            .app_data(Data::new(settings.origins.clone()))
            .app_data(Data::new(settings.credentials.clone()))
            .app_data(Data::new(settings.refusals.clone()))
            .app_data(Data::new(settings.repeats.clone()))
            .wrap(cors(&settings.origins))
            .wrap(from_fn(answer_preflights))
            .wrap(from_fn(mercure::secure))
            .wrap(from_fn(end_unread))
            .wrap(from_fn(log_request))
            .configure(|config| {
                let ServerSettings { credentials, presence, shows_metrics, .. } = &settings;
                routes(config, credentials, presence.as_ref(), *shows_metrics);
            });
        let (stopping, options) = (stopping.clone(), settings.connection);
        let http = HttpService::build()
            .keep_alive(settings.keep_alive)
            .client_request_timeout(settings.header_timeout)
            .client_disconnect_timeout(LINGER)
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .on_connect_ext(|connection: &Connection, data| {
                data.insert(connection.watch());
            })
            .h1(map_config(app, |()| AppConfig::default()));
        let (files, hub) = (settings.files, hub.clone());
        let lobby = Lobby::new(move || files.for_others(hub.streams()));
        apply_fn_factory(http, move |socket: TcpStream, http| {
            let connection = Connection::new(socket, options, lobby.welcome());
            let peer: Option<SocketAddr> = connection.peer();
            let watch = connection.watch();
            let served = http.call((connection, peer));
            async move {
                let end = served.await;
                log_end(peer, &watch, &end);
                end
            }
        })
    };
    Ok(builder.listen("fanfare", listener, factory)?.run())
}
