//! Why the service did not start, and why it did not end as planned.

use std::{io, net::SocketAddr};

use crate::{
    auth,
    files::FilesError,
    history::{OpenError, Place},
    listeners::ListenError,
};

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is nothing to listen on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The address of the metrics can't be had.
    #[error("FANFARE_METRICS (--metrics) can't be {0}: {1}")]
    ListenForMetrics(SocketAddr, io::Error),
    /// There is no history at its place.
    #[error("FANFARE_HISTORY (--history) can't be {place}: {why}")]
    History {
        /// The setting.
        place: Box<Place>,
        /// What is wrong with it.
        why: OpenError,
    },
    /// There are not enough open files.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A worker has died, or hangs.
    #[error("the workers did not start: {0}")]
    Workers(String),
    /// Settings that contradict each other.
    #[error("{0}")]
    Settings(String),
    /// There is no thread for hooks.
    #[error("hooks (FANFARE_HOOK_URL) can't be told: {0}")]
    Hooks(io::Error),
    /// A key can't be used.
    #[error("{0}")]
    Keys(#[from] auth::StartError),
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
    /// The history, and with it what delivers events, has ended.
    #[error("the history has died: nothing more would be kept or delivered")]
    History,
    /// The HTTP server has ended by itself.
    #[error("the HTTP server has ended: {0}")]
    Server(String),
    /// Told to stop while stopping.
    #[error("stopped at once by a second signal")]
    Interrupted,
}
