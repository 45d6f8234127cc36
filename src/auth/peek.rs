//! What a token says of itself before it is verified.
//!
//! Promises: it chooses the rules and the keys that a token has to hold against, and the words of
//! a refusal; it grants nothing. Does not: verify.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::grant::Generation;

/// See the module.
#[derive(Debug)]
pub struct Peek {
    pub generation: Generation,
    /// The one that it says to be by.
    pub issuer: Option<String>,
}

#[derive(Deserialize)]
struct Head {
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

impl Peek {
    /// Reads a token; `None` where it is none.
    pub fn at(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (head, body) = (parts.next()?, parts.next()?);
        let head: Head = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
        let body: Body = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
        let typ = head.typ.as_ref().and_then(Value::as_str).unwrap_or_default();
        let access_token = matches!(&*typ.to_ascii_lowercase(), "at+jwt" | "application/at+jwt");
        // Some issuers write `at+jwt` into all their tokens.
        let claim_alone = (body.mercure.is_some() || body.namespaced.is_some())
            && body.authorization_details.is_none();
        let generation =
            if access_token && !claim_alone { Generation::AccessToken } else { Generation::Claim };
        let issuer = body.iss.as_ref().and_then(Value::as_str).map(str::to_owned);
        Some(Self { generation, issuer })
    }
}
