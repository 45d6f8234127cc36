//! Whether a stream should be over, for whoever writes it and waits for its client.
//!
//! Promises: a stream that has to end, ends, also one whose client takes its words so slowly that
//! nobody asks for the next. Does not: end it; who writes it does.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Hub,
    account::{Account, End},
    terms::Deadline,
};

/// How long what has waited for its client, and its last words, may still take.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// See the module.
pub struct Overdue {
    hub: Hub,
    account: Arc<Account>,
    deadline: Option<Deadline>,
    /// When it was first seen that it has to end.
    since: Option<Instant>,
}

impl Overdue {
    pub(super) fn new(hub: &Hub, account: &Arc<Account>, deadline: Option<Deadline>) -> Self {
        Self { hub: hub.clone(), account: Arc::clone(account), deadline, since: None }
    }

    /// Whether it has had its time. Decides why it ends then.
    pub fn is_over(&mut self) -> bool {
        let now = Instant::now();
        let drained = || self.hub.0.admission.farewell().filter(|farewell| farewell.until <= now);
        let ended = || self.deadline.filter(|deadline| deadline.is_over(now));
        let why = self.account.ending();
        let why = why.or_else(|| drained().map(|_| End::Drained)).or_else(|| Some(ended()?.why));
        let Some(why) = why else { return false };
        let is_over = now.duration_since(*self.since.get_or_insert(now)) >= LAST_WORDS;
        if is_over {
            self.account.end(why);
        }
        is_over
    }
}
