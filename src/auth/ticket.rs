//! Tickets: in the place of a token, in the URL of one subscription.
//!
//! For browsers, whose `EventSource` can't send a header, so that no long-lived token stands in a
//! URL, which proxies log. Promises: a ticket is good for one use, for [`LIFE`], and can't be
//! guessed; how many there are is bounded. Does not: outlive the process, or reach another one.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use uuid::Uuid;

use super::{grant::Grant, secret::Secret};

/// How long a ticket may be used.
pub const LIFE: Duration = Duration::from_secs(30);
/// The most tickets at a time.
const MAX: usize = 10_000;

/// All tickets that can be used. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Tickets {
    life: Duration,
    table: Arc<Mutex<Table>>,
}

impl Default for Tickets {
    fn default() -> Self {
        Self::that_live(LIFE)
    }
}

#[derive(Debug, Default)]
struct Table {
    tickets: HashMap<Uuid, Ticket>,
    /// When each is over, oldest first. Some have been used.
    ends: VecDeque<(Instant, Uuid)>,
}

#[derive(Debug)]
struct Ticket {
    secret: Secret,
    until: Instant,
    grant: Grant,
}

impl Tickets {
    fn that_live(life: Duration) -> Self {
        Self { life, table: Arc::default() }
    }

    /// A ticket for what a token grants; `None` where there are too many.
    pub fn issue(&self, grant: Grant) -> Option<String> {
        let now = Instant::now();
        let until = now + self.life;
        let mut table = self.table.lock();
        while table.ends.front().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, id)) = table.ends.pop_front() {
                table.tickets.remove(&id);
            }
        }
        if table.ends.len() >= MAX {
            return None;
        }
        // The first half finds it, in whatever time; the second, 122 bits from the system's
        // source, proves it.
        let (id, secret) = (Uuid::new_v4(), Uuid::new_v4().simple().to_string());
        let text = format!("{}{secret}", id.simple());
        let secret = Secret::parse(&secret).ok()?;
        table.tickets.insert(id, Ticket { secret, until, grant });
        table.ends.push_back((until, id));
        Some(text)
    }

    /// Uses a ticket up. Returns what it stands for.
    pub fn redeem(&self, text: &str) -> Option<Grant> {
        let (id, secret) = split(text)?;
        let mut table = self.table.lock();
        table.tickets.get(&id)?.secret.is(secret).then_some(())?;
        let ticket = table.tickets.remove(&id)?;
        let expired = ticket.grant.time_left().is_some_and(|left| left.is_zero());
        (ticket.until > Instant::now() && !expired).then_some(ticket.grant)
    }
}

fn split(text: &str) -> Option<(Uuid, &str)> {
    let (id, secret) = text.split_at_checked(32)?;
    Some((Uuid::try_parse(id).ok()?, secret))
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::{Grant, Tickets};
    use crate::{auth::Generation, topic::Scope};

    #[test]
    fn a_ticket_is_good_once_and_in_its_time() {
        let grant = Grant {
            generation: Generation::Claim,
            subject: Some("alice".into()),
            issuer: None,
            expires: None,
            publish: None,
            subscribe: Scope::default(),
            payloads: Arc::default(),
        };
        let tickets = Tickets::default();
        let ticket = tickets.issue(grant.clone()).unwrap();
        assert_eq!(tickets.redeem(&ticket).unwrap().subject.as_deref(), Some("alice"));
        assert!(tickets.redeem(&ticket).is_none());
        let tickets = Tickets::that_live(Duration::ZERO);
        let ticket = tickets.issue(grant.clone()).unwrap();
        assert!(tickets.redeem(&ticket).is_none());
        // Those whose time is over make room.
        assert!((0..20_000).all(|_| tickets.issue(grant.clone()).is_some()));
    }
}
