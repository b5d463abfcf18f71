//! Lending listening sockets, through the front.

#![cfg(target_os = "linux")]

mod machine;
mod support;

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use mux_core::Mux;
use mux_core::mux::{Lease, LeaseError, ReserveError};
use mux_core::steer::probe_steering;
use support::*;
use tokio::net::TcpListener;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const NO_WAIT: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(60);

async fn lease(mux: &Mux, n: u16) -> (Lease, TcpListener) {
    let (lease, listener) = within(mux.lease(client(n), LOCAL)).await.unwrap();
    (lease, TcpListener::from_std(listener).unwrap())
}

/// Accepts and closes the listener, as a server that was lent one does.
async fn accept(listener: TcpListener) -> tokio::net::TcpStream {
    within(listener.accept()).await.unwrap().0
}

/// Promise 3: only the client's connection arrives, on the port that was reserved.
#[tokio::test]
async fn only_the_client_reaches_a_lent_listener() {
    needs!(machine::steering(probe_steering));
    let mux = mux(1, |mux| mux.steering(true));
    let mut lent = Vec::new();
    for n in 0..50 {
        lent.push((n, lease(&mux, n).await));
    }
    assert_turned_away(client(99), lent[0].1.0.port()).await;
    for (n, (lease, listener)) in lent.into_iter().rev() {
        assert_eq!(listener.local_addr().unwrap().port(), lease.port());
        let mut there = connect(client(n), lease.port()).await;
        let mut here = accept(listener).await;
        assert_eq!(here.peer_addr().unwrap().ip(), client(n));
        assert_connected(&mut here, &mut there).await;
    }
    until(|| mux.stats().claimed == 50).await;
    assert_eq!((mux.stats().pending, mux.stats().strangers), (0, 1));
}

/// Promise 6: when the holder has accepted and closed, the port is free by itself, while the
/// lease still stands.
#[tokio::test]
async fn the_port_is_free_when_the_holder_has_closed() {
    needs!(machine::steering(probe_steering));
    let mux = mux(1, |mux| mux.steering(true).wait(LONG));
    let mut leases = Vec::new();
    for _ in 0..10 {
        let (lease, listener) = lease(&mux, 1).await;
        let _there = connect(client(1), lease.port()).await;
        accept(listener).await;
        leases.push(lease);
    }
    // Promise 5: the old leases' ends leave the latest alone.
    let (current, listener) = lease(&mux, 1).await;
    drop(leases);
    let there = connect(client(1), current.port()).await;
    assert_eq!(accept(listener).await.peer_addr().unwrap(), there.local_addr().unwrap());
}

/// Promise 4: a dropped lease's socket accepts nothing any more, and its port is free at once.
#[tokio::test]
async fn a_dropped_lease_is_revoked() {
    needs!(machine::steering(probe_steering));
    let mux = mux(1, |mux| mux.steering(true).wait(NO_WAIT));
    for _ in 0..10 {
        let (lease, listener) = lease(&mux, 1).await;
        let port = lease.port();
        let accepting = tokio::spawn(async move { listener.accept().await.map(drop) });
        tokio::task::yield_now().await;
        drop(lease);
        let error = within(accepting).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
        assert_turned_away(client(1), port).await;
    }
    assert_eq!((mux.stats().pending, mux.stats().cancelled), (0, 10));
}

/// Promise 4 and 6: the same at the deadline.
#[tokio::test]
async fn an_expired_lease_is_revoked() {
    needs!(machine::steering(probe_steering));
    let ttl = Duration::from_millis(50);
    let mux = mux(1, |mux| mux.steering(true).wait(LONG).ttl(ttl));
    let (expired, listener) = lease(&mux, 1).await;
    let error = within(listener.accept()).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
    let (current, listener) = lease(&mux, 1).await;
    drop(expired);
    let _there = connect(client(1), current.port()).await;
    accept(listener).await;
    assert_eq!(mux.stats().expired, 1);
}

/// First come, first served: the port goes on as soon as the holder has closed.
#[tokio::test]
async fn leases_wait_in_line() {
    needs!(machine::steering(probe_steering));
    let mux = mux(1, |mux| mux.steering(true).wait(LONG));
    let (first, listener) = lease(&mux, 1).await;
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..5 {
        let handle = mux.clone();
        waiting.spawn(async move {
            let (lease, listener) = lease(&handle, 1).await;
            let _there = connect(client(1), lease.port()).await;
            accept(listener).await;
            n
        });
        until(|| mux.stats().waiting == n + 1).await;
    }
    let _there = connect(client(1), first.port()).await;
    accept(listener).await;
    let mut served = Vec::new();
    while let Some(n) = within(waiting.join_next()).await {
        served.push(n.unwrap());
    }
    assert_eq!(served, [0, 1, 2, 3, 4]);
}

/// What reaches an idle listener of a client is turned away, or served if the client has a
/// reservation for stream delivery there: both deliveries live side by side on one port.
#[tokio::test]
async fn streams_and_listeners_share_a_port() {
    needs!(machine::steering(probe_steering));
    let mux = mux(1, |mux| mux.steering(true).wait(LONG));
    let (first, listener) = lease(&mux, 1).await;
    let mut other = mux.reserve(client(2)).await.unwrap();
    let _there = connect(client(1), first.port()).await;
    let there = connect(client(2), other.port()).await;
    assert_eq!(accept(listener).await.peer_addr().unwrap().ip(), client(1));
    let here = within(other.accept()).await.unwrap();
    assert_eq!(here.peer_addr().unwrap(), there.local_addr().unwrap());

    until(|| mux.stats().pending == 0).await;
    assert_turned_away(client(1), first.port()).await;
    let mut stream = mux.reserve(client(1)).await.unwrap();
    let there = connect(client(1), stream.port()).await;
    let here = within(stream.accept()).await.unwrap();
    assert_eq!(here.peer_addr().unwrap(), there.local_addr().unwrap());
    assert_eq!(mux.stats().strangers, 1);
}

/// Promise 2: two connections of one client, and the second is turned away.
#[tokio::test]
async fn a_second_connection_is_turned_away() {
    needs!(machine::steering(probe_steering));
    let mux = mux(1, |mux| mux.steering(true));
    let (first, listener) = lease(&mux, 1).await;
    let mut there = connect(client(1), first.port()).await;
    let second = connect(client(1), first.port()).await;
    let mut here = accept(listener).await;
    assert_closed(second).await;
    assert_connected(&mut here, &mut there).await;
}

#[tokio::test]
async fn ipv6_clients_are_lent_listeners() {
    needs!(machine::steering(probe_steering), machine::ipv6());
    let six: IpAddr = "::1".parse().unwrap();
    let mux = mux(2, |mux| mux.addresses([LOCAL, six]).steering(true));
    let (lease, listener) = within(mux.lease(six, six)).await.unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    let there = tokio::net::TcpStream::connect((six, lease.port())).await.unwrap();
    assert_eq!(accept(listener).await.peer_addr().unwrap(), there.local_addr().unwrap());
    let wrong = mux.lease(client(1), six).await;
    assert!(matches!(wrong, Err(LeaseError::Lend(_))), "{wrong:?}");
}

#[tokio::test]
async fn what_cannot_be_lent_is_said() {
    needs!(machine::steering(probe_steering));
    let plain = mux(1, |mux| mux);
    let error = plain.lease(client(1), LOCAL).await.unwrap_err();
    assert!(matches!(error, LeaseError::SteeringOff), "{error}");
    let steering = mux(1, |mux| mux.steering(true).wait(NO_WAIT));
    let elsewhere: IpAddr = "127.0.0.2".parse().unwrap();
    let error = steering.lease(client(1), elsewhere).await.unwrap_err();
    assert!(matches!(error, LeaseError::NotBound(ip) if ip == elsewhere), "{error}");
    let _held = lease(&steering, 1).await;
    let error = steering.lease(client(1), LOCAL).await.unwrap_err();
    assert!(matches!(error, LeaseError::Reserve(ReserveError::NoFreePort)), "{error}");
}

/// Shutting down revokes what is lent.
#[tokio::test]
async fn shutdown_revokes_leases() {
    needs!(machine::steering(probe_steering));
    let mux = mux(2, |mux| mux.steering(true));
    let ports = mux.ports().clone();
    let (held, listener) = lease(&mux, 1).await;
    within(mux.shutdown()).await;
    assert!(within(listener.accept()).await.is_err());
    drop((held, listener));
    let again = Mux::builder(ports).steering(true).bind().unwrap();
    let (current, listener) = lease(&again, 1).await;
    let _there = connect(client(1), current.port()).await;
    accept(listener).await;
}

/// A lease may be dropped on a thread that knows nothing of the runtime.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_may_be_dropped_anywhere() {
    needs!(machine::steering(probe_steering));
    let mux = mux(1, |mux| mux.steering(true).wait(LONG));
    let (first, _listener) = lease(&mux, 1).await;
    std::thread::spawn(move || drop(first)).join().unwrap();
    let (second, listener) = lease(&mux, 1).await;
    let _there = connect(client(1), second.port()).await;
    accept(listener).await;
}

/// Promise 9: a port whose holder has accepted and closed is free at once, also for those who do
/// not wait.
#[tokio::test]
async fn a_used_port_is_free_for_those_who_do_not_wait() {
    needs!(machine::steering(probe_steering));
    let mux = mux(1, |mux| mux.steering(true).wait(NO_WAIT));
    let mut leases = Vec::new();
    for _ in 0..100 {
        let (lease, listener) = lease(&mux, 1).await;
        let _there = connect(client(1), lease.port()).await;
        accept(listener).await;
        leases.push(lease);
    }
    assert!(mux.stats().claimed >= 99);
}
