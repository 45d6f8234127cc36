//! The algorithms that tokens are signed with.

use std::{fmt, str::FromStr};

use jsonwebtoken::{Algorithm as Known, AlgorithmFamily as Family};

/// The names of all algorithms. There is no `none`.
pub const ALGORITHMS: &str = "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, \
                              ES256, ES384, ES512 or EdDSA";

/// How a token is signed (RFC 7518, 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// One that the library verifies.
    Known(Known),
    /// ECDSA with P-521 and SHA-512, which the library does not have.
    Es512,
}

impl Algorithm {
    /// All that a key of this kind may be for.
    pub fn of(family: Family) -> Vec<Self> {
        family.algorithms().iter().copied().map(Self::Known).collect()
    }

    /// The kind of its keys.
    pub fn family(self) -> Family {
        match self {
            Self::Known(known) => known.family(),
            Self::Es512 => Family::Ec,
        }
    }
}

impl From<Known> for Algorithm {
    fn from(known: Known) -> Self {
        Self::Known(known)
    }
}

impl FromStr for Algorithm {
    type Err = jsonwebtoken::errors::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == "ES512" { Ok(Self::Es512) } else { name.parse().map(Self::Known) }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(known) => write!(f, "{known:?}"),
            Self::Es512 => f.write_str("ES512"),
        }
    }
}
