//! What a client is told of its rates: `RateLimit-Policy` and `RateLimit`, as
//! <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/> (11) has them.
//!
//! Promises: every answer to a request that has taken of a rate has them, errors too. Does not:
//! exist where there are no rates.

use std::{fmt::Write as _, time::Duration};

use actix_web::{
    Error, HttpMessage as _, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    middleware::Next,
};
use governor::Quota;
use smallvec::SmallVec;

/// Their names, for pages that may read them.
pub const NAMES: [&str; 2] = ["ratelimit", "ratelimit-policy"];

/// How one rate is after a request.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    /// What the rate is called.
    pub name: &'static str,
    pub quota: Quota,
    /// How many more may come now.
    pub remaining: u32,
    /// When there will be one more.
    pub next: Duration,
}

/// Those that a request has taken of.
#[derive(Default)]
struct Taken(SmallVec<[Left; 2]>);

impl Left {
    /// Notes it for the answer. The last of a name counts.
    pub fn note(self, request: &HttpRequest) {
        let mut extensions = request.extensions_mut();
        if !extensions.contains::<Taken>() {
            extensions.insert(Taken::default());
        }
        if let Some(Taken(taken)) = extensions.get_mut::<Taken>() {
            taken.retain(|other| other.name != self.name);
            taken.push(self);
        }
    }
}

/// Whole seconds; a part of one is one.
pub fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// The middleware.
pub async fn show_rates(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let taken = response.request().extensions_mut().remove::<Taken>();
    if let Some(Taken(taken)) = taken {
        let (mut now, mut policy) = (String::new(), String::new());
        for (index, Left { name, quota, remaining, next }) in taken.into_iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let (all, window) = (quota.burst_size(), seconds(quota.burst_size_replenished_in()));
            // A String takes all that is written.
            let _ = write!(now, "{comma}\"{name}\";r={remaining};t={}", seconds(next));
            let _ = write!(policy, "{comma}\"{name}\";q={all};w={window}");
        }
        for (name, value) in NAMES.into_iter().zip([now, policy]) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
    }
    Ok(response)
}
