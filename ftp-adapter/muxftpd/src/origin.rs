//! Where a client comes from, for counting.

use mux_core::Client;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Where a client comes from, as far as one person can be told from another: an IPv4 address, or
/// the first 64 bits of an IPv6 address, because a person with one such address has all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(Client);

impl From<Client> for Origin {
    fn from(client: Client) -> Self {
        match client.ip() {
            IpAddr::V4(_) => Self(client),
            IpAddr::V6(ip) => {
                let network = Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64));
                Self(IpAddr::from(network).into())
            }
        }
    }
}

impl From<IpAddr> for Origin {
    fn from(ip: IpAddr) -> Self {
        Client::from(ip).into()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.ip() {
            IpAddr::V4(ip) => ip.fmt(f),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
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
