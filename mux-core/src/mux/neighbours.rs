//! Who may connect in place of a client: addresses near its own.

use std::fmt;

use crate::Client;

/// How near an address must be to a client's for its connection to count as the client's: the
/// prefix that both must share.
///
/// Some clients reach the server from more than one address: behind a NAT with a pool of
/// addresses, the control connection and the data connection may come from different ones. A
/// prefix lets the whole neighbourhood connect.
///
/// The price: everybody in a neighbourhood is one client. Its members take each other's ports
/// (two of them that reserve at the same time need two), they share the client's limits, and any
/// of them can take the connection of any other, as if they sat behind one address. Leave it at
/// [`NONE`](Self::NONE) unless clients need it, keep the prefixes long, and verify connections
/// where you can ([`Mux::reserve_vetted`](super::Mux::reserve_vetted)).
///
/// Lent listeners ([`Mux::lease`](super::Mux::lease)) are not affected: they are reached from
/// the client's own address alone, though they take a port of the whole neighbourhood.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Neighbours {
    ipv4: u8,
    ipv6: u8,
}

impl Neighbours {
    /// None: the address must be the client's own.
    pub const NONE: Self = Self { ipv4: 32, ipv6: 128 };

    /// Those that share the first `ipv4` bits of an IPv4 address, or the first `ipv6` bits of an
    /// IPv6 address, with the client.
    ///
    /// # Errors
    ///
    /// If `ipv4` is above 32, `ipv6` is above 128, or one of them is 0: that would be everybody.
    pub const fn new(ipv4: u8, ipv6: u8) -> Result<Self, PrefixError> {
        if ipv4 == 0 || ipv4 > 32 || ipv6 == 0 || ipv6 > 128 {
            return Err(PrefixError { ipv4, ipv6 });
        }
        Ok(Self { ipv4, ipv6 })
    }

    /// The neighbourhood that `client` belongs to, as its first address.
    pub(super) fn of(self, client: Client) -> Client {
        // IPv4 addresses stand at the end of 128 bits.
        let prefix = if client.is_ipv4() { 96 + u32::from(self.ipv4) } else { self.ipv6.into() };
        Client::from_bits(client.to_bits() & u128::MAX << (128 - prefix))
    }
}

impl fmt::Debug for Neighbours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Neighbours(/{} of IPv4, /{} of IPv6)", self.ipv4, self.ipv6)
    }
}

/// A prefix length that no neighbourhood can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("/{ipv4} and /{ipv6} are no prefixes: give 1 to 32 for IPv4 and 1 to 128 for IPv6")]
pub struct PrefixError {
    ipv4: u8,
    ipv6: u8,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn of(ipv4: u8, ipv6: u8, address: &str) -> String {
        let client: Client = address.parse::<IpAddr>().unwrap().into();
        Neighbours::new(ipv4, ipv6).unwrap().of(client).to_string()
    }

    #[test]
    fn a_neighbourhood_is_what_shares_the_prefix() {
        assert_eq!(of(24, 64, "192.0.2.77"), "192.0.2.0");
        assert_eq!(of(24, 64, "::ffff:192.0.2.77"), "192.0.2.0");
        assert_eq!(of(31, 64, "192.0.2.77"), "192.0.2.76");
        assert_eq!(of(1, 64, "192.0.2.77"), "128.0.0.0");
        assert_eq!(of(24, 64, "2001:db8::1:2:3:4"), "2001:db8::");
        assert_eq!(of(24, 127, "2001:db8::f"), "2001:db8::e");
        for address in ["192.0.2.77", "2001:db8::f", "::1"] {
            assert_eq!(of(32, 128, address), address);
        }
        assert_eq!(Neighbours::new(32, 128), Ok(Neighbours::NONE));
    }

    #[test]
    fn everybody_is_no_neighbourhood() {
        for (ipv4, ipv6) in [(0, 64), (24, 0), (33, 64), (24, 129)] {
            assert!(Neighbours::new(ipv4, ipv6).is_err());
        }
    }
}
