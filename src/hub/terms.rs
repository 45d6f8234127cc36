//! What a subscriber was let in with.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::account::End;
use crate::{
    history::Entry,
    slice::Slice,
    topic::{Progress, Scope},
};

/// Whether the hub's own events are in a stream: the greeting, and `gap` where something is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Notices {
    /// They are, as the clients of `/events` expect.
    #[default]
    On,
    /// It begins with a comment, and has nothing but what was published (Mercure).
    Off,
}

/// On what terms a stream is opened. By default: nothing private, and no end.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Topics whose private events it receives, where it asks for them.
    pub private: Scope,
    /// Whose stream it is, where that is known.
    pub subject: Option<Arc<str>>,
    /// How long it is allowed to last.
    pub time_left: Option<Duration>,
    /// What the hub itself says in it.
    pub notices: Notices,
}

impl Terms {
    /// Whether it may see this entry. A private one needs one covered topic.
    pub async fn allow(&self, entry: &Entry, slice: &mut Slice) -> bool {
        !entry.private || self.private.covers_any(&entry.topics, slice).await
    }

    /// The same for who can't wait: `None` where the slice was over before it was known.
    pub fn try_allow(
        &self,
        entry: &Entry,
        progress: &mut Progress,
        slice: &mut Slice,
    ) -> Option<bool> {
        if entry.private { self.private.search(&entry.topics, progress, slice) } else { Some(true) }
    }
}

/// When a stream has to end, and why then.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    pub at: Instant,
    pub why: End,
}

impl Deadline {
    /// The first of its age, where that is limited, and the end of its terms. Each up to a fifth
    /// early, so that streams that began together don't come back together.
    pub fn of(max_age: Duration, terms: &Terms) -> Option<Self> {
        let now = Instant::now();
        let early = |time: Duration, why| {
            let at = now.checked_add(time.mul_f64(0.8 + 0.2 * fastrand::f64()))?;
            Some(Self { at, why })
        };
        let aged = (!max_age.is_zero()).then(|| early(max_age, End::Aged)).flatten();
        let expired = terms.time_left.and_then(|left| early(left, End::Expired));
        [aged, expired].into_iter().flatten().min_by_key(|deadline| deadline.at)
    }

    /// Whether it is reached.
    pub fn is_over(self, now: Instant) -> bool {
        self.at <= now
    }
}
