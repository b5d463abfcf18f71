//! Both ends of a control connection.

use std::net::{IpAddr, SocketAddr};

/// Both ends of a session's control connection, in canonical form: an IPv4-mapped IPv6 address is
/// its IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SessionAddresses {
    /// The client's end.
    pub peer: SocketAddr,
    /// The server's end: the address and port that the client has connected to, as the server
    /// sees them.
    pub local: SocketAddr,
}

impl SessionAddresses {
    /// The ends of a control connection from `peer` to `local`.
    #[must_use]
    pub fn new(peer: SocketAddr, local: SocketAddr) -> Self {
        Self { peer: canonical(peer), local: canonical(local) }
    }

    /// Whether the control connection is an IPv4 connection, whatever socket it came through.
    #[must_use]
    pub fn is_ipv4(&self) -> bool {
        self.peer.is_ipv4()
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => (ip, address.port()).into(),
        // As it is: an IPv6 address may have a scope.
        IpAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_client_of_a_dual_stack_socket_is_an_ipv4_client() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mapped = SessionAddresses::new(
            address("[::ffff:192.0.2.1]:4000"),
            address("[::ffff:192.0.2.2]:21"),
        );
        assert!(mapped.is_ipv4());
        assert_eq!(mapped.peer, address("192.0.2.1:4000"));
        assert_eq!(mapped.local, address("192.0.2.2:21"));

        let six = SessionAddresses::new(address("[2001:db8::1]:4000"), address("[fe80::1%3]:21"));
        assert!(!six.is_ipv4());
        assert_eq!(six.local, address("[fe80::1%3]:21"));
    }
}
