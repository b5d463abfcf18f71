//! The client: the canonical source address that a reservation is keyed by.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The canonical source address of a connection.
///
/// An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) *is* its IPv4 address: a peer seen through a
/// dual-stack socket and the same peer seen through an IPv4 socket are one client. Ports and IPv6
/// scope identifiers play no part.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Client(u128);

impl Client {
    /// The client as an address, in canonical form.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        Ipv6Addr::from_bits(self.0).to_canonical()
    }

    /// Whether the client's address is an IPv4 address.
    #[must_use]
    pub fn is_ipv4(self) -> bool {
        self.ip().is_ipv4()
    }

    /// The address as 128 bits, IPv4 addresses in their IPv4-mapped form.
    #[must_use]
    pub const fn to_bits(self) -> u128 {
        self.0
    }

    /// The inverse of [`to_bits`](Self::to_bits).
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }
}

impl From<IpAddr> for Client {
    fn from(ip: IpAddr) -> Self {
        Self(match ip {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        })
    }
}

impl From<SocketAddr> for Client {
    fn from(address: SocketAddr) -> Self {
        address.ip().into()
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.ip())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_mapped_address_is_its_ipv4_address() {
        let plain: IpAddr = "192.0.2.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(Client::from(plain), Client::from(mapped));
        assert_eq!(Client::from(mapped).ip(), plain);
        assert!(Client::from(mapped).is_ipv4());
        assert_eq!(Client::from(mapped).to_string(), "192.0.2.1");
    }

    #[test]
    fn other_ipv6_addresses_stay_themselves() {
        for text in ["::1", "2001:db8::1", "::192.0.2.1", "64:ff9b::192.0.2.1"] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(Client::from(ip).ip(), ip, "{text}");
            assert!(!Client::from(ip).is_ipv4(), "{text}");
        }
    }
}
