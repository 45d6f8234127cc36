//! Who may publish, and who may listen: tokens in, grants out.
//!
//! Owns: the keys, the verification of tokens, and what they grant. Promises: the algorithm comes
//! from the key, never from the token; a token that is not valid in every part grants nothing.
//! Does not: know how a request carries a token, or which answer a refusal gets (`http`).

use std::{collections::HashMap, sync::Arc};

mod algorithm;
mod claims;
mod fetch;
mod grant;
mod jwks;
mod key;
mod keyring;
mod secret;
mod ticket;
mod unverified;

pub use algorithm::{ALGORITHMS, Algorithm};
pub use claims::DETAIL;
pub use grant::{Generation, Grant};
pub use key::KeyError;
pub use keyring::{LoadError, Source};
pub use secret::Secret;
pub use ticket::{LIFE as TICKET_LIFE, Tickets};

use crate::topic::Base;
use claims::{Claims, Rules};
use keyring::Keyring;
use unverified::Unverified;

/// What the hub is told to hold to.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The keys of publishers; without them anyone may publish.
    pub publisher: Option<Source>,
    /// The keys of subscribers; without them anyone may subscribe, and tokens are not looked at.
    pub subscriber: Option<Source>,
    /// Whether subscribers without a token are let in where there are keys.
    pub anonymous: bool,
    /// The issuers that count (`iss`); all where there is none.
    pub issuers: Vec<Issuer>,
    /// Whom tokens with a claim `mercure` have to be for (`aud`).
    pub audience: Option<String>,
    /// Whom access tokens have to be for (`aud`), where not the URL that the request came to.
    pub resource: Option<String>,
}

/// Someone whose tokens count.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// As in `iss`.
    pub name: String,
    /// Its own JWKS, for both roles, in place of the keys of the role.
    pub jwks: Option<Source>,
}

/// Why keys could not be had.
#[derive(Debug, thiserror::Error)]
#[error("the {0} key can't be used: {1}")]
pub struct StartError(&'static str, LoadError);

/// Why a request is not allowed to do what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// It has no token, and needs one.
    #[error("this needs a token: send `Authorization: Bearer <token>`")]
    Missing,
    /// What it has is no token.
    #[error("send one token, as `Authorization: Bearer <token>`: what came is none")]
    Malformed,
    /// The signature is not by one of the keys, or by another algorithm than theirs.
    #[error("the token is not signed with a key of this hub")]
    Signature,
    /// Its time is over.
    #[error("the token has expired (`exp`)")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet (`nbf`)")]
    TooEarly,
    /// It was issued for another service.
    #[error("the token is for another audience (`aud`)")]
    Audience,
    /// It was issued by another issuer.
    #[error("the token is by another issuer (`iss`)")]
    Issuer,
    /// A claim is missing, or makes no sense.
    #[error("a claim of the token is missing or wrong")]
    Claims,
    /// It came in a cookie, by a page whose address can't be read.
    #[error("the `Referer` is no URL")]
    Referer,
    /// It came in a cookie, by a page that may not use cookies.
    #[error("a cookie counts only from the origins in FANFARE_PUBLISH_ORIGINS")]
    Origin,
    /// The ticket was used, is too old, or never was.
    #[error("the ticket has been used, or is too old: POST /ticket gives another")]
    Ticket,
    /// It is not the operator's.
    #[error("this is not the operator's token (FANFARE_ADMIN_TOKEN)")]
    Operator,
    /// The token is valid, and grants something else.
    #[error("the token does not grant this")]
    NotGranted,
    /// No keys have been had so far.
    #[error("the hub has no keys yet to check the token with: try again later")]
    NoKeys,
}

/// The one who decides. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Authority(Arc<Inner>);

struct Inner {
    publisher: Option<Arc<Keyring>>,
    subscriber: Option<Arc<Keyring>>,
    /// Those of issuers that have their own.
    issuers: HashMap<String, Arc<Keyring>>,
    base: Base,
    settings: Settings,
}

impl Authority {
    /// Reads the keys. Needs a tokio runtime around it.
    pub async fn open(settings: Settings) -> Result<Self, StartError> {
        let open = async |role, source: &Option<Source>| match source {
            None => Ok(None),
            Some(source) => Keyring::open(role, source.clone())
                .await
                .map(Some)
                .map_err(|error| StartError(role, error)),
        };
        let mut issuers = HashMap::new();
        for Issuer { name, jwks } in &settings.issuers {
            if let Some(keyring) = open("issuer", jwks).await? {
                issuers.insert(name.clone(), keyring);
            }
        }
        let base = settings.resource.as_deref().and_then(Base::parse);
        Ok(Self(Arc::new(Inner {
            issuers,
            base: base.unwrap_or_default(),
            publisher: open("publisher", &settings.publisher).await?,
            subscriber: open("subscriber", &settings.subscriber).await?,
            settings,
        })))
    }

    /// Whether anyone may publish.
    pub fn publishing_is_open(&self) -> bool {
        self.0.publisher.is_none() && self.0.issuers.is_empty()
    }

    /// Whether anyone may subscribe, and no token is looked at.
    pub fn subscribing_is_open(&self) -> bool {
        self.0.subscriber.is_none() && self.0.issuers.is_empty()
    }

    /// Whether a subscriber without a token is let in.
    pub fn is_anonymous(&self) -> bool {
        self.subscribing_is_open() || self.0.settings.anonymous
    }

    /// Whether the settings say so, and it is not for want of a key.
    pub fn is_anonymous_by_choice(&self) -> bool {
        self.0.settings.anonymous
    }

    /// The issuers that count; all where there is none.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        self.0.settings.issuers.iter().map(|issuer| &*issuer.name)
    }

    /// What the hub is called in access tokens, where that is set.
    pub fn resource(&self) -> Option<&str> {
        self.0.settings.resource.as_deref()
    }

    /// What URL Patterns are relative to.
    pub fn base(&self) -> &Base {
        &self.0.base
    }

    /// What a publisher's token grants. `resource` is the hub's URL as the request has it.
    pub async fn publisher(&self, token: &str, resource: &str) -> Result<Grant, AuthError> {
        self.check(self.0.publisher.as_ref(), token, resource).await
    }

    /// What a subscriber's token grants. `resource` is the hub's URL as the request has it.
    pub async fn subscriber(&self, token: &str, resource: &str) -> Result<Grant, AuthError> {
        self.check(self.0.subscriber.as_ref(), token, resource).await
    }

    /// Reads all keys anew. Streams stay, and so do keys that can't be read.
    pub async fn reload(&self) {
        let roles = [&self.0.publisher, &self.0.subscriber].into_iter().flatten();
        for keyring in roles.chain(self.0.issuers.values()) {
            keyring.reload().await;
        }
    }

    async fn check(
        &self,
        keyring: Option<&Arc<Keyring>>,
        token: &str,
        resource: &str,
    ) -> Result<Grant, AuthError> {
        let token = Unverified::read(token).ok_or(AuthError::Signature)?;
        if token.head.crit.is_some() {
            // It may turn the meaning of the rest around (RFC 7515, 4.1.11).
            return Err(AuthError::Claims);
        }
        let own = token.issuer.as_ref().and_then(|issuer| self.0.issuers.get(issuer));
        // One or the other: an issuer can't sign for another, or for the hub's own.
        let keyring = own.or(keyring).ok_or(AuthError::Signature)?;
        let keys = keyring.keys(token.head.kid.as_deref()).await;
        if keys.is_empty() {
            return Err(AuthError::NoKeys);
        }
        if !keys.iter().any(|key| key.has_signed(&token)) {
            return Err(AuthError::Signature);
        }
        let claims = serde_json::from_slice::<Claims>(&token.claims);
        let claims = claims.map_err(|_| AuthError::Claims)?;
        claims.check(&self.rules(token.generation, resource))?;
        claims.grant(token.generation, &self.0.base).ok_or(AuthError::Claims)
    }

    fn rules<'a>(&'a self, generation: Generation, resource: &'a str) -> Rules<'a> {
        let settings = &self.0.settings;
        let is_access_token = generation == Generation::AccessToken;
        let audience = if is_access_token {
            Some(settings.resource.as_deref().unwrap_or(resource))
        } else {
            settings.audience.as_deref()
        };
        Rules { issuers: &settings.issuers, audience, has_to_end: is_access_token }
    }
}

/// The kind of a token, as it says itself; `None` where it can't be read. It may still be no good.
pub fn generation(token: &str) -> Option<Generation> {
    Unverified::read(token).map(|token| token.generation)
}
