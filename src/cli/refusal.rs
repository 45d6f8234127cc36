//! What a user is told of a hub's refusal.
//!
//! Promises: the hub's own words with their status; where they are about the token, what to do
//! about it here, by the names that the commands have for things. Does not: decide whether to try
//! again.

use std::fmt::Display;

use serde::Deserialize;

use super::token::Token;
use crate::config::TOKEN;

/// What was sent with the request that was refused.
pub struct Ask<'a> {
    pub token: Option<&'a Token>,
    /// What a token has to have for that.
    pub claim: &'static str,
}

impl Ask<'_> {
    /// The refusal in one line.
    pub fn explain(&self, status: impl Display, body: &[u8]) -> String {
        self.with_advice(tell(status, body))
    }

    /// Adds what to do to what a hub has said, which begins with its status.
    pub fn with_advice(&self, said: String) -> String {
        if !said.starts_with("401") && !said.starts_with("403") {
            return said;
        }
        let Some(Token { place, .. }) = self.token else {
            return format!("{said}; set {TOKEN}, or name a file with a token: --token-file");
        };
        if said.contains("token_expired") {
            format!("{said}; put a new one into {place}")
        } else if said.contains("not_granted") {
            format!("{said}; the one in {place} needs {}", self.claim)
        } else {
            format!("{said}; it came from {place}")
        }
    }
}

/// What a hub has said, in one line: the message and code of this hub's errors, whatever others
/// send.
pub fn tell(status: impl Display, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Answer {
        error: Reason,
    }
    #[derive(Deserialize)]
    struct Reason {
        code: String,
        message: String,
    }
    match serde_json::from_slice(body) {
        Ok(Answer { error: Reason { code, message } }) => format!("{status}: {message} ({code})"),
        Err(_) => format!("{status}: {}", String::from_utf8_lossy(body).trim()),
    }
}
