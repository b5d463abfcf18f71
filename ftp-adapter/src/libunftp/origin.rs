//! Where a client comes from, for counting.

use mux_core::Client;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Where a client comes from, as far as one person can be told from another: an IPv4 address, or
/// the first 64 bits of an IPv6 address, because whoever has one such address has them all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(Client);

impl From<Client> for Origin {
    fn from(client: Client) -> Self {
        if client.is_ipv4() {
            return Self(client);
        }
        Self(Client::from_bits(client.to_bits() & (u128::MAX << 64)))
    }
}

impl From<IpAddr> for Origin {
    fn from(ip: IpAddr) -> Self {
        Client::from(ip).into()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_ipv4() {
            true => self.0.fmt(f),
            false => write!(f, "{}/64", Ipv6Addr::from_bits(self.0.to_bits())),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> String {
        Origin::from(text.parse::<IpAddr>().unwrap()).to_string()
    }

    #[test]
    fn ipv4_by_address_and_ipv6_by_network() {
        assert_eq!(origin("192.0.2.7"), "192.0.2.7");
        assert_eq!(origin("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(origin("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(origin("2001:db8:1:2::"), "2001:db8:1:2::/64");
    }
}
