//! Promise 11: out of descriptors the accept path backs off and recovers by itself, and what is
//! kept only to be fast is given back.
//!
//! Its tests run one after the other (they take all descriptors of the process): see `ALONE`.
#![cfg(target_os = "linux")]

mod exhaust;
mod machine;
mod support;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use exhaust::{exhaust, limit};
use mux_core::mux::LeaseError;
use mux_core::steer::{LendError, probe_steering};
use support::*;
use tokio::net::{TcpListener, TcpSocket};

/// Held by the test that runs.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[tokio::test]
async fn without_descriptors_nothing_is_lost_and_idle_listeners_are_given_back() {
    let _alone = ALONE.lock().await;
    // It takes descriptors for a moment, so nothing else may be under way.
    needs!(machine::steering(probe_steering));
    let mux = mux(1, |mux| mux.steering(true).ttl(HANG));
    let port = mux.ports().port_at(0).unwrap();

    // Listeners that are kept for their clients' next use.
    for n in 0..4 {
        let (lease, listener) = within(mux.lease(client(n), LOCAL)).await.unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let there = connect(client(n), port).await;
        within(listener.accept()).await.unwrap();
        drop(listener);
        drop((lease, there));
    }

    let mut reservation = mux.reserve(client(10)).await.unwrap();
    let rightful = TcpSocket::new_v4().unwrap();
    rightful.bind((client(10), 0).into()).unwrap();
    limit(512);
    let files = exhaust();
    let mut there = within(rightful.connect((Ipv4Addr::LOCALHOST, port).into())).await.unwrap();

    // The accept path has noticed, or will, that it cannot accept: it gives back the listeners.
    // So there are descriptors for it, and for who wants a listener.
    let (lease, listener) = within(async {
        loop {
            match mux.lease(client(11), LOCAL).await {
                Ok(lent) => return lent,
                Err(LeaseError::Lend(LendError::System(error))) => {
                    assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await;
    assert_eq!(listener.local_addr().unwrap().port(), port);

    drop(files);
    let mut here = within(reservation.accept()).await.unwrap();
    assert_connected(&mut here, &mut there).await;
    let listener = TcpListener::from_std(listener).unwrap();
    let there = connect(client(11), port).await;
    let (here, _) = within(listener.accept()).await.unwrap();
    assert_eq!(here.peer_addr().unwrap(), there.local_addr().unwrap());
    drop(listener);
    until(|| mux.stats().pending == 0).await;
    drop(lease);
    assert_eq!(mux.stats().claimed, 6);
    // So that no descriptor of it is given back later, in the midst of another test.
    within(mux.shutdown()).await;
}

/// Accepting stops when there is nothing left at all, and goes on when there is.
#[tokio::test]
async fn connections_wait_until_there_are_descriptors_again() {
    let _alone = ALONE.lock().await;
    let mux = mux(2, |mux| mux.ttl(HANG));
    for _ in 0..3 {
        let mut reservations = Vec::new();
        let mut sockets = Vec::new();
        for n in 0..10 {
            let reservation = mux.reserve(client(n)).await.unwrap();
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind((client(n), 0).into()).unwrap();
            sockets.push((socket, reservation.port()));
            reservations.push(reservation);
        }
        limit(512);
        let files = exhaust();
        let mut connected = Vec::new();
        for (socket, port) in sockets {
            let to = (Ipv4Addr::LOCALHOST, port).into();
            connected.push(within(socket.connect(to)).await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(mux.stats().pending, 10, "accepted with which descriptor?");
        drop(files);
        for (reservation, there) in reservations.iter_mut().zip(&mut connected) {
            let mut here = within(reservation.accept()).await.unwrap();
            assert_connected(&mut here, there).await;
        }
    }
}
