//! From a token's claims to a [`Grant`].
//!
//! Owns: what has to hold of them, and the two forms that a grant has in a token. Promises: a claim
//! that is not understood makes the whole token invalid, it is never taken for less than it says.
//! Does not: verify signatures.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{
    AuthError, Issuer,
    grant::{Generation, Grant, Payload},
};
use crate::topic::{Base, Scope, Selector, is_visible};

/// The type of the entries of `authorization_details` that are for the hub.
pub const DETAIL: &str = "https://mercure.rocks/authorization-detail";
/// The most selectors of one kind in a claim `mercure`.
const MAX_SELECTORS: usize = 1000;
/// The most details, and the most topics in all of them.
const MAX_DETAILS: usize = 100;

/// What has to hold of a valid token's claims, besides its times.
pub struct Rules<'a> {
    /// Who may have issued it; anyone where there is none.
    pub issuers: &'a [Issuer],
    /// Whom it has to be for; not looked at where there is none.
    pub audience: Option<&'a str>,
    /// Whether it has to have an `exp`.
    pub has_to_end: bool,
}

/// What is read of a token.
#[derive(Deserialize)]
pub struct Claims {
    #[serde(default, deserialize_with = "present")]
    exp: Option<Seconds>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<Seconds>,
    iss: Option<String>,
    aud: Option<Audience>,
    /// Free in 0.x: one that is no text is nobody's.
    sub: Option<serde_json::Value>,
    mercure: Option<Claim>,
    /// The same under an older name, which comes first.
    #[serde(rename = "https://mercure.rocks/")]
    namespaced: Option<Claim>,
    authorization_details: Option<Vec<Box<RawValue>>>,
}

/// Since 1970 (RFC 7519, 2).
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "f64")]
struct Seconds(f64);

/// RFC 7519, 4.1.3.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
    /// Free where it is not looked at.
    Wrong(IgnoredAny),
}

#[derive(Deserialize)]
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
    #[serde(default, deserialize_with = "present")]
    match_type: Option<String>,
}

/// A value that may be absent, and is no `null`.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl TryFrom<f64> for Seconds {
    type Error = &'static str;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        if seconds >= 0.0 { Ok(Self(seconds)) } else { Err("a time before 1970") }
    }
}

impl Claims {
    /// Whether they hold now.
    pub fn check(&self, rules: &Rules) -> Result<(), AuthError> {
        let is_missing = self.exp.is_none() && rules.has_to_end
            || self.iss.is_none() && !rules.issuers.is_empty()
            || matches!(self.aud, None | Some(Audience::Wrong(_))) && rules.audience.is_some();
        if is_missing {
            return Err(AuthError::Claims);
        }
        // A clock before 1970 knows no time: no token is valid then.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_err(|_| AuthError::TooEarly)?.as_secs_f64();
        if self.exp.is_some_and(|Seconds(end)| end <= now) {
            return Err(AuthError::Expired);
        }
        if self.nbf.is_some_and(|Seconds(start)| now < start) {
            return Err(AuthError::TooEarly);
        }
        let is_by = |issuer: &Issuer| Some(&issuer.name) == self.iss.as_ref();
        if !rules.issuers.is_empty() && !rules.issuers.iter().any(is_by) {
            return Err(AuthError::Issuer);
        }
        let is_for = |audience: &str| match &self.aud {
            Some(Audience::One(name)) => name == audience,
            Some(Audience::Several(names)) => names.iter().any(|name| name == audience),
            _ => false,
        };
        if rules.audience.is_some_and(|audience| !is_for(audience)) {
            return Err(AuthError::Audience);
        }
        Ok(())
    }

    /// What they grant; `None` where they don't make sense. URL Patterns are relative to `base`.
    pub fn grant(self, generation: Generation, base: &Base) -> Option<Grant> {
        let expires = match self.exp {
            None => None,
            // Later than can be counted is never.
            Some(Seconds(end)) => Duration::try_from_secs_f64(end)
                .ok()
                .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)),
        };
        let grant = Grant {
            generation,
            subject: self.sub.as_ref().and_then(serde_json::Value::as_str).map(Arc::from),
            issuer: self.iss.as_deref().map(Arc::from),
            expires,
            publish: None,
            subscribe: Scope::default(),
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
        let scope = |texts: Vec<String>| -> Option<Scope> {
            if texts.len() > MAX_SELECTORS {
                return None;
            }
            texts.iter().map(|text| Selector::parse(text).ok()).collect()
        };
        let payload = self.payload.map(|json| Payload { topics: None, json: Some(json.into()) });
        Some(Grant {
            publish: match self.publish {
                Some(texts) => Some(scope(texts)?),
                None => None,
            },
            subscribe: scope(self.subscribe.unwrap_or_default())?,
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
        publish: (!publish.is_empty()).then(|| publish.into_iter().collect()),
        subscribe: subscribe.into_iter().collect(),
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
