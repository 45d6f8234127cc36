//! Where a request comes from.
//!
//! Owns: which header of a proxy counts, and from whom. Promises: a header counts only where the
//! peer is a proxy that the operator has named, and of what it says only what such a proxy has
//! written; with anything else in it the peer's own address counts. Does not: look names up.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
    web::Data,
};
use ipnet::IpNet;

/// The proxies before the hub, and where they write who has asked them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxies {
    /// One address, or a list to which each proxy has appended its own client.
    pub header: HeaderName,
    /// Whom it is believed from.
    pub trusted: TrustedProxies,
}

/// Addresses of proxies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    /// Whether a peer without an address is one: it has come over a Unix socket.
    unix: bool,
}

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut this = Self { networks: Vec::new(), unix: false };
        for part in text.split(',').map(str::trim) {
            let network = part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
            match network {
                Ok(network) => this.networks.push(network),
                Err(_) if part == "unix" => this.unix = true,
                Err(_) => {
                    return Err("allowed is a list of addresses and networks such as \
                                127.0.0.1,10.0.0.0/8,2001:db8::/32, and unix"
                        .to_owned());
                }
            }
        }
        Ok(this)
    }
}

impl TrustedProxies {
    fn include(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

/// The name of the header. `Forwarded` has another syntax, which few proxies write.
pub fn parse_client_address_header(text: &str) -> Result<HeaderName, &'static str> {
    let name = HeaderName::from_str(text).ok().filter(|name| *name != header::FORWARDED);
    name.ok_or("allowed is X-Forwarded-For, or a header with one address such as X-Real-IP")
}

impl Proxies {
    /// The client of the outermost proxy that is trusted. Each appends the address that it was
    /// asked from; what is left of the first that is no proxy of ours, a client may have made up.
    fn client(&self, request: &HttpRequest) -> Option<IpAddr> {
        let values: Vec<_> = request.headers().get_all(&self.header).collect();
        let mut client = None;
        for value in values.into_iter().rev() {
            for part in value.to_str().ok()?.rsplit(',') {
                let address = parse_address(part.trim())?;
                client = Some(address);
                if !self.trusted.include(address) {
                    return client;
                }
            }
        }
        client
    }
}

/// An address, perhaps with a port, as some balancers write it.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = text.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.or_else(bracketed).map(|address| address.to_canonical())
}

/// Where a request comes from: its peer, or whom a trusted one names.
pub fn address(request: &HttpRequest) -> IpAddr {
    // A listener of both protocols has those of IPv4 as `::ffff:192.0.2.1`.
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let client = request.app_data::<Data<Proxies>>().and_then(|proxies| {
        let trusted = peer.map_or(proxies.trusted.unix, |peer| proxies.trusted.include(peer));
        trusted.then(|| proxies.client(request)).flatten()
    });
    client.unwrap_or_else(|| address_of(request.peer_addr()))
}

/// The address of a peer itself.
pub fn address_of(peer: Option<SocketAddr>) -> IpAddr {
    // A TCP connection always has a peer; one without is on this machine.
    let address = peer.map_or(Ipv4Addr::LOCALHOST.into(), |peer| peer.ip());
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn client(trusted: &str, peer: Option<&str>, headers: &[&str]) -> String {
        let proxies = Proxies {
            header: parse_client_address_header("X-Forwarded-For").unwrap(),
            trusted: trusted.parse().unwrap(),
        };
        let mut request = TestRequest::get().app_data(Data::new(proxies));
        for value in headers {
            request = request.append_header(("x-forwarded-for", *value));
        }
        if let Some(peer) = peer {
            request = request.peer_addr(SocketAddr::new(peer.parse().unwrap(), 1));
        }
        address(&request.to_http_request()).to_string()
    }

    #[test]
    fn the_right_most_that_is_no_proxy_of_ours_counts() {
        let of = |headers: &[&str]| client("10.0.0.0/8,2001:db8::1", Some("10.0.0.1"), headers);
        assert_eq!(of(&["192.0.2.1"]), "192.0.2.1");
        assert_eq!(of(&["192.0.2.66, 192.0.2.1, 10.0.0.2"]), "192.0.2.1");
        assert_eq!(of(&["192.0.2.66", "192.0.2.1,10.0.0.2", " 10.0.0.3"]), "192.0.2.1");
        assert_eq!(of(&["garbage, 192.0.2.1"]), "192.0.2.1", "nobody looks so far");
        assert_eq!(of(&["192.0.2.1:4711"]), "192.0.2.1");
        assert_eq!(of(&["[2001:db8::2]:4711, 2001:db8::1"]), "2001:db8::2");
        assert_eq!(of(&["[2001:db8::2]"]), "2001:db8::2");
        assert_eq!(of(&["::ffff:192.0.2.1"]), "192.0.2.1");
        assert_eq!(of(&["10.0.0.7, 10.0.0.2"]), "10.0.0.7", "a client on the proxies' network");
    }

    #[test]
    fn the_peer_counts_where_the_header_says_nothing_or_nobody_may() {
        for garbage in ["", "unknown", "192.0.2.1,", "192.0.2.1, x", "192.0.2", "a\u{e4}"] {
            assert_eq!(client("10.0.0.0/8", Some("10.0.0.1"), &[garbage]), "10.0.0.1", "{garbage}");
        }
        assert_eq!(client("10.0.0.0/8", Some("10.0.0.1"), &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.0/8", Some("11.0.0.1"), &["192.0.2.1"]), "11.0.0.1");
        assert_eq!(client("10.0.0.0/8", Some("::ffff:10.0.0.1"), &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("10.0.0.0/8", None, &["192.0.2.1"]), "127.0.0.1");
        assert_eq!(client("10.0.0.0/8,unix", None, &["192.0.2.1"]), "192.0.2.1");
    }
}
