//! The setting of where `/metrics` is.

use std::net::SocketAddr;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metrics {
    /// Nowhere: how many subscribers a hub has is not for everyone who reaches it.
    Off,
    /// On the port of the hub.
    On,
    /// On a port of its own.
    At(SocketAddr),
}

impl Metrics {
    /// Reads `off`, `on`, or an address and a port.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "off" => Ok(Self::Off),
            "on" => Ok(Self::On),
            address => address.parse().map(Self::At).map_err(|_| {
                "allowed is off, on, or an address and a port such as 127.0.0.1:9090 or [::]:9090"
            }),
        }
    }
}
