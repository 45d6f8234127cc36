//! The secret that hooks are signed with.
//!
//! Promises: what it signs is verified by every library of Standard Webhooks
//! (<https://www.standardwebhooks.com>); it is never shown.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// How it begins, where it says what it is.
const PREFIX: &str = "whsec_";

/// How many bytes it may have: as the specification recommends.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct SigningKey(Arc<[u8]>);

impl FromStr for SigningKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let config =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let base64 = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
        let bytes = base64.decode(text.strip_prefix(PREFIX).unwrap_or(text)).ok();
        let bytes = bytes.filter(|bytes| BYTES.contains(&bytes.len()));
        bytes.map(|bytes| Self(bytes.into())).ok_or(
            "allowed is whsec_ and 24 to 64 random bytes in base64, as `openssl rand -base64 32` \
             makes them",
        )
    }
}

impl SigningKey {
    /// The header `webhook-signature` of a message.
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let key: SigningKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature =
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(format!("{key:?}"), "***");
    }

    #[test]
    fn a_secret_that_is_none_is_refused() {
        let short = STANDARD.encode([1; 23]);
        let long = STANDARD.encode([1; 65]);
        for wrong in ["", "whsec_", "secret", "whsec_not base64 at all, but long", &short, &long] {
            assert!(wrong.parse::<SigningKey>().is_err(), "{wrong}");
        }
        assert!(STANDARD.encode([1; 24]).parse::<SigningKey>().is_ok());
        assert!(format!("whsec_{}", STANDARD.encode([1; 64])).parse::<SigningKey>().is_ok());
    }
}
