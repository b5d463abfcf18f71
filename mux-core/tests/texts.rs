//! What a person is told: every text says what is wrong and what to do.
#![cfg(feature = "mux")]

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mux_core::mux::PortsError;
use mux_core::table::{MAX_OPENINGS, Matching, Table, Time};
use mux_core::{Client, ClientPrefix, PortSet, PortSetError};

#[test]
fn ports_that_cannot_be_bound_come_with_their_remedy() {
    let because = |error: io::Error| {
        let address = SocketAddr::from(([127, 0, 0, 1], 21));
        PortsError { failures: vec![(address, error)] }.to_string()
    };
    for (error, told) in [
        (io::ErrorKind::AddrInUse.into(), "stop that one, or choose other ports"),
        (io::ErrorKind::PermissionDenied.into(), "CAP_NET_BIND_SERVICE"),
        (io::ErrorKind::AddrNotAvailable.into(), "does not have that address"),
        (io::Error::from_raw_os_error(24), "raise the limit on open files (ulimit -n)"),
        (io::ErrorKind::OutOfMemory.into(), "raise the limit on open files"),
        (io::Error::other("something new"), "something new"),
    ] {
        let text = because(error);
        assert!(text.starts_with("cannot listen on 127.0.0.1:21: "), "{text}");
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn a_set_that_is_made_from_ranges_is_checked_as_one_that_is_read() {
    let (start, end) = (9, 8);
    let backwards = PortSet::new([1..=2, start..=end]);
    assert_eq!(backwards, Err(PortSetError::Backwards { part: "9-8".into() }));
    assert_eq!(PortSet::new([0..=5]), Err(PortSetError::Zero { part: "0-5".into() }));
    assert_eq!(PortSet::new([]), Err(PortSetError::Empty));
}

#[test]
fn what_is_logged_names_addresses_and_reasons() {
    let client = Client::from(IpAddr::from(Ipv4Addr::new(192, 0, 2, 1)));
    assert_eq!(client.to_string(), "192.0.2.1");
    assert_eq!(format!("{client:?}"), "Client(192.0.2.1)");
    let ports: PortSet = "7,9-10".parse().unwrap();
    assert_eq!(format!("{ports:?}"), "PortSet(7,9-10)");
    let prefix = ClientPrefix::new(24, 64).unwrap();
    assert_eq!(format!("{prefix:?}"), "ClientPrefix(/24 of IPv4, /64 of IPv6)");

    let table = Table::new("7".parse().unwrap(), 9);
    let client = prefix.key(client);
    let reserve = |matching| table.reserve(client, Time::MAX, matching, "a secret payload");
    let held = reserve(Matching::Identity).unwrap();
    let refused = reserve(Matching::Identity).unwrap_err();
    let text = format!("{refused:?} {refused}");
    assert!(text.contains("NoFreePort") && text.contains("open more ports"), "{text}");
    for _ in 0..MAX_OPENINGS {
        table.open(held.id, "a secret payload").unwrap();
    }
    let refused = table.open(held.id, "a secret payload").unwrap_err();
    let both = format!("{refused:?} {refused} {text} {table:?}");
    assert!(both.contains("open to the next connection already"), "{both}");
    assert!(!both.contains("secret"), "payloads are nobody's business: {both}");
}
