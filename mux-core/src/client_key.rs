//! What the table knows a client by: its address, or the prefix that it shares with others.

use std::fmt;
use std::net::IpAddr;

use crate::Client;

/// How much of a client's address counts: the first bits of it.
///
/// Some clients reach the server from more than one address: behind a NAT with a pool of
/// addresses, the control connection and the data connection may come from different ones. A
/// prefix lets every address that shares it connect.
///
/// The price: all addresses of a prefix are one client. They take each other's ports (two of them
/// that reserve at the same time need two), they share the client's limits, and any of them can
/// take the connection of any other, as if they sat behind one address. Leave it at
/// [`ADDRESS`](Self::ADDRESS) unless clients need it, keep the prefixes long, and verify
/// connections where you can
#[cfg_attr(feature = "mux", doc = "([`Mux::reserve_verified`](crate::Mux::reserve_verified)).")]
#[cfg_attr(not(feature = "mux"), doc = "afterwards.")]
///
/// Lent listeners (`Mux::lease`) are reached from the client's own address alone, though they take
/// a port of the whole prefix.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientPrefix {
    ipv4: u8,
    ipv6: u8,
}

impl ClientPrefix {
    /// The whole address: no other address may connect.
    pub const ADDRESS: Self = Self { ipv4: 32, ipv6: 128 };

    /// The first `ipv4` bits of an IPv4 address, or the first `ipv6` bits of an IPv6 address.
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

    /// The key of `client`, which all clients with this prefix have in common.
    #[must_use]
    pub fn key(self, client: impl Into<Client>) -> ClientKey {
        let client = client.into();
        // IPv4 addresses stand at the end of 128 bits.
        let prefix = if client.is_ipv4() { 96 + u32::from(self.ipv4) } else { self.ipv6.into() };
        ClientKey(client.to_bits() & u128::MAX << (128 - prefix))
    }
}

/// As in `/24 of IPv4, /64 of IPv6`.
impl fmt::Display for ClientPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{} of IPv4, /{} of IPv6", self.ipv4, self.ipv6)
    }
}

impl fmt::Debug for ClientPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientPrefix({self})")
    }
}

/// A prefix length that no client can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("/{ipv4} and /{ipv6} are no prefixes: give 1 to 32 for IPv4 and 1 to 128 for IPv6")]
pub struct PrefixError {
    ipv4: u8,
    ipv6: u8,
}

/// What the table and the wait queue know a client by. Only [`ClientPrefix::key`] makes one, so an
/// address never stands where the key belongs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientKey(u128);

impl ClientKey {
    /// The key as a slot of the table stores it.
    pub(crate) const fn to_bits(self) -> u128 {
        self.0
    }

    /// The inverse of [`to_bits`](Self::to_bits).
    pub(crate) const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The first address of the prefix, in canonical form.
    #[must_use]
    pub fn first_address(self) -> IpAddr {
        Client::from_bits(self.0).ip()
    }
}

impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first_address().fmt(f)
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(ipv4: u8, ipv6: u8, address: &str) -> String {
        let client: Client = address.parse::<IpAddr>().unwrap().into();
        ClientPrefix::new(ipv4, ipv6).unwrap().key(client).to_string()
    }

    #[test]
    fn a_key_is_the_first_address_of_the_prefix() {
        assert_eq!(key(24, 64, "192.0.2.77"), "192.0.2.0");
        assert_eq!(key(24, 64, "::ffff:192.0.2.77"), "192.0.2.0");
        assert_eq!(key(31, 64, "192.0.2.77"), "192.0.2.76");
        assert_eq!(key(1, 64, "192.0.2.77"), "128.0.0.0");
        assert_eq!(key(24, 64, "2001:db8::1:2:3:4"), "2001:db8::");
        assert_eq!(key(24, 127, "2001:db8::f"), "2001:db8::e");
        for address in ["192.0.2.77", "2001:db8::f", "::1"] {
            assert_eq!(key(32, 128, address), address);
        }
        assert_eq!(ClientPrefix::new(32, 128), Ok(ClientPrefix::ADDRESS));
    }

    #[test]
    fn everybody_is_no_client() {
        for (ipv4, ipv6) in [(0, 64), (24, 0), (33, 64), (24, 129)] {
            assert!(ClientPrefix::new(ipv4, ipv6).is_err());
        }
    }
}
