//! The composition root: listener, workers, hub; and the order in which they end.
//!
//! Owns: what is started, and what ends the process. Promises: the process ends with an error
//! when a part of it has died; there is no half-dead hub. Does not: read settings or signals;
//! both are handed in, so that tests use the same door.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{dev::ServerHandle, rt};
use socket2::{Domain, Socket, Type};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    config::{Config, Kept, Switch},
    connection::Options,
    history::{History, OpenError, Place, Tail},
    http::{self, BodyLimits, DirectWrite, ServerSettings},
    hub::{self, Bell, Hub, Settings},
};

/// Open files that are not for streams: publishers, health checks, the process itself.
const RESERVED_FILES: u64 = 512;
/// How many connections may wait to be accepted; the kernel caps it at `somaxconn`.
const BACKLOG: i32 = 4096;
/// How long publishers that are being answered may hold up the end.
const LAST_ANSWERS: Duration = Duration::from_millis(300);

/// How long the history may take to be closed. What was answered is written before that.
const LAST_COMMIT: Duration = Duration::from_secs(10);

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address can't be had.
    #[error("can't listen on {0} (FANFARE_HOST, PORT): {1}")]
    Listen(SocketAddr, io::Error),
    /// There is no history at its place.
    #[error("FANFARE_HISTORY (--history) can't be {place}: {why}")]
    History {
        /// The setting.
        place: Place,
        /// What is wrong with it.
        why: OpenError,
    },
    /// The open-file limit can't be read.
    #[error("can't read the limit of open files: {0}")]
    OpenFiles(io::Error),
    /// The limit leaves nothing for streams.
    #[error("the limit of open files is {0}: it has to be above {RESERVED_FILES} (ulimit -n)")]
    TooFewFiles(u64),
    /// More streams than files.
    #[error(
        "FANFARE_MAX_SUBSCRIBERS (--max-subscribers) can't be {wanted}: \
         the limit of open files (ulimit -n) allows {allowed}"
    )]
    TooManySubscribers {
        /// What was asked for.
        wanted: usize,
        /// What the limit allows.
        allowed: usize,
    },
}

/// Why the service did not end as planned.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A Broadcaster, and perhaps its worker, has died.
    #[error("a Broadcaster has died: its subscribers would hear nothing more")]
    Broadcaster,
    /// What delivers events has ended.
    #[error("a Broadcaster or the history has died: nothing more would be delivered")]
    Delivery,
    /// The HTTP server has ended by itself.
    #[error("the HTTP server has ended: {0}")]
    Server(String),
    /// Told to stop while stopping.
    #[error("stopped at once by a second signal")]
    Interrupted,
}

/// A service that listens.
pub struct Application {
    address: SocketAddr,
    hub: Hub,
    history: History,
    tail: Tail,
    bell: Bell,
    handle: ServerHandle,
    server: rt::task::JoinHandle<io::Result<()>>,
    drain: Duration,
}

impl Application {
    /// Starts everything but the delivery. Needs an actix system around it.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let max_subscribers = max_subscribers(config.max_subscribers)?;
        let workers = config.workers.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        });
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
            },
            history.clone(),
        );
        let listener = listen(SocketAddr::new(config.host, config.port))?;
        let address = listener.local_addr().map_err(|error| {
            StartError::Listen(SocketAddr::new(config.host, config.port), error)
        })?;
        let bell = Bell::default();
        let settings = server_settings(config, workers);
        let server = http::serve(listener, settings, hub.clone(), bell.maker())
            .map_err(|error| StartError::Listen(address, error))?;
        let handle = server.handle();
        let server = rt::spawn(server);
        hub.wait_for_broadcasters(workers).await;
        log_start(config, address, workers, max_subscribers);
        Ok(Self { address, hub, history, tail, bell, handle, server, drain: config.drain })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its hub.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Serves until it is told to stop, then ends in this order:
    ///
    /// 1. readiness, publishing and subscribing are refused;
    /// 2. all streams end, in waves;
    /// 3. publishers that are being answered get their answers, and connections close;
    /// 4. workers stop;
    /// 5. the history writes what it has, and is closed.
    ///
    /// A second word ends it at once.
    pub async fn run(mut self, mut stop: mpsc::Receiver<()>) -> Result<(), RunError> {
        let hub = self.hub.clone();
        let tail = self.tail;
        let mut delivery = rt::spawn(async move { hub.run(tail).await });
        tokio::select! {
            () = self.bell.rings() => return Err(RunError::Broadcaster),
            _ = &mut delivery => return Err(RunError::Delivery),
            ended = &mut self.server => return Err(RunError::Server(format!("{ended:?}"))),
            _ = stop.recv() => {}
        }
        log::info!("stopping: streams end over {:?}", self.drain);
        let end = async {
            self.hub.drain(self.drain).await;
            // What is left then takes nothing, and ends with the process.
            let _ = timeout(LAST_ANSWERS, self.handle.stop(true)).await;
            if timeout(LAST_COMMIT, self.history.close()).await.is_err() {
                log::error!("the history can't be closed: its disk does not answer");
            }
        };
        tokio::select! {
            () = end => {}
            _ = stop.recv() => return Err(RunError::Interrupted),
        }
        log::info!("stopped");
        Ok(())
    }
}

fn open_history(kept: &Kept) -> Result<(History, Tail), StartError> {
    History::open(&kept.place, kept.retention(), kept.durability)
        .map_err(|why| StartError::History { place: kept.place.clone(), why })
}

fn server_settings(config: &Config, workers: usize) -> ServerSettings {
    ServerSettings {
        workers,
        header_timeout: config.header_timeout,
        keep_alive: config.keep_alive,
        body: BodyLimits { max_bytes: config.max_body, patience: config.body_timeout },
        direct_write: DirectWrite(config.direct_write == Switch::On),
        origins: config.cors_origins.clone(),
        connection: Options {
            peer_timeout: config.peer_timeout,
            send_buffer: config.send_buffer,
            probe: config.heartbeat > config.peer_timeout / 2,
            header_timeout: config.header_timeout,
            idle_timeout: config.keep_alive.max(config.body_timeout) + Duration::from_secs(5),
        },
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listen = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    listen().map_err(|error| StartError::Listen(address, error))
}

/// Raises the limit of open files as far as the system lets it, and divides it.
fn max_subscribers(wanted: Option<usize>) -> Result<usize, StartError> {
    let files = rlimit::increase_nofile_limit(u64::MAX).map_err(StartError::OpenFiles)?;
    let allowed = files
        .checked_sub(RESERVED_FILES)
        .filter(|left| *left > 0)
        .ok_or(StartError::TooFewFiles(files))?;
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
    match wanted {
        Some(wanted) if wanted > allowed => Err(StartError::TooManySubscribers { wanted, allowed }),
        Some(wanted) => Ok(wanted),
        None => Ok(allowed),
    }
}

fn log_start(config: &Config, address: SocketAddr, workers: usize, max_subscribers: usize) {
    let kept = config.history.retention().limits;
    log::info!("Events service started at http://{}", shown(address));
    log::info!(
        "{workers} workers; at most {max_subscribers} streams, {} per address; \
         history in {}, at most {} events and {} bytes",
        if config.max_per_address == 0 {
            "any number".to_owned()
        } else {
            config.max_per_address.to_string()
        },
        config.history.place,
        kept.events,
        kept.bytes,
    );
    log::warn!("anyone who reaches this address may publish and subscribe");
    if config.cors_origins == http::Origins::Any {
        log::warn!("pages of any origin may publish and subscribe (FANFARE_CORS_ORIGINS)");
    }
}

/// The address as a browser on this machine can use it.
fn shown(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    }
}
