//! A connection to the one server that has the log.
//!
//! Promises: it is a master, and in a Cluster the one of the log's slot; which run of it is known.
//! All keys are in one slot, so there is nothing to route: a redirection at the start is enough,
//! and a later one ends the connection.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ::redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, FromRedisValue,
    IntoConnectionInfo as _, Pipeline, RedisConnectionInfo, RedisError, ServerErrorKind,
    aio::MultiplexedConnection, cmd,
};

use parking_lot::Mutex;

use super::target::Target;
use crate::{histogram::Histogram, history::OpenError};

const CONNECT: Duration = Duration::from_secs(1);
const MAX_REDIRECTIONS: usize = 5;

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("nothing answers there ({0}): start Redis, or correct the address")]
    Unreachable(String),
    #[error("it refuses the password ({0}): correct redis://user:password@host")]
    Password(String),
    #[error("{0} is a replica, which can't be written: name its master, or the Sentinels")]
    ReadOnly(String),
    #[error("the Sentinels know no {0}: correct the name after the last /")]
    NoMaster(String),
    #[error(
        "the log has format {0}, which this version does not know: run the version that wrote it"
    )]
    Newer(String),
    #[error("it answers: {0}")]
    Refused(String),
}

impl From<LinkError> for OpenError {
    fn from(error: LinkError) -> Self {
        Self::Server(error.to_string())
    }
}

impl From<RedisError> for LinkError {
    fn from(error: RedisError) -> Self {
        let text = error.to_string();
        match (error.kind(), error.code()) {
            (ErrorKind::Io, _) => Self::Unreachable(text),
            (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => {
                Self::Password(text)
            }
            (_, Some("FORMAT")) => Self::Newer(error.detail().unwrap_or_default().to_owned()),
            _ => Self::Refused(text),
        }
    }
}

/// How long answers have taken, on all connections. The lock is nothing to a way over a network.
#[derive(Debug, Clone)]
pub struct Trips(Arc<Mutex<Histogram>>);

impl Default for Trips {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Histogram::of_times())))
    }
}

impl Trips {
    pub fn so_far(&self) -> Histogram {
        self.0.lock().clone()
    }
}

pub struct Link {
    trips: Trips,
    pub connection: MultiplexedConnection,
    /// The server's `run_id`: another one after each of its starts.
    pub run: String,
}

impl Link {
    /// Connects. An answer may take so long.
    pub async fn connect(
        target: &Target,
        trips: &Trips,
        patience: Duration,
    ) -> Result<Self, LinkError> {
        let mut why = None;
        for host in &target.hosts {
            let found = match &target.master {
                Some(master) => match ask_sentinel(target, host, master).await {
                    Ok(host) => Self::settle(target, host, trips, patience).await,
                    Err(error) => Err(error),
                },
                None => Self::settle(target, host.clone(), trips, patience).await,
            };
            match found {
                Ok(link) => return Ok(link),
                // What answers says more than what does not.
                Err(LinkError::Unreachable(_)) if why.is_some() => {}
                Err(error) => why = Some(error),
            }
        }
        Err(why.unwrap_or_else(|| LinkError::Unreachable("no address".to_owned())))
    }

    async fn settle(
        target: &Target,
        mut host: (String, u16),
        trips: &Trips,
        patience: Duration,
    ) -> Result<Self, LinkError> {
        let log = target.key("log");
        for _ in 0..MAX_REDIRECTIONS {
            let mut connection = open(target, &host, patience, true).await?;
            match cmd("EXISTS").arg(&log).query_async::<i64>(&mut connection).await {
                Ok(_) => return Self::inspect(connection, &host, trips).await,
                Err(error) => host = redirection(&error, &host).ok_or(error)?,
            }
        }
        Err(LinkError::Refused("MOVED, again and again".to_owned()))
    }

    async fn inspect(
        mut connection: MultiplexedConnection,
        (host, port): &(String, u16),
        trips: &Trips,
    ) -> Result<Self, LinkError> {
        let info: String = cmd("INFO").query_async(&mut connection).await?;
        let field = |name: &str| {
            info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
        };
        if field("role") != Some("master") {
            return Err(LinkError::ReadOnly(format!("{host}:{port}")));
        }
        let run = field("run_id").unwrap_or_default().to_owned();
        Ok(Self { trips: trips.clone(), connection, run })
    }

    /// Sends a command and waits for its answer.
    pub async fn ask<T: FromRedisValue>(&self, command: &::redis::Cmd) -> Result<T, RedisError> {
        self.timed(self.wait(command)).await
    }

    /// The same for one whose answer comes when there is something to say.
    pub async fn wait<T: FromRedisValue>(&self, command: &::redis::Cmd) -> Result<T, RedisError> {
        // A clone is a handle of the same connection.
        command.query_async(&mut self.connection.clone()).await
    }

    /// Sends several, and waits for all answers.
    pub async fn send(&self, commands: &Pipeline) -> Result<(), RedisError> {
        self.timed(commands.query_async(&mut self.connection.clone())).await
    }

    async fn timed<T>(
        &self,
        asked: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, RedisError> {
        let begun = Instant::now();
        let answer = asked.await;
        self.trips.0.lock().took(begun.elapsed());
        answer
    }
}

async fn open(
    target: &Target,
    (host, port): &(String, u16),
    patience: Duration,
    greet: bool,
) -> Result<MultiplexedConnection, RedisError> {
    let (host, port) = (host.clone(), *port);
    let address = if target.tls {
        ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, port)
    };
    let mut settings = RedisConnectionInfo::default();
    if greet {
        settings = settings.set_db(target.database);
        if let Some(user) = &target.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &target.password {
            settings = settings.set_password(password);
        }
    }
    let info = address.into_connection_info()?.set_redis_settings(settings);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(patience));
    Client::open(info)?.get_multiplexed_async_connection_with_config(&config).await
}

/// Where another server has the log: `MOVED <slot> <host>:<port>`.
fn redirection(error: &RedisError, asked: &(String, u16)) -> Option<(String, u16)> {
    let moved = error.kind() == ErrorKind::Server(ServerErrorKind::Moved);
    let (address, _) = error.redirect_node().filter(|_| moved)?;
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = if host.is_empty() { &asked.0 } else { host };
    Some((host.to_owned(), port.parse().ok()?))
}

async fn ask_sentinel(
    target: &Target,
    sentinel: &(String, u16),
    master: &str,
) -> Result<(String, u16), LinkError> {
    // Sentinels have passwords of their own, most have none.
    let mut connection = open(target, sentinel, CONNECT, false).await?;
    let mut ask = cmd("SENTINEL");
    ask.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    let found: Option<(String, u16)> = ask.query_async(&mut connection).await?;
    found.ok_or_else(|| LinkError::NoMaster(master.to_owned()))
}
