//! What a token allows.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use serde_json::value::RawValue;

use crate::{
    slice::Slice,
    topic::{Scope, Selector, Topic},
};

/// Which of the two kinds of tokens a grant comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// With a claim `mercure` (Mercure 0.x).
    Claim,
    /// An OAuth access token, `at+jwt`, with `authorization_details` (Mercure 1.0).
    AccessToken,
}

/// What a valid token allows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The kind of its token.
    pub generation: Generation,
    /// Whose token it is (`sub`), where the token says so.
    pub subject: Option<Arc<str>>,
    /// Who has issued it (`iss`), where the token says so.
    pub issuer: Option<Arc<str>>,
    /// The token's `exp`.
    pub expires: Option<SystemTime>,
    /// Topics that may be published to. `None` where the token says nothing about publishing.
    pub publish: Option<Scope>,
    /// Topics whose private events may be received.
    pub subscribe: Scope,
    pub(super) payloads: Arc<[Payload]>,
}

/// What the issuer wants to be known of a subscriber, or that nothing is to be known.
#[derive(Debug)]
pub struct Payload {
    /// The topics it is about; `None` for all.
    pub(super) topics: Option<Vec<Selector>>,
    pub(super) json: Option<Arc<RawValue>>,
}

impl Grant {
    /// Whether an event under these topics may be published. All have to be covered, whether the
    /// event is private or not.
    pub async fn may_publish(&self, topics: &[Topic]) -> bool {
        let Some(scope) = &self.publish else { return false };
        scope.covers_all(topics, &mut Slice::from(Instant::now())).await
    }

    /// Whether a private event under these topics may be received. One covered topic is enough.
    pub async fn may_receive(&self, topics: &[Topic]) -> bool {
        self.subscribe.covers_any(topics, &mut Slice::from(Instant::now())).await
    }

    /// What the issuer wants to be known of a subscriber to this topic: what the first grant that
    /// covers it says, also where that is nothing.
    pub fn payload(&self, topic: &Topic) -> Option<Arc<RawValue>> {
        let about = |payload: &&Payload| match &payload.topics {
            None => true,
            Some(topics) => topics.iter().any(|selector| selector.matches(topic)),
        };
        self.payloads.iter().find(about)?.json.clone()
    }

    /// How long its token is still valid; `None` for one that never expires.
    pub fn time_left(&self) -> Option<Duration> {
        let left = |at: SystemTime| at.duration_since(SystemTime::now()).unwrap_or_default();
        self.expires.map(left)
    }
}
