//! Identities as numbers, which is how those keep them who know nothing of the table.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use mux_core::table::{Matching, ReservationId, Table, Time};
use mux_core::{ClientKey, ClientPrefix};

#[test]
fn a_number_stands_for_one_reservation_of_all_there_ever_were() {
    let table = Table::new("8192-8195".parse().unwrap(), 16);
    let clients =
        (1..=4).map(|n| ClientPrefix::ADDRESS.key(IpAddr::from(Ipv4Addr::new(192, 0, 2, n))));
    let clients: Vec<ClientKey> = clients.collect();
    let mut numbers = HashSet::new();
    for round in 0..100 {
        let reserve = |&client: &ClientKey| {
            table.reserve(client, Time::MAX, Matching::Address, (client, round)).unwrap().id
        };
        let ids: Vec<ReservationId> = clients.iter().map(reserve).collect();
        for (id, client) in ids.into_iter().zip(&clients) {
            let number = id.to_bits();
            assert!(numbers.insert(number), "{id:?} has the number of another reservation");
            let again = ReservationId::from_bits(number);
            assert_eq!((again, again.to_bits()), (id, number));
            assert!(table.is_pending(again));
            assert_eq!(table.end(again).unwrap(), (*client, round));
        }
    }
    for number in numbers {
        assert!(table.end(ReservationId::from_bits(number)).is_err(), "it came back");
    }
}

#[test]
fn a_made_up_number_is_nobodys() {
    let table = Table::new("8192".parse().unwrap(), 1);
    let client = ClientPrefix::ADDRESS.key(IpAddr::from(Ipv4Addr::LOCALHOST));
    let reserved = table.reserve(client, Time::MAX, Matching::Address, ()).unwrap();
    let number = reserved.id.to_bits();
    for bit in 0..128 {
        let other = ReservationId::from_bits(number ^ 1 << bit);
        // What is beyond the number's own width says nothing.
        assert_eq!(table.is_pending(other), other == reserved.id, "bit {bit}");
    }
    assert!(!table.is_pending(ReservationId::from_bits(u128::MAX)));
    assert!(table.is_pending(reserved.id));
}
