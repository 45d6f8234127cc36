//! Fetching a JWKS over HTTP.
//!
//! Promises: bounded in time and size; redirects are not followed, so that keys come from where
//! the operator said. Does not: run on a thread of streams; it blocks.

use std::{sync::Arc, time::Duration};

use ureq::{
    Agent,
    tls::{Certificate, RootCerts, TlsConfig},
};

/// How long it may take in all.
const TIME_OUT: Duration = Duration::from_secs(5);
/// How large the answer may be.
const MAX_BYTES: u64 = 256 * 1024;

/// The body of the answer; or why there is none.
pub fn fetch(url: &str) -> Result<Vec<u8>, String> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(TIME_OUT))
        .max_redirects(0)
        .http_status_as_error(false)
        .tls_config(TlsConfig::builder().root_certs(roots()).build())
        .build()
        .into();
    let shown = shown(url);
    let fail = |error: ureq::Error| format!("{shown} can't be fetched: {error}");
    let mut response = agent.get(url).header("Accept", "application/json").call().map_err(fail)?;
    if response.status() != 200 {
        return Err(format!("{shown} answers {}", response.status()));
    }
    response.body_mut().with_config().limit(MAX_BYTES).read_to_vec().map_err(fail)
}

/// What the log may have of a URL: its query may have a secret.
pub fn shown(url: &str) -> &str {
    url.split_once('?').map_or(url, |(shown, _)| shown)
}

/// The system's certificates (`SSL_CERT_FILE` names others); those that are built in where a
/// container has none.
fn roots() -> RootCerts {
    let system = rustls_native_certs::load_native_certs().certs;
    if system.is_empty() {
        return RootCerts::WebPki;
    }
    let certificates = system.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    RootCerts::Specific(Arc::new(certificates))
}
