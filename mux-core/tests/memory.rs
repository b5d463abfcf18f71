//! The table takes at most 256 bytes per pending reservation, all in, and gives back what clients
//! and deadlines took.

mod counting;

use std::net::{IpAddr, Ipv4Addr};

use counting::of_this_thread;
use mux_core::table::{Matching, ReservationId, Table, Time};
use mux_core::{ClientKey, ClientPrefix, PortSet};

fn client(n: usize) -> ClientKey {
    ClientPrefix::ADDRESS.key(IpAddr::from(Ipv4Addr::from_bits(n as u32)))
}

/// Fills a table with `clients` times `each` reservations, and returns the bytes for each of them.
fn bytes_per_reservation(ports: &str, clients: usize, each: usize) -> isize {
    let ports: PortSet = ports.parse().unwrap();
    let count = clients * each;
    let mut ids: Vec<ReservationId> = Vec::with_capacity(count);

    let before = of_this_thread();
    // The payload is as large as the front's.
    let table: Table<[u64; 2]> = Table::with_seed(ports, count, 1);
    let empty = of_this_thread();
    for n in 0..count {
        let deadline = Time::from_nanos(1000 + n as u64);
        let reserved = table.reserve(client(n / each), deadline, Matching::Address, [0; 2]);
        ids.push(reserved.unwrap().id);
    }
    let full = of_this_thread();
    for id in ids {
        table.end(id).unwrap();
    }
    let left = of_this_thread() - empty;
    assert!(left < (full - empty) / 2 + 100_000, "{left} of {} bytes are kept", full - empty);
    (full - before) / count as isize
}

#[test]
fn a_reservation_takes_at_most_256_bytes() {
    for (ports, clients, each) in [
        ("8192-8200", 100_000, 1),
        ("8192-8200", 60_000, 1),
        ("8192-8200", 20_000, 5),
        ("8192-8200", 10_000, 9),
        ("10000-26383", 100_000, 1),
        ("10000-26383", 2_000, 30),
        ("10000-26383", 500, 200),
        ("10000-26383", 6, 16_384),
        ("1-65535", 5_000, 13),
    ] {
        let bytes = bytes_per_reservation(ports, clients, each);
        println!("{ports}, {clients} clients with {each}: {bytes} bytes per reservation");
        assert!(bytes <= 256, "{bytes} bytes: {ports}, {clients} clients with {each} each");
    }
}

/// However they end, and although the first one stays.
#[test]
fn reservations_that_have_ended_leave_nothing_behind() {
    let table: Table<[u64; 2]> = Table::with_seed("8192-8200".parse().unwrap(), 100, 1);
    let reserve = |nanos, matching| {
        table.reserve(client(1), Time::from_nanos(nanos), matching, [0; 2]).unwrap()
    };
    reserve(1, Matching::Address);
    let mut most = 0;
    for round in 0..50_000 {
        let reserved = reserve(2 + round % 2, Matching::Address);
        table.claim(reserved.port, client(1), Time::ZERO).unwrap();
        table.end(reserve(2, Matching::Address).id).unwrap();
        let held = reserve(2, Matching::Identity).id;
        table.open(held, [0; 2]).unwrap();
        table.end(held).unwrap();
        if round == 1_000 {
            most = of_this_thread() + 10_000;
        }
        assert!(round <= 1_000 || of_this_thread() <= most, "more in round {round}");
    }
}
