//! Fetching a JWKS over HTTP.
//!
//! Promises: bounded in time and size; redirects are not followed, so that keys come from where
//! the operator said. Does not: run on a thread of streams; it blocks.

use std::time::Duration;

use crate::outgoing::agent;

/// How long it may take in all.
const TIME_OUT: Duration = Duration::from_secs(5);
/// How large the answer may be.
const MAX_BYTES: u64 = 256 * 1024;

/// The body of the answer; or why there is none.
pub fn fetch(url: &str) -> Result<Vec<u8>, String> {
    let shown = shown(url);
    let fail = |error: ureq::Error| format!("{shown} can't be fetched: {error}");
    let request = agent(TIME_OUT).get(url).header("Accept", "application/json");
    let mut response = request.call().map_err(fail)?;
    if response.status() != 200 {
        return Err(format!("{shown} answers {}", response.status()));
    }
    response.body_mut().with_config().limit(MAX_BYTES).read_to_vec().map_err(fail)
}

/// What the log may have of a URL: its query may have a secret.
pub fn shown(url: &str) -> &str {
    url.split_once('?').map_or(url, |(shown, _)| shown)
}
