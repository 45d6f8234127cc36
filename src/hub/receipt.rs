//! What a publisher is told.

use crate::history::StorageError;

/// Why an event is not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The hub is about to stop.
    #[error("the hub is draining")]
    Draining,
    /// A Broadcaster has died, and the process is about to end. The event may have been seen.
    #[error("the hub is failing")]
    Failing,
    /// The history did not keep it, and nobody has seen it.
    #[error("{0}")]
    Storage(#[from] StorageError),
}

/// What a publisher is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The id that subscribers see.
    pub id: String,
    /// How many it was queued for.
    pub subscribers: usize,
}
