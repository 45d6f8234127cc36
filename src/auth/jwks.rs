//! A JSON Web Key Set (RFC 7517).
//!
//! Owns: which of its keys count, and for which algorithms. Promises: a key is for its own type,
//! curve and `alg` only; one that is not for signatures, too weak, or has a private part is left
//! out, and said to be. Does not: fetch (`keyring`).

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm as Known, AlgorithmFamily, DecodingKey};
use serde::Deserialize;

use super::{
    algorithm::Algorithm,
    key::{Key, KeyError},
};

/// The most keys that count. A token without a `kid` is tried with each.
const MAX_KEYS: usize = 32;

/// Why a set can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// Not a set.
    #[error("it is no JSON Web Key Set ({{\"keys\":[...]}})")]
    Format,
    /// More than can be tried.
    #[error("it has more than {MAX_KEYS} keys")]
    TooMany,
    /// All keys have been left out.
    #[error("it has no key that can be used: {}", .0.join("; "))]
    Nothing(Vec<String>),
}

/// Who may see a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// The hub alone: it may have secrets.
    Us,
    /// Anyone who asks its server. A secret in it is none.
    Anyone,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

/// The members that matter, of all types of keys.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    k: Option<String>,
    d: Option<serde::de::IgnoredAny>,
}

/// Reads a set. Returns its keys, and why others are none.
pub fn parse(document: &[u8], readers: Readers) -> Result<(Vec<Key>, Vec<String>), JwksError> {
    let set: Set = serde_json::from_slice(document).map_err(|_| JwksError::Format)?;
    if set.keys.len() > MAX_KEYS {
        return Err(JwksError::TooMany);
    }
    let mut keys = Vec::new();
    let mut left_out = Vec::new();
    for (index, jwk) in set.keys.into_iter().enumerate() {
        let read = serde_json::from_value(jwk).map_err(|_| "it has no known form".to_owned());
        match read.and_then(|jwk: Jwk| jwk.read(readers)) {
            Ok(key) => keys.push(key),
            Err(why) => left_out.push(format!("key {}: {why}", index + 1)),
        }
    }
    if keys.is_empty() { Err(JwksError::Nothing(left_out)) } else { Ok((keys, left_out)) }
}

impl Jwk {
    fn read(self, readers: Readers) -> Result<Key, String> {
        let verifies = |ops: &Vec<String>| ops.iter().any(|op| op == "verify");
        let is_secret = self.kty == "oct";
        if self.purpose.as_ref().is_some_and(|purpose| purpose != "sig")
            || !is_secret && self.key_ops.as_ref().is_some_and(|ops| !verifies(ops))
        {
            return Err("it is not for signatures".to_owned());
        }
        if self.d.is_some() {
            return Err("it has its private part, and so may be known to others".to_owned());
        }
        if is_secret && readers == Readers::Anyone {
            return Err("a secret that was sent to whoever asks is none".to_owned());
        }
        let mut key = self.key().map_err(|error| error.to_string())?;
        key.id = self.kid;
        Ok(key)
    }

    fn key(&self) -> Result<Key, Problem> {
        let part = |value: &Option<String>| value.clone().ok_or(Problem::Part);
        match (&*self.kty, self.crv.as_deref()) {
            ("RSA", _) => {
                let parts = (base64(&part(&self.n)?)?, base64(&part(&self.e)?)?);
                let all = Algorithm::of(AlgorithmFamily::Rsa);
                Ok(Key::from_rsa(&parts.0, &parts.1, self.algorithms(all)?)?)
            }
            ("EC", Some("P-256")) => self.elliptic(Known::ES256.into()),
            ("EC", Some("P-384")) => self.elliptic(Known::ES384.into()),
            ("EC", Some("P-521")) => self.elliptic(Algorithm::Es512),
            ("OKP", Some("Ed25519")) => {
                // RFC 9864 calls it by the name of its curve.
                let named =
                    self.alg.as_deref().is_none_or(|alg| matches!(alg, "EdDSA" | "Ed25519"));
                let key = DecodingKey::from_ed_components(&part(&self.x)?);
                if named {
                    Ok(Key::checked(key, Known::EdDSA.into())?)
                } else {
                    Err(Problem::Algorithm)
                }
            }
            ("oct", _) => {
                // Of a key's three algorithms each would be a guess.
                let all = Algorithm::of(AlgorithmFamily::Hmac);
                match *self.algorithms(all)? {
                    [only] => Ok(Key::from_secret(&base64(&part(&self.k)?)?, only)?),
                    _ => Err(Problem::Algorithm),
                }
            }
            _ => Err(Problem::Type),
        }
    }

    fn elliptic(&self, algorithm: Algorithm) -> Result<Key, Problem> {
        let (Some(x), Some(y)) = (&self.x, &self.y) else { return Err(Problem::Part) };
        self.algorithms(vec![algorithm])?;
        Ok(Key::checked(DecodingKey::from_ec_components(x, y), algorithm)?)
    }

    /// The one that it names, which has to be one of these; or all of them.
    fn algorithms(&self, all: Vec<Algorithm>) -> Result<Vec<Algorithm>, Problem> {
        let Some(name) = &self.alg else { return Ok(all) };
        let named = name.parse().ok().filter(|named| all.contains(named));
        named.map(|named| vec![named]).ok_or(Problem::Algorithm)
    }
}

/// Why a key is left out.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("its type or curve is not known")]
    Type,
    #[error("its `alg` is not one of its type, or missing for a secret")]
    Algorithm,
    #[error("a part of it is missing, or no base64url")]
    Part,
    #[error(transparent)]
    Key(#[from] KeyError),
}

fn base64(text: &str) -> Result<Vec<u8>, Problem> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Problem::Part)
}
