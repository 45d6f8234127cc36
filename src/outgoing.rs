//! Asking other servers over HTTP.
//!
//! Promises: bounded in time; redirects are not followed, so that only who the operator has named is
//! spoken to. Does not: run on a thread of streams; it blocks.

use std::{sync::Arc, time::Duration};

use ureq::{
    Agent,
    tls::{Certificate, RootCerts, TlsConfig},
};

/// A client that takes so long at the most for a request and its answer, whatever its status.
pub fn agent(time_out: Duration) -> Agent {
    Agent::config_builder()
        .timeout_global(Some(time_out))
        .max_redirects(0)
        .http_status_as_error(false)
        .tls_config(TlsConfig::builder().root_certs(roots()).build())
        .build()
        .into()
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
