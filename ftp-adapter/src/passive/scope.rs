//! Which sessions a rule for the address in `PASV` replies is for.

use super::SessionAddresses;
use ipnet::Ipv4Net;
use std::fmt;
use std::net::IpAddr;

/// What begins a rule by local address.
pub(super) const LOCAL: &str = "local:";

/// Which sessions a rule is for, by one end of their control connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostScope {
    /// Those whose client's address is in this network.
    Client(Ipv4Net),
    /// Those whose client has connected to an address in this network.
    Local(Ipv4Net),
}

impl HostScope {
    /// Whether the rule is for this session.
    pub(super) fn holds(&self, session: &SessionAddresses) -> bool {
        let (network, ip) = match self {
            Self::Client(network) => (network, session.peer.ip()),
            Self::Local(network) => (network, session.local.ip()),
        };
        matches!(ip, IpAddr::V4(ip) if network.contains(&ip))
    }
}

impl fmt::Display for HostScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(network) => network.fmt(f),
            Self::Local(network) if network.prefix_len() == 32 => {
                write!(f, "{LOCAL}{}", network.addr())
            }
            Self::Local(network) => write!(f, "{LOCAL}{network}"),
        }
    }
}
