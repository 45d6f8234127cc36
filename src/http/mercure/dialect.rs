//! The two generations of the protocol, and how a request says which it is of.
//!
//! Promises: one request has one dialect, decided once; all that differs asks for it. Does not:
//! know whether a token is good; a bad one still tells in which words it is refused.

use super::fields::Fields;
use crate::auth::Generation;

/// A generation of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// 0.x, which everything deployed speaks.
    Old,
    /// 1.0.
    New,
}

impl Dialect {
    /// What the parameters of a subscription tell: a matcher is of 1.0, a `topic` alone of 0.x.
    pub fn of_subscription(query: &Fields) -> Option<Self> {
        if query.names().any(is_matcher) {
            Some(Self::New)
        } else {
            query.first("topic").map(|_| Self::Old)
        }
    }
}

impl From<Generation> for Dialect {
    fn from(generation: Generation) -> Self {
        match generation {
            Generation::Claim => Self::Old,
            Generation::AccessToken => Self::New,
        }
    }
}

/// Whether a parameter is one of 1.0's matchers, or will be one of a later version.
pub fn is_matcher(name: &[u8]) -> bool {
    name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"match"))
}
