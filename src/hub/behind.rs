//! Subscribers whose queue was full, until they are live again or gone.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::account::{Account, End};

/// All of one Broadcaster.
#[derive(Debug)]
pub struct Behind {
    laggards: HashMap<Uuid, Laggard>,
    /// How long one may take nothing before it is cut. One that reads, however slowly, takes
    /// something within this time and catches up from the history: the kernel takes more as soon
    /// as a third of its buffer is free, which is 9 kB/s with the defaults.
    patience: Duration,
}

#[derive(Debug)]
struct Laggard {
    account: Arc<Account>,
    /// Its progress when that was last seen to grow, and when that was.
    progress: u64,
    since: Instant,
}

impl Behind {
    pub fn new(patience: Duration) -> Self {
        Self { laggards: HashMap::new(), patience }
    }

    pub fn insert(&mut self, account: Arc<Account>, now: Instant) {
        let progress = account.lifeline.progress_made();
        self.laggards.insert(account.id, Laggard { progress, since: now, account });
    }

    pub fn remove(&mut self, account: &Account) {
        self.laggards.remove(&account.id);
    }

    /// Who they are.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.laggards.values().map(|laggard| &*laggard.account)
    }

    pub fn len(&self) -> usize {
        self.laggards.len()
    }

    /// Cuts those who take nothing.
    pub fn cut_stalled(&mut self, now: Instant) {
        self.laggards.retain(|_, laggard| {
            let progress = laggard.account.lifeline.progress_made();
            if progress != laggard.progress {
                (laggard.progress, laggard.since) = (progress, now);
            }
            let stalled = now.duration_since(laggard.since) >= self.patience;
            if stalled {
                laggard.account.end(End::Slow);
                laggard.account.lifeline.cut();
            }
            !stalled
        });
    }
}
