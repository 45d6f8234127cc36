//! A key that tokens are verified with.
//!
//! Promises: a key knows the algorithms that it is for; a token can't choose another. A key that
//! is too weak for its algorithm is none. Does not: sign; a private key is refused where it is
//! given.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm as Known, AlgorithmFamily, DecodingKey,
    crypto::{rust_crypto::DEFAULT_PROVIDER, verify},
    errors::Error,
};
use p521::ecdsa::{Signature, VerifyingKey, signature::Verifier as _};

use super::{algorithm::Algorithm, unverified::Unverified};

/// What an RSA key may have, in bits: less is weak, more is not verified by the library.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// Why a key can't be used. The text never has anything of the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Guessing it is easier than breaking its algorithm (RFC 7518, 3.2).
    #[error("the secret has {bytes} bytes; {algorithm} needs at least {needed}")]
    ShortSecret {
        /// How long it is.
        bytes: usize,
        /// What it is for.
        algorithm: Algorithm,
        /// How long it has to be.
        needed: usize,
    },
    /// As a secret a public key is none: everyone has it.
    #[error("this is a key in PEM, and {0} takes a secret: name the key's own algorithm")]
    PemForSecret(Algorithm),
    /// The hub only verifies.
    #[error("this is a private key: give the hub the public one")]
    Private,
    /// Not a public key.
    #[error("{0} takes one public key or certificate in PEM (-----BEGIN PUBLIC KEY-----)")]
    NotPem(Algorithm),
    /// A key of another kind.
    #[error("this key is not for {0}, or broken")]
    NotFor(Algorithm),
    /// Too short to be safe, or too long to be verified with.
    #[error("the RSA key has {bits} bits: allowed are {} to {}", RSA_BITS.start(), RSA_BITS.end())]
    RsaSize {
        /// How long it is.
        bits: usize,
    },
}

/// See the module.
pub struct Key {
    /// The name that tokens call it by.
    pub id: Option<String>,
    algorithms: Vec<Algorithm>,
    material: Material,
}

/// What verifies signatures.
enum Material {
    /// The library, with this.
    Known(DecodingKey),
    /// For ES512.
    P521(VerifyingKey),
}

impl Key {
    /// Reads the key of one algorithm: a secret, or a public key or certificate in PEM.
    pub fn parse(text: &str, algorithm: Algorithm) -> Result<Self, KeyError> {
        if algorithm.family() == AlgorithmFamily::Hmac {
            if text.contains("-----BEGIN ") {
                return Err(KeyError::PemForSecret(algorithm));
            }
            return Self::from_secret(text.as_bytes(), algorithm);
        }
        // A variable in a file often has its line ends as `\n`.
        let text = text.replace("\\n", "\n");
        let blocks = pem::parse_many(&text).map_err(|_| KeyError::NotPem(algorithm))?;
        match &*blocks {
            [only] if only.tag().ends_with("PRIVATE KEY") => return Err(KeyError::Private),
            [_] => {}
            _ => return Err(KeyError::NotPem(algorithm)),
        }
        let text = text.as_bytes();
        match algorithm.family() {
            AlgorithmFamily::Ec => Self::checked(DecodingKey::from_ec_pem(text), algorithm),
            AlgorithmFamily::Ed => Self::checked(DecodingKey::from_ed_pem(text), algorithm),
            _ => {
                let read = |pem: DecodingKey| {
                    let read = DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key;
                    read(pem.try_get_as_bytes()?)
                };
                let (n, e) = DecodingKey::from_rsa_pem(text)
                    .and_then(read)
                    .map_err(|_| KeyError::NotFor(algorithm))?;
                Self::from_rsa(&n, &e, vec![algorithm])
            }
        }
    }

    /// A secret for one algorithm.
    pub fn from_secret(secret: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        let needed = match algorithm {
            Algorithm::Known(Known::HS256) => 32,
            Algorithm::Known(Known::HS384) => 48,
            _ => 64,
        };
        if secret.len() < needed {
            return Err(KeyError::ShortSecret { bytes: secret.len(), algorithm, needed });
        }
        Self::checked(Ok(DecodingKey::from_secret(secret)), algorithm)
    }

    /// An RSA key from its parts, for some of RSA's algorithms.
    pub fn from_rsa(n: &[u8], e: &[u8], algorithms: Vec<Algorithm>) -> Result<Self, KeyError> {
        let n = &n[n.iter().take_while(|byte| **byte == 0).count()..];
        let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            return Err(KeyError::RsaSize { bits });
        }
        let material = Material::Known(DecodingKey::from_rsa_raw_components(n, e));
        Ok(Self { id: None, algorithms, material })
    }

    /// A key that the library is asked about, since it looks at a key only when it verifies.
    pub fn checked(
        decoding: Result<DecodingKey, Error>,
        algorithm: Algorithm,
    ) -> Result<Self, KeyError> {
        let not_for = |_| KeyError::NotFor(algorithm);
        let decoding = decoding.map_err(not_for)?;
        let material = match algorithm {
            Algorithm::Known(known) => {
                verify("", b"", &decoding, known).map_err(not_for)?;
                Material::Known(decoding)
            }
            Algorithm::Es512 => {
                let point = decoding.try_get_as_bytes().map_err(not_for)?;
                let key = VerifyingKey::from_sec1_bytes(point);
                Material::P521(key.map_err(|_| KeyError::NotFor(algorithm))?)
            }
        };
        Ok(Self { id: None, algorithms: vec![algorithm], material })
    }

    /// Whether a token has the name of this key, its algorithm, and its signature.
    pub fn has_signed(&self, token: &Unverified) -> bool {
        let Unverified { head, message, signature, .. } = token;
        let Ok(algorithm) = head.alg.parse() else { return false };
        if !self.algorithms.contains(&algorithm)
            || (self.id.is_some() && head.kid.is_some() && self.id != head.kid)
        {
            return false;
        }
        match (&self.material, algorithm) {
            (Material::Known(key), Algorithm::Known(known)) => {
                verify(signature, message, key, known).unwrap_or(false)
            }
            (Material::P521(key), Algorithm::Es512) => {
                let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
                Signature::from_slice(&signature)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            _ => false,
        }
    }
}
