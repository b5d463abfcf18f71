//! Which port a client gets cannot be foreseen.

use std::net::{IpAddr, Ipv4Addr};

use mux_core::table::{Matching, Table, Time};
use mux_core::{ClientPrefix, PortSet};

/// However the table came by its source of chance.
#[test]
fn a_first_port_is_any_of_them() {
    let ports: PortSet = "8192-8200".parse().unwrap();
    for table in [Table::new(ports.clone(), 9_000), Table::with_seed(ports, 9_000, 1)] {
        let mut counts = [0_u32; 9];
        for number in 0..9_000 {
            let client =
                ClientPrefix::ADDRESS.key(IpAddr::from(Ipv4Addr::from(0x0a00_0000 + number)));
            let reserved = table.reserve(client, Time::MAX, Matching::Address, ()).unwrap();
            counts[usize::from(reserved.port - 8192)] += 1;
        }
        // Six standard deviations are about 180.
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }
}
