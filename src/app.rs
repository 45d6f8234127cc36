//! The composition root: listener, workers, hub; and the order in which they end.
//!
//! Owns: what is started, and what ends the process. Promises: the process ends with an error
//! when a part of it has died; there is no half-dead hub. Does not: read settings or signals;
//! both are handed in, so that tests use the same door.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    pin::pin,
    time::Duration,
};

use actix_server::{Server, ServerHandle};
use actix_web::rt::{self, System};
use socket2::{Domain, Socket, Type};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

use crate::{
    auth::{Authority, Tickets},
    config::{Config, Kept, Metrics, Switch},
    connection::Options,
    files::Files,
    history::{History, Tail},
    http::{
        self, BodyLimits, Credentials, DirectWrite, Intake, Presence, Refusals, Repeats,
        ServerSettings,
    },
    hub::{self, Bell, Hub, Settings},
};

mod error;
mod opening;

pub use error::{RunError, StartError};

use opening::{log_openness, log_start};

/// How many connections may wait to be accepted; the kernel caps it at `somaxconn`.
const BACKLOG: i32 = 4096;
/// How long the workers may take to start. Each takes some milliseconds.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How long publishers that are being answered may hold up the end.
const LAST_ANSWERS: Duration = Duration::from_millis(300);

/// How long the history may take to be closed. What was answered is written before that.
const LAST_COMMIT: Duration = Duration::from_secs(10);

/// A service that listens.
pub struct Application {
    address: SocketAddr,
    hub: Hub,
    history: History,
    authority: Authority,
    tail: Tail,
    bell: Bell,
    handle: ServerHandle,
    server: oneshot::Receiver<io::Result<()>>,
    /// Where the metrics have a port of their own.
    metrics: Option<ServerHandle>,
    drain: Duration,
}

impl Application {
    /// Starts everything but the delivery. Needs an actix system around it.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let authority = config.auth.settings().map_err(StartError::Settings)?;
        let authority = Authority::open(authority).await?;
        let workers = config.workers.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        });
        let files = Files::open(workers)?;
        let max_subscribers = max_subscribers(config.max_subscribers, files)?;
        let (history, tail) = open_history(&config.history)?;
        let hub = Hub::new(
            Settings {
                max_subscribers,
                max_per_address: config.max_per_address,
                heartbeat: config.heartbeat,
                max_age: config.max_age,
                queue: hub::Limits { events: config.queue_events, bytes: config.queue_bytes },
                // Before the kernel gives up on it (`TCP_USER_TIMEOUT`), and says that it vanished.
                patience: config.peer_timeout / 3,
                revocable: config.auth.admin_token.is_some(),
            },
            history.clone(),
        );
        let wanted = SocketAddr::new(config.host, config.port);
        let listener = bind(wanted).map_err(|error| StartError::Listen(wanted, error))?;
        let address = listener.local_addr().map_err(|e| StartError::Listen(wanted, e))?;
        let mut bell = Bell::default();
        let refusals = Refusals::default();
        let metrics = serve_metrics(config.metrics, &hub, &refusals)?;
        let settings = server_settings(config, workers, files, authority.clone(), refusals);
        let server = http::serve(listener, settings, hub.clone(), bell.maker())
            .map_err(|error| StartError::Listen(address, error))?;
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
        log_start(config, address, workers, max_subscribers);
        log_openness(config, &authority);
        if config.auth.subscriptions {
            // Ends with the process.
            rt::spawn(http::tell_of_the_dead(hub.clone()));
        }
        let drain = config.drain;
        Ok(Self { address, hub, history, authority, tail, bell, handle, server, metrics, drain })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its hub.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Who may publish and subscribe.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Serves until it is told to stop, then ends in this order:
    ///
    /// 1. readiness, publishing and subscribing are refused;
    /// 2. all streams end, in waves;
    /// 3. publishers that are being answered get their answers, and connections close;
    /// 4. workers stop;
    /// 5. the history writes what it has, and is closed.
    ///
    /// A second word ends it at once, and a part that dies before the third ends it with an error.
    pub async fn run(self, mut stop: mpsc::Receiver<()>) -> Result<(), RunError> {
        let Self { hub, history, tail, mut bell, handle, mut server, metrics, drain, .. } = self;
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
        log::info!("stopping: streams end over {drain:?}");
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
            () = close(&handle, metrics, &history) => {}
            _ = stop.recv() => return Err(RunError::Interrupted),
        }
        log::info!("stopped");
        Ok(())
    }
}

async fn close(server: &ServerHandle, metrics: Option<ServerHandle>, history: &History) {
    // What is left then takes nothing, and ends with the process.
    let _ = timeout(LAST_ANSWERS, server.stop(true)).await;
    if timeout(LAST_COMMIT, history.close()).await.is_err() {
        log::error!("the history can't be closed: its disk does not answer");
    }
    if let Some(metrics) = metrics {
        let _ = timeout(LAST_ANSWERS, metrics.stop(false)).await;
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
) -> ServerSettings {
    ServerSettings {
        workers,
        files,
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

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn max_subscribers(wanted: Option<usize>, files: Files) -> Result<usize, StartError> {
    let allowed = files.for_streams();
    match wanted {
        Some(wanted) if wanted > allowed => Err(StartError::TooManySubscribers { wanted, allowed }),
        Some(wanted) => Ok(wanted),
        None => Ok(allowed),
    }
}
