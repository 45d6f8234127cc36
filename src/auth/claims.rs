//! From a token's claims to a [`Grant`].
//!
//! Owns: the two forms that a grant has in a token. Promises: a claim that is not understood
//! makes the whole token invalid, it is never taken for less than it says. Does not: verify.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::grant::{Generation, Grant, Payload};
use crate::topic::{Base, Selector, is_visible};

/// The type of the entries of `authorization_details` that are for the hub.
pub const DETAIL: &str = "https://mercure.rocks/authorization-detail";
/// The most selectors of one kind in a claim `mercure`.
const MAX_SELECTORS: usize = 1000;
/// The most details, and the most topics in all of them.
const MAX_DETAILS: usize = 100;

/// What is read of a token. Times, issuer and audience are the library's to judge.
#[derive(Debug, Deserialize)]
pub struct Claims {
    exp: Option<f64>,
    /// Free in 0.x: one that is no text is nobody's.
    sub: Option<serde_json::Value>,
    /// One text: of several, the library would take any.
    #[serde(rename = "iss")]
    _issuer: Option<String>,
    mercure: Option<Claim>,
    /// The same under an older name, which comes first.
    #[serde(rename = "https://mercure.rocks/")]
    namespaced: Option<Claim>,
    authorization_details: Option<Vec<Box<RawValue>>>,
}

#[derive(Debug, Deserialize)]
struct Claim {
    publish: Option<Vec<String>>,
    subscribe: Option<Vec<String>>,
    payload: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct DetailType<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct Detail {
    actions: Vec<String>,
    topics: Vec<Matcher>,
    payload: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Matcher {
    r#match: String,
    /// Absent, or a text: `null` is neither.
    #[serde(default, deserialize_with = "text")]
    match_type: Option<String>,
}

fn text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

impl Claims {
    /// What they grant; `None` where they don't make sense. URL Patterns are relative to `base`.
    pub fn grant(self, generation: Generation, base: &Base) -> Option<Grant> {
        let expires = match self.exp {
            None => None,
            // Later than can be counted is never.
            Some(at) => Duration::try_from_secs_f64(at)
                .ok()
                .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)),
        };
        let grant = Grant {
            generation,
            subject: self.sub.as_ref().and_then(serde_json::Value::as_str).map(Arc::from),
            expires,
            publish: None,
            subscribe: Arc::default(),
            payloads: Arc::default(),
        };
        match generation {
            Generation::Claim => match self.namespaced.or(self.mercure) {
                Some(claim) => claim.complete(grant),
                None => Some(grant),
            },
            Generation::AccessToken => {
                complete(grant, self.authorization_details.unwrap_or_default(), base)
            }
        }
    }
}

impl Claim {
    fn complete(self, grant: Grant) -> Option<Grant> {
        let selectors = |texts: Vec<String>| -> Option<Arc<[Selector]>> {
            if texts.len() > MAX_SELECTORS {
                return None;
            }
            texts.iter().map(|text| Selector::parse(text).ok()).collect()
        };
        let payload = self.payload.map(|json| Payload { topics: None, json: Some(json.into()) });
        Some(Grant {
            publish: match self.publish {
                Some(texts) => Some(selectors(texts)?),
                None => None,
            },
            subscribe: selectors(self.subscribe.unwrap_or_default())?,
            payloads: payload.into_iter().collect(),
            ..grant
        })
    }
}

/// Takes the details in that are for the hub; the others may have any shape.
fn complete(grant: Grant, details: Vec<Box<RawValue>>, base: &Base) -> Option<Grant> {
    let (mut publish, mut subscribe, mut payloads) = (Vec::new(), Vec::new(), Vec::new());
    let is_ours = |detail: &RawValue| {
        serde_json::from_str(detail.get()).is_ok_and(|detail: DetailType| detail.kind == DETAIL)
    };
    let details: Vec<_> = details.into_iter().filter(|detail| is_ours(detail)).collect();
    if details.len() > MAX_DETAILS {
        return None;
    }
    let mut count = 0;
    for detail in details {
        let Detail { actions, topics, payload } = serde_json::from_str(detail.get()).ok()?;
        count += topics.len();
        if actions.is_empty() || topics.is_empty() || count > MAX_DETAILS {
            return None;
        }
        let topics = topics.iter().map(|topic| topic.selector(base)).collect::<Option<Vec<_>>>()?;
        if actions.iter().any(|action| action == "publish") {
            publish.extend(topics.iter().cloned());
        }
        if actions.iter().any(|action| action == "subscribe") {
            subscribe.extend(topics.iter().cloned());
            payloads.push(Payload { topics: Some(topics), json: payload.map(Arc::from) });
        }
    }
    Some(Grant {
        publish: (!publish.is_empty()).then(|| publish.into()),
        subscribe: subscribe.into(),
        payloads: payloads.into(),
        ..grant
    })
}

impl Matcher {
    fn selector(&self, base: &Base) -> Option<Selector> {
        if !is_visible(&self.r#match) {
            return None;
        }
        match self.match_type.as_deref() {
            None | Some("exact") => Selector::exact(&self.r#match).ok(),
            Some("urlpattern") => Selector::parse_pattern(&self.r#match, base).ok(),
            Some(_) => None,
        }
    }
}
