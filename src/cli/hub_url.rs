//! Where the hub is, for the commands that talk to one.

use std::{fmt, str::FromStr};

use actix_web::http::Uri;
use awc::Client;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config;

/// The root of a hub: `http://host:port`, with a path where a proxy adds one.
#[derive(Debug, Clone)]
pub struct HubUrl(String);

impl FromStr for HubUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ALLOWED: &str = "allowed is the root of a hub, such as http://localhost:3000";
        let uri: Uri = text.parse().map_err(|_| ALLOWED)?;
        let plain = uri.scheme_str() == Some("http") && uri.query().is_none();
        if plain { Ok(Self(text.trim_end_matches('/').to_owned())) } else { Err(ALLOWED) }
    }
}

impl fmt::Display for HubUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HubUrl {
    /// The hub on this machine.
    pub fn local() -> Self {
        Self(format!("http://{}", config::local_hub()))
    }

    /// The address of a path of the hub, with a query.
    pub fn with(&self, path: &str, query: &[(&str, &str)]) -> String {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let pairs = query.iter().map(|(name, value)| format!("{name}={}", encode(value)));
        let query = pairs.collect::<Vec<_>>().join("&");
        format!("{}{path}{}{query}", self.0, if query.is_empty() { "" } else { "?" })
    }
}

/// The HTTP client of all commands.
pub fn client() -> Client {
    Client::builder().add_default_header(("user-agent", "fanfare")).finish()
}
