//! The composition root: listener, workers, hub; and the order in which they end.
//!
//! Owns: what is started, and what ends the process. Promises: the process ends with an error
//! when a part of it has died; there is no half-dead hub. Does not: read settings or signals;
//! both are handed in, so that tests use the same door.

use std::{io, pin::pin, time::Duration};

use actix_server::{Server, ServerHandle};
use actix_web::rt::{self, System};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::{
    auth::{Authority, Tickets},
    config::{Config, Kept, Metrics, Switch},
    connection::Options,
    files::Files,
    history::{History, Tail},
    hooks::Hooks,
    http::{
        self, BodyLimits, Connections, Credentials, DefaultPace, Desk, DirectWrite, Intake, Limits,
        Presence, Refusals, Repeats, ServerSettings,
    },
    hub::{self, Bell, DrainPace, Hub, Settings},
    listeners::{Listeners, SocketFile, bind},
    tls::Certificate,
};

mod error;
mod opening;

pub use error::{RunError, StartError};

pub use http::{Console, Setting};

use opening::{log_openness, log_start};

/// How long the workers may take to start. Each takes some milliseconds.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How long publishers that are being answered may hold up the end.
const LAST_ANSWERS: Duration = Duration::from_millis(300);

/// How often it is looked whether there are any left.
const LOOK: Duration = Duration::from_millis(10);
/// How long hooks may take that tell of the last streams.
const LAST_HOOKS: Duration = Duration::from_secs(2);

/// How long the history may take to be closed. What was answered is written before that.
const LAST_COMMIT: Duration = Duration::from_secs(10);

/// A service that listens.
pub struct Application {
    addresses: Vec<String>,
    hub: Hub,
    hooks: Option<Hooks>,
    history: History,
    authority: Authority,
    certificate: Option<Certificate>,
    tail: Tail,
    bell: Bell,
    handle: ServerHandle,
    server: oneshot::Receiver<io::Result<()>>,
    /// Where the metrics have a port of their own.
    metrics: Option<ServerHandle>,
    connections: Connections,
    drain: DrainPace,
    /// Removed when it is dropped.
    #[expect(dead_code, reason = "held for its drop")]
    socket_file: Option<SocketFile>,
}

impl Application {
    /// Starts everything but the delivery. Needs an actix system around it.
    pub async fn start(config: &Config, mut console: Console) -> Result<Self, StartError> {
        let authority = config.auth.settings().map_err(StartError::Settings)?;
        let hooks = config.hooks.settings().map_err(StartError::Settings)?;
        let proxies = config.limits.proxies().map_err(StartError::Settings)?;
        let authority = Authority::open(authority).await?;
        let tls = config.listen.tls().map_err(StartError::Settings)?;
        let certificate = tls.map(Certificate::open).transpose()?;
        let workers = config.workers.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        });
        let files = Files::open(workers)?;
        let max_subscribers = max_subscribers(config.max_subscribers, files)?;
        let (history, tail) = open_history(&config.history)?;
        let hooks = hooks.map(Hooks::start).transpose().map_err(StartError::Hooks)?;
        let kept = config.history.retention();
        console.fill("workers", &workers);
        console.fill("max_subscribers", &max_subscribers);
        console.fill("events", &kept.limits.events);
        console.fill("bytes", &kept.limits.bytes);
        let desk = Desk::new(console, config.history.place.clone(), kept);
        let hub = Hub::new(
            Settings {
                max_subscribers,
                max_per_address: config.max_per_address,
                max_per_subject: config.limits.max_per_subject,
                heartbeat: config.heartbeat,
                max_age: config.max_age,
                queue: hub::Limits { events: config.queue_events, bytes: config.queue_bytes },
                // Before the kernel gives up on it (`TCP_USER_TIMEOUT`), and says that it vanished.
                patience: config.peer_timeout / 3,
                operated: config.auth.admin_token.is_some(),
                hooks: hooks.clone(),
            },
            history.clone(),
        );
        let (listeners, socket_file) = Listeners::open(&config.listen.place())?.into_parts();
        let scheme = if certificate.is_some() { "https" } else { "http" };
        let addresses: Vec<_> = listeners.iter().map(|listener| listener.url(scheme)).collect();
        let mut bell = Bell::default();
        let refusals = Refusals::default();
        let metrics = serve_metrics(config.metrics, &hub, &refusals)?;
        let limits = Limits::new(config.limits.rates(), &hub);
        if limits.are_set() {
            // Ends with the process.
            rt::spawn(limits.clone().sweep());
        }
        let mut settings =
            server_settings(config, workers, files, authority.clone(), refusals, desk, limits);
        settings.proxies = proxies;
        settings.certificate.clone_from(&certificate);
        let connections = Connections::default();
        settings.connections = connections.clone();
        let server = http::serve(listeners, settings, hub.clone(), bell.maker())
            .map_err(|error| StartError::Workers(error.to_string()))?;
        let handle = server.handle();
        let mut server =
            on_its_thread(server).map_err(|error| StartError::Workers(error.to_string()))?;
        tokio::select! {
            () = hub.wait_for_broadcasters(workers) => {}
            () = bell.rings() => return Err(StartError::Workers("one has died".to_owned())),
            ended = &mut server => return Err(StartError::Workers(why(ended))),
            () = sleep(START_PATIENCE) => {
                return Err(StartError::Workers(format!("not within {START_PATIENCE:?}")));
            }
        }
        log_start(config, &addresses, workers, max_subscribers);
        log_openness(config, &authority);
        if config.auth.subscriptions {
            // Ends with the process.
            rt::spawn(http::tell_of_the_dead(hub.clone()));
        }
        if let Some(certificate) = certificate.clone() {
            // Ends with the process too.
            rt::spawn(async move { certificate.follow().await });
        }
        let drain = config.drain.pace();
        Ok(Self {
            addresses,
            hub,
            hooks,
            history,
            authority,
            certificate,
            tail,
            bell,
            handle,
            server,
            metrics,
            connections,
            drain,
            socket_file,
        })
    }

    /// Where it listens: `http://` and an address, or `unix:` and a path.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Its hub.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Who may publish and subscribe.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// What handshakes are made with, where TLS is spoken.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// Serves until it is told to stop, then ends in this order:
    ///
    /// 1. readiness and subscribing are refused, and publishing what would not outlive the process;
    /// 2. all streams end, in waves;
    /// 3. nothing more is accepted; requests that have come are answered, connections close, and
    ///    hooks tell of the last streams;
    /// 4. workers stop;
    /// 5. the history writes what it has, and is closed.
    ///
    /// A second word ends it at once, and a part that dies before the third ends it with an error.
    pub async fn run(self, mut stop: mpsc::Receiver<()>) -> Result<(), RunError> {
        // The file of the socket, which is not moved out, goes when this returns.
        let Self { hub, hooks, history, tail, mut bell, handle, mut server, metrics, .. } = self;
        let (connections, drain) = (self.connections, self.drain);
        let delivering = hub.clone();
        let mut delivery = rt::spawn(async move { delivering.run(tail).await });
        let death = async {
            tokio::select! {
                () = bell.rings() => RunError::Broadcaster,
                _ = &mut delivery => {
                    let lost = hub.has_lost_one(LAST_ANSWERS).await;
                    if lost { RunError::Broadcaster } else { RunError::History }
                }
                ended = &mut server => RunError::Server(why(ended)),
            }
        };
        let mut death = pin!(death);
        tokio::select! {
            died = &mut death => return Err(died),
            _ = stop.recv() => {}
        }
        let streams = hub.streams();
        log::info!("stopping: {streams} streams end over {:?}", drain.time_for(streams));
        tokio::select! {
            () = hub.drain(drain) => {}
            died = &mut death => return Err(died),
            _ = stop.recv() => return Err(RunError::Interrupted),
        }
        // Its streams end when a Broadcaster dies, perhaps before the bell rings.
        if hub.has_lost_one(LAST_ANSWERS).await {
            return Err(RunError::Broadcaster);
        }
        tokio::select! {
            () = close(&handle, &connections, metrics, &history, hooks) => {}
            _ = stop.recv() => return Err(RunError::Interrupted),
        }
        log::info!("stopped");
        Ok(())
    }
}

async fn close(
    server: &ServerHandle,
    connections: &Connections,
    metrics: Option<ServerHandle>,
    history: &History,
    hooks: Option<Hooks>,
) {
    // All streams have ended. It says itself what is left.
    let told = hooks.map(|hooks| rt::task::spawn_blocking(move || hooks.close(LAST_HOOKS)));
    // Those who come now wait for whoever listens at this socket next, if anyone does. A server
    // that is told to stop reads no more requests, not those that are there either.
    server.pause().await;
    let over = Instant::now() + LAST_ANSWERS;
    let _ = timeout_at(over, none_left(connections)).await;
    // What is left then takes nothing, and ends with the process.
    let _ = timeout_at(over, server.stop(true)).await;
    if let Some(told) = told {
        let _ = told.await;
    }
    if timeout(LAST_COMMIT, history.close()).await.is_err() {
        log::error!("the history can't be closed: its disk does not answer");
    }
    if let Some(metrics) = metrics {
        let _ = timeout(LAST_ANSWERS, metrics.stop(false)).await;
    }
}

/// Waits until each connection has had its answer, which is its last. One that is accepted may not
/// be counted yet: it takes two looks.
async fn none_left(connections: &Connections) {
    let mut quiet = 0;
    while quiet < 2 {
        quiet = if connections.count() == 0 { quiet + 1 } else { 0 };
        sleep(LOOK).await;
    }
}

fn open_history(kept: &Kept) -> Result<(History, Tail), StartError> {
    History::open(&kept.place, kept.retention(), kept.durability)
        .map_err(|why| StartError::History { place: Box::new(kept.place.clone()), why })
}

/// Runs the server on a thread of its own: it waits for its workers to start, and nothing else
/// could be waited for meanwhile.
fn on_its_thread(server: Server) -> io::Result<oneshot::Receiver<io::Result<()>>> {
    let (tell, ended) = oneshot::channel();
    let run = move || {
        // Nobody asks any more once the process is ending as planned.
        let _ = tell.send(System::new().block_on(server));
    };
    std::thread::Builder::new().name("server".to_owned()).spawn(run)?;
    Ok(ended)
}

/// Why the server has ended.
fn why(ended: Result<io::Result<()>, oneshot::error::RecvError>) -> String {
    match ended {
        Ok(Ok(())) => "it was not told to end".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it has panicked".to_owned(),
    }
}

fn server_settings(
    config: &Config,
    workers: usize,
    files: Files,
    authority: Authority,
    refusals: Refusals,
    desk: Desk,
    limits: Limits,
) -> ServerSettings {
    ServerSettings {
        workers,
        files,
        certificate: None,
        h2c: config.listen.h2c == Switch::On,
        header_timeout: config.header_timeout,
        keep_alive: config.keep_alive,
        body: BodyLimits {
            max_bytes: config.max_body,
            patience: config.body_timeout,
            intake: Intake::new(config.max_body),
        },
        direct_write: DirectWrite(config.direct_write == Switch::On),
        credentials: Credentials {
            authority,
            cookie: config.auth.cookie_name.clone(),
            publish_origins: config.auth.publish_origins.clone().unwrap_or_default(),
            admin: config.auth.admin_token.clone(),
            tickets: Tickets::default(),
        },
        origins: config.cors_origins.clone(),
        presence: config.auth.subscriptions.then(Presence::default),
        refusals,
        desk,
        drain: DefaultPace(config.drain.pace()),
        connections: Connections::default(),
        proxies: None,
        limits,
        repeats: Repeats::new(config.publishing.idempotency_window),
        shows_metrics: config.metrics == Metrics::On,
        connection: Options {
            peer_timeout: config.peer_timeout,
            send_buffer: config.send_buffer,
            probe: config.heartbeat > config.peer_timeout / 2,
            header_timeout: config.header_timeout,
            idle_timeout: config.keep_alive.max(config.body_timeout) + Duration::from_secs(5),
        },
    }
}

/// Serves the metrics where they have a port of their own. They are there as long as the process:
/// also while streams end.
fn serve_metrics(
    metrics: Metrics,
    hub: &Hub,
    refusals: &Refusals,
) -> Result<Option<ServerHandle>, StartError> {
    let Metrics::At(address) = metrics else { return Ok(None) };
    let serve = || {
        let listener = bind(address)?;
        log::info!("metrics at http://{}/metrics", listener.local_addr()?);
        let server = http::serve_metrics(listener, hub.clone(), refusals.clone())?;
        let handle = server.handle();
        // Without it there is a hub all the same.
        drop(on_its_thread(server)?);
        Ok(Some(handle))
    };
    serve().map_err(|error| StartError::ListenForMetrics(address, error))
}

fn max_subscribers(wanted: Option<usize>, files: Files) -> Result<usize, StartError> {
    let allowed = files.for_streams();
    match wanted {
        Some(wanted) if wanted > allowed => Err(StartError::TooManySubscribers { wanted, allowed }),
        Some(wanted) => Ok(wanted),
        None => Ok(allowed),
    }
}
