//! Where hooks are sent.

use std::{fmt, str::FromStr, sync::Arc};

use url::Url;

/// A URL. Promises: printing it shows the server alone; the rest may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Arc<str>,
    server: Arc<str>,
}

impl FromStr for Endpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "allowed is a URL such as https://app.example/hooks, without a user";
        let url = Url::parse(text).map_err(|_| wrong)?;
        let plain = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !plain {
            return Err(wrong);
        }
        let server = url.origin().ascii_serialization().into();
        Ok(Self { url: url.as_str().into(), server })
    }
}

impl Endpoint {
    /// The whole URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.server)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
