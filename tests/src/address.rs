//! Source addresses. On Linux all of 127.0.0.0/8 is loopback, so one machine is many clients.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where the servers under test listen.
pub const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The `n`th client, 127.1.0.0 upwards: never the server's own address.
#[must_use]
pub fn client(n: u16) -> IpAddr {
    let [high, low] = n.to_be_bytes();
    Ipv4Addr::new(127, 1, high, low).into()
}

/// The `n`th stranger, 127.2.0.0 upwards: an address no session comes from.
#[must_use]
pub fn stranger(n: u16) -> IpAddr {
    let [high, low] = n.to_be_bytes();
    Ipv4Addr::new(127, 2, high, low).into()
}

/// The IPv6 loopback address, which not every machine has:
/// [`ipv6`](not_checked::machine::ipv6) of the machine tells.
#[must_use]
pub fn ipv6() -> IpAddr {
    Ipv6Addr::LOCALHOST.into()
}
