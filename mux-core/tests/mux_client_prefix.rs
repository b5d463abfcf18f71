//! Clients that are known by a prefix of their address.

mod machine;
mod support;

use std::time::Duration;

use mux_core::ClientPrefix;
use mux_core::mux::ReserveError;
#[cfg(all(feature = "steering", target_os = "linux"))]
use mux_core::steer::probe_steering;
use support::*;

/// By default the next address is a stranger.
#[tokio::test]
async fn by_default_only_the_client_itself_may_connect() {
    let mux = mux(1, |mux| mux);
    let mut reservation = mux.reserve(client(1)).await.unwrap();
    assert_turned_away(client(2), reservation.port()).await;
    let mut there = connect(client(1), reservation.port()).await;
    let mut here = within(reservation.accept()).await.unwrap();
    assert_connected(&mut here, &mut there).await;
}

/// An address with the prefix is the client; any other is a stranger.
#[tokio::test]
async fn another_address_of_the_prefix_may_connect() {
    let prefix = ClientPrefix::new(24, 64).unwrap();
    let mux = mux(1, |mux| mux.wait(Duration::ZERO).client_prefix(prefix));
    let mut reservation = mux.reserve(client(0x0101)).await.unwrap();
    assert_turned_away(client(0x0201), reservation.port()).await;
    let mut there = connect(client(0x01ff), reservation.port()).await;
    let mut here = within(reservation.accept()).await.unwrap();
    assert_connected(&mut here, &mut there).await;
    assert_eq!(mux.stats().strangers, 1);
}

/// The price: all addresses of a prefix are one client, with one client's ports and one wait queue.
#[tokio::test]
async fn addresses_of_a_prefix_share_the_ports_of_one_client() {
    let prefix = ClientPrefix::new(24, 64).unwrap();
    let mux = mux(1, |mux| mux.wait(HANG).max_waiting(1, 9).client_prefix(prefix));
    let held = mux.reserve(client(0x0101)).await.unwrap();
    let _elsewhere = mux.reserve(client(0x0201)).await.unwrap();
    let next = tokio::spawn({
        let mux = mux.clone();
        async move { mux.reserve(client(0x0102)).await.map(drop) }
    });
    until(|| mux.stats().waiting == 1).await;
    let refused = mux.reserve(client(0x0103)).await.unwrap_err();
    assert_eq!(refused, ReserveError::ClientQueueFull);
    drop(held);
    within(next).await.unwrap().unwrap();
}

/// A lent listener is reached from the client's own address alone, whatever the prefix.
#[cfg(all(feature = "steering", target_os = "linux"))]
#[tokio::test]
async fn a_lent_listener_is_the_clients_alone() {
    needs!(machine::steering(probe_steering));
    let prefix = ClientPrefix::new(24, 64).unwrap();
    let mux = mux(1, |mux| mux.steering(true).client_prefix(prefix));
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

/// A holder that has just closed its listener holds no port, whichever address of the prefix asks
/// next and in whichever way. The runtime has one thread, so no watcher has seen the close yet.
#[cfg(all(feature = "steering", target_os = "linux"))]
#[tokio::test]
async fn a_port_whose_holder_has_just_closed_its_listener_is_free_for_the_prefix() {
    needs!(machine::steering(probe_steering));
    let prefix = ClientPrefix::new(24, 64).unwrap();
    let mux = mux(1, |mux| mux.steering(true).wait(Duration::ZERO).client_prefix(prefix));
    let local = [127, 0, 0, 1].into();
    for (holder, next) in [(0x0101, 0x0101), (0x0101, 0x0102)] {
        let (lease, listener) = mux.lease(client(holder), local).await.unwrap();
        drop(listener);
        let reservation = mux.reserve(client(next)).await.unwrap();
        drop(reservation);
        drop(lease);
        let (lease, listener) = mux.lease(client(holder), local).await.unwrap();
        drop(listener);
        drop(mux.lease(client(next), local).await.unwrap());
        drop(lease);
    }
}
