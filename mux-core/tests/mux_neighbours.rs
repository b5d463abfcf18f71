//! Clients whose data connections come from a neighbouring address.

mod support;

use std::time::Duration;

use mux_core::mux::{Neighbours, ReserveError};
use support::*;

/// Unless it is said otherwise, the next address is a stranger.
#[tokio::test]
async fn by_default_only_the_client_itself_may_connect() {
    let mux = mux(1, |mux| mux);
    let mut reservation = mux.reserve(client(1)).await.unwrap();
    assert_turned_away(client(2), reservation.port()).await;
    let mut there = connect(client(1), reservation.port()).await;
    let mut here = within(reservation.accept()).await.unwrap();
    assert_connected(&mut here, &mut there).await;
}

/// Whoever shares the prefix is the client; whoever does not is a stranger.
#[tokio::test]
async fn a_neighbour_may_connect_in_the_clients_place() {
    let neighbours = Neighbours::new(24, 64).unwrap();
    let mux = mux(1, |mux| mux.wait(Duration::ZERO).neighbours(neighbours));
    let mut reservation = mux.reserve(client(0x0101)).await.unwrap();
    assert_turned_away(client(0x0201), reservation.port()).await;
    let mut there = connect(client(0x01ff), reservation.port()).await;
    let mut here = within(reservation.accept()).await.unwrap();
    assert_connected(&mut here, &mut there).await;
    assert_eq!(mux.stats().strangers, 1);
}

/// The price: a neighbourhood is one client, with one client's ports and one line.
#[tokio::test]
async fn neighbours_share_the_ports_of_one_client() {
    let neighbours = Neighbours::new(24, 64).unwrap();
    let mux = mux(1, |mux| mux.wait(HANG).max_waiting(1, 9).neighbours(neighbours));
    let held = mux.reserve(client(0x0101)).await.unwrap();
    let _elsewhere = mux.reserve(client(0x0201)).await.unwrap();
    let next = tokio::spawn({
        let mux = mux.clone();
        async move { mux.reserve(client(0x0102)).await.map(drop) }
    });
    until(|| mux.stats().waiting == 1).await;
    let refused = mux.reserve(client(0x0103)).await.unwrap_err();
    assert_eq!(refused, ReserveError::ClientLineFull);
    drop(held);
    within(next).await.unwrap().unwrap();
}

/// A lent listener is reached from the client's own address alone, whatever the prefix.
#[cfg(all(feature = "steering", target_os = "linux"))]
#[tokio::test]
async fn a_lent_listener_is_the_clients_alone() {
    let neighbours = Neighbours::new(24, 64).unwrap();
    let mux = mux(1, |mux| mux.steering(true).neighbours(neighbours));
    let local = [127, 0, 0, 1].into();
    for _ in 0..2 {
        let (lease, listener) = mux.lease(client(0x0101), local).await.unwrap();
        assert_turned_away(client(0x0102), lease.port()).await;
        let there = connect(client(0x0101), lease.port()).await;
        listener.set_nonblocking(false).unwrap();
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer, there.local_addr().unwrap());
        drop(listener);
        drop(lease);
    }
    assert_eq!((mux.stats().claimed, mux.stats().pending), (2, 0));
}
