//! How often someone may publish and connect.
//!
//! Owns: the buckets of addresses and of the subjects of tokens, and what a client is told of them.
//! Promises: memory is bounded (`limits/buckets.rs`); a rate that is not set costs nothing.
//! Does not: limit how many streams there are at a time (`hub/admission.rs`).

use std::{hash::Hash, num::NonZeroU32, sync::Arc, time::Duration};

use actix_web::HttpRequest;
use tokio::time::sleep;

use super::client_address::address;
use crate::hub::{Household, Hub, Refusal};

mod buckets;
mod headers;
mod notice;
mod rate;

pub use headers::{NAMES, seconds, show_rates};
pub use rate::Rate;

use buckets::{Buckets, Empty};
use headers::Left;
use notice::Notice;

/// How often buckets that are full again are forgotten.
const SWEEP: Duration = Duration::from_secs(10);

/// The rates that are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Events from one address.
    pub publish: Option<Rate>,
    /// Events with tokens of one subject.
    pub publish_per_subject: Option<Rate>,
    /// Streams, and tickets for them, asked for from one address.
    pub connect: Option<Rate>,
    /// The same with tokens of one subject.
    pub connect_per_subject: Option<Rate>,
}

/// What may be done so often. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Limits {
    /// Publishing. Its refusals are counted with the answer.
    pub publish: Act,
    /// Connecting.
    pub connect: Act,
}

/// Something that may be done so often.
#[derive(Clone, Default)]
pub struct Act {
    by_address: Option<Arc<Limit>>,
    by_subject: Option<Arc<Limit>>,
    /// Where it is counted that someone may not.
    hub: Option<Hub>,
}

struct Limit {
    /// As the client reads it.
    name: &'static str,
    /// As the operator has set it.
    setting: &'static str,
    why: Refusal,
    buckets: Buckets,
    notice: Notice,
}

/// Someone asks too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{why}{}", advice(*.wait))]
pub struct Limited {
    /// Who it is.
    pub why: Refusal,
    /// When it may ask again; `None` for one that asks for more than is ever given at once.
    pub wait: Option<Duration>,
}

fn advice(wait: Option<Duration>) -> String {
    match wait {
        Some(wait) => format!(": try again in {} s", seconds(wait)),
        None => ": that is more at once than ever is allowed, send fewer".to_owned(),
    }
}

impl Limits {
    /// The limits at these rates.
    pub fn new(rates: Rates, hub: &Hub) -> Self {
        let limit = |name, setting, why, rate: Option<Rate>| {
            let limit = |rate| {
                let (buckets, notice) = (Buckets::new(rate), Notice::default());
                Arc::new(Limit { name, setting, why, buckets, notice })
            };
            rate.map(limit)
        };
        let address = |name, setting, rate| limit(name, setting, Refusal::AddressRate, rate);
        let subject = |name, setting, rate| limit(name, setting, Refusal::SubjectRate, rate);
        let Rates { publish, publish_per_subject, connect, connect_per_subject } = rates;
        Self {
            publish: Act {
                by_address: address("publish", "FANFARE_PUBLISH_RATE", publish),
                by_subject: subject(
                    "publish-subject",
                    "FANFARE_PUBLISH_RATE_PER_SUBJECT",
                    publish_per_subject,
                ),
                hub: None,
            },
            connect: Act {
                by_address: address("connect", "FANFARE_CONNECT_RATE", connect),
                by_subject: subject(
                    "connect-subject",
                    "FANFARE_CONNECT_RATE_PER_SUBJECT",
                    connect_per_subject,
                ),
                hub: Some(hub.clone()),
            },
        }
    }

    /// Whether there are any.
    pub fn are_set(&self) -> bool {
        self.all().next().is_some()
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Limit>> {
        let Self { publish, connect } = self;
        let all =
            [&publish.by_address, &publish.by_subject, &connect.by_address, &connect.by_subject];
        all.into_iter().flatten()
    }

    /// Forgets who asks no more, and has the log catch up. Never ends.
    pub async fn sweep(self) {
        loop {
            sleep(SWEEP).await;
            for limit in self.all() {
                limit.buckets.forget_full();
                limit.notice.catch_up(limit.setting);
            }
        }
    }
}

impl Act {
    /// So many, from where this request comes: before it is known whose it is, since that is work.
    pub fn by_address(&self, request: &HttpRequest, count: usize) -> Result<(), Limited> {
        let Some(limit) = &self.by_address else { return Ok(()) };
        self.take(limit, request, Household::from(address(request)), count)
    }

    /// So many, of which one is counted already.
    pub fn rest_by_address(&self, request: &HttpRequest, count: usize) -> Result<(), Limited> {
        let Some(limit) = &self.by_address else { return Ok(()) };
        if count > limit.buckets.quota().burst_size().get() as usize {
            // They would never fit, and what is told to wait would come again and again.
            return Err(Limited { why: limit.why, wait: None });
        }
        self.by_address(request, count.saturating_sub(1))
    }

    /// So many, by the subject of a token. One without a subject, or nobody's token, is limited by
    /// its address alone.
    pub fn by_subject(
        &self,
        request: &HttpRequest,
        subject: Option<&Arc<str>>,
        count: usize,
    ) -> Result<(), Limited> {
        match (&self.by_subject, subject) {
            (Some(limit), Some(subject)) => self.take(limit, request, subject, count),
            _ => Ok(()),
        }
    }

    fn take(
        &self,
        limit: &Limit,
        request: &HttpRequest,
        whose: impl Hash,
        count: usize,
    ) -> Result<(), Limited> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let Some(count) = NonZeroU32::new(count) else { return Ok(()) };
        let Limit { name, why, .. } = *limit;
        let quota = limit.buckets.quota();
        let wait = match limit.buckets.take(whose, count) {
            Ok(remaining) => {
                Left { name, quota, remaining, next: quota.replenish_interval() }.note(request);
                return Ok(());
            }
            Err(Empty::For(wait)) => {
                Left { name, quota, remaining: 0, next: wait }.note(request);
                Some(wait)
            }
            Err(Empty::Always) => None,
        };
        limit.notice.refuse(limit.setting, address(request));
        if let Some(hub) = &self.hub {
            hub.turn_away(why);
        }
        Err(Limited { why, wait })
    }
}
