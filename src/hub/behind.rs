//! Subscribers whose queue was full, until they are live again or gone.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::AbortHandle;
use uuid::Uuid;

use super::account::{Account, End};

/// How long such a subscriber may take nothing before it is cut. One that reads, however slowly,
/// takes something within this time and catches up from the history.
const STALLED_AFTER: Duration = Duration::from_secs(1);

/// All of one Broadcaster.
#[derive(Debug, Default)]
pub struct Behind(HashMap<Uuid, Laggard>);

#[derive(Debug)]
struct Laggard {
    account: Arc<Account>,
    /// Its progress when that was last seen to grow, and when that was.
    progress: u64,
    since: Instant,
    /// What writes to its socket, where that is ours.
    courier: Option<AbortHandle>,
}

impl Behind {
    pub fn insert(&mut self, account: Arc<Account>, now: Instant, courier: Option<AbortHandle>) {
        let progress = account.progress_made();
        let laggard = Laggard { progress, since: now, courier, account };
        self.0.insert(laggard.account.id, laggard);
    }

    /// Names what writes to its socket now.
    pub fn carried_by(&mut self, account: &Account, courier: AbortHandle) {
        if let Some(laggard) = self.0.get_mut(&account.id) {
            laggard.courier = Some(courier);
        }
    }

    pub fn remove(&mut self, account: &Account) {
        self.0.remove(&account.id);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Decides why all of them end. Each does at its next step.
    pub fn end_all(&self, why: End) {
        self.0.values().for_each(|laggard| laggard.account.end(why));
    }

    /// Cuts those who take nothing.
    pub fn cut_stalled(&mut self, now: Instant) {
        self.0.retain(|_, laggard| {
            let progress = laggard.account.progress_made();
            if progress != laggard.progress {
                (laggard.progress, laggard.since) = (progress, now);
            } else if now.duration_since(laggard.since) >= STALLED_AFTER {
                laggard.account.end(End::Slow);
                // Its body stream can't see the end, as its socket takes nothing: the line is
                // written here, and the kernel frees the socket after the peer time-out.
                laggard.account.close();
                if let Some(courier) = &laggard.courier {
                    courier.abort();
                }
            }
            !laggard.account.is_closed()
        });
    }
}
