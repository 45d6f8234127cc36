//! Whom a limit for an address is for.

use std::net::{IpAddr, Ipv6Addr};

/// An address of IPv4, or a network of IPv6. With IPv6 a provider gives everyone a network of 2^64
/// addresses, at least (RFC 6177): to count each of them would be no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Household(IpAddr);

impl From<IpAddr> for Household {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_ipv4_or_a_network_of_ipv6() {
        let one = |a: &str, b: &str| {
            let household = |text: &str| Household::from(text.parse::<IpAddr>().unwrap());
            household(a) == household(b)
        };
        assert!(one("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!one("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
        assert!(one("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert!(!one("2001:db8:0:1::1", "2001:db8:0:2::1"));
    }
}
