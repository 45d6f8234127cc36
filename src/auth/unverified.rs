//! A token before it is verified.
//!
//! Owns: its form (RFC 7515, 7.1). Promises: what it says of itself chooses the rules and the keys
//! that it has to hold against, and the words of a refusal; it grants nothing. Does not: verify.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::grant::Generation;

/// See the module.
#[derive(Debug)]
pub struct Unverified<'a> {
    pub head: Head,
    pub generation: Generation,
    /// The one that it says to be by.
    pub issuer: Option<String>,
    /// The claims, as JSON.
    pub claims: Vec<u8>,
    /// What is signed.
    pub message: &'a [u8],
    /// In base64url.
    pub signature: &'a str,
}

/// What a header says.
#[derive(Debug, Deserialize)]
pub struct Head {
    pub alg: String,
    /// The name of the key.
    pub kid: Option<String>,
    /// Names what has to be understood.
    pub crit: Option<IgnoredAny>,
    typ: Option<Value>,
}

#[derive(Deserialize)]
struct Body {
    iss: Option<Value>,
    mercure: Option<IgnoredAny>,
    #[serde(rename = "https://mercure.rocks/")]
    namespaced: Option<IgnoredAny>,
    authorization_details: Option<IgnoredAny>,
}

impl<'a> Unverified<'a> {
    /// Reads a token; `None` where it is none.
    pub fn read(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        // A third dot is no base64url.
        let (head, claims) = message.split_once('.')?;
        let head: Head = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
        let body: Body = serde_json::from_slice(&claims).ok()?;
        let typ = head.typ.as_ref().and_then(Value::as_str).unwrap_or_default();
        let access_token = matches!(&*typ.to_ascii_lowercase(), "at+jwt" | "application/at+jwt");
        // Some issuers write `at+jwt` into all their tokens.
        let claim_alone = (body.mercure.is_some() || body.namespaced.is_some())
            && body.authorization_details.is_none();
        let generation =
            if access_token && !claim_alone { Generation::AccessToken } else { Generation::Claim };
        let issuer = body.iss.as_ref().and_then(Value::as_str).map(str::to_owned);
        Some(Self { head, generation, issuer, claims, message: message.as_bytes(), signature })
    }
}
