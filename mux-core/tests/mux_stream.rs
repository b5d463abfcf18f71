//! Stream delivery: what is promised to those who call `reserve` and `accept`.

mod machine;
mod support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use mux_core::mux::{AcceptError, ReserveError};
use socket2::{Domain, Socket, Type};
use support::*;

const NO_WAIT: Duration = Duration::ZERO;

/// Promise 3: the connection has the client's address, and the port as its local port.
#[tokio::test]
async fn the_connection_is_the_clients_on_the_port() {
    let mux = mux(9, |mux| mux);
    let mut reservation = mux.reserve(client(1)).await.unwrap();
    assert!(mux.ports().contains(reservation.port()));
    let mut there = connect(client(1), reservation.port()).await;
    let mut here = within(reservation.accept()).await.unwrap();
    assert_eq!(here.peer_addr().unwrap().ip(), client(1));
    assert_eq!(here.local_addr().unwrap().port(), reservation.port());
    assert_connected(&mut here, &mut there).await;
    assert_eq!(reservation.accept().await.unwrap_err(), AcceptError::Delivered);
}

/// What it is all for: many clients share one port at the same moment.
#[tokio::test]
async fn clients_share_a_port() {
    let mux = mux(1, |mux| mux);
    let mut pending = Vec::new();
    for n in 0..200 {
        pending.push((n, mux.reserve(client(n)).await.unwrap()));
    }
    assert_eq!(mux.stats().pending, 200);
    // The last to reserve is the first to connect.
    for (n, mut reservation) in pending.into_iter().rev() {
        let there = connect(client(n), reservation.port()).await;
        let here = within(reservation.accept()).await.unwrap();
        assert_eq!(here.peer_addr().unwrap(), there.local_addr().unwrap());
    }
    let stats = mux.stats();
    assert_eq!((stats.pending, stats.claimed, stats.strangers), (0, 200, 0));
}

/// Promise 1 and 9: one client gets every port once, and then no more.
#[tokio::test]
async fn one_client_gets_each_port_once() {
    let mux = mux(9, |mux| mux.wait(NO_WAIT));
    let mut pending = Vec::new();
    for _ in 0..9 {
        pending.push(mux.reserve(client(1)).await.unwrap());
    }
    let mut ports: Vec<u16> = pending.iter().map(mux_core::Reservation::port).collect();
    ports.sort_unstable();
    assert!(ports.iter().copied().eq(mux.ports().iter()));
    assert_eq!(mux.reserve(client(1)).await.unwrap_err(), ReserveError::NoFreePort);
    assert!(mux.reserve(client(2)).await.is_ok());
    assert_eq!(mux.stats().refused.by(ReserveError::NoFreePort), 1);
}

/// Promise 2 and 10: strangers are turned away and cost the client nothing.
#[tokio::test]
async fn strangers_are_reset_and_the_client_is_served() {
    let mux = mux(1, |mux| mux);
    let mut reservation = mux.reserve(client(1)).await.unwrap();
    let port = reservation.port();
    for n in 2..50 {
        assert_turned_away(client(n), port).await;
    }
    let mut there = connect(client(1), port).await;
    // One reservation, one connection: the second is a stranger, too.
    assert_turned_away(client(1), port).await;
    let mut here = within(reservation.accept()).await.unwrap();
    assert_connected(&mut here, &mut there).await;
    assert_eq!(mux.stats().strangers, 49);
    assert_eq!(mux.stats().ports[0].strangers, 49);
}

/// Promise 4 and 6: a dropped reservation gets nothing, and its port is free at once.
#[tokio::test]
async fn a_dropped_reservation_gives_its_port_back() {
    let mux = mux(1, |mux| mux.wait(NO_WAIT));
    for _ in 0..20 {
        let reservation = mux.reserve(client(1)).await.unwrap();
        let port = reservation.port();
        drop(reservation);
        assert_turned_away(client(1), port).await;
    }
    assert_eq!((mux.stats().pending, mux.stats().cancelled), (0, 20));
}

/// Promise 7: a connection that was matched but never taken is closed with the reservation.
#[tokio::test]
async fn a_connection_nobody_took_is_closed() {
    let mux = mux(1, |mux| mux);
    let reservation = mux.reserve(client(1)).await.unwrap();
    let there = connect(client(1), reservation.port()).await;
    until(|| mux.stats().claimed == 1).await;
    drop(reservation);
    assert_closed(there).await;
    assert_eq!(mux.stats().cancelled, 0);
}

/// Promise 5: the handle of a finished reservation does not touch the next of the same key.
#[tokio::test]
async fn an_old_handle_leaves_the_next_reservation_alone() {
    let mux = mux(1, |mux| mux.wait(NO_WAIT));
    let mut old = mux.reserve(client(1)).await.unwrap();
    let _there = connect(client(1), old.port()).await;
    until(|| mux.stats().claimed == 1).await;
    // The same client and port again, while the old handle still stands.
    let mut new = mux.reserve(client(1)).await.unwrap();
    assert_eq!(new.port(), old.port());
    let _here = within(old.accept()).await.unwrap();
    drop(old);
    let there = connect(client(1), new.port()).await;
    let here = within(new.accept()).await.unwrap();
    assert_eq!(here.peer_addr().unwrap(), there.local_addr().unwrap());
}

/// Promise 2 and 4: a client that gives up resets its data connection and its session, in whatever
/// order. When the accept path comes to that connection, the port may be another session's. So it
/// may where a client connects and gives up before anything is reserved.
#[tokio::test]
async fn a_connection_that_is_over_is_not_the_next_reservation_s() {
    let mux = mux(1, |mux| mux.wait(NO_WAIT));
    let port = mux.reserve(client(1)).await.unwrap().port();
    for round in 0..20 {
        let old = if round % 2 == 0 { Some(mux.reserve(client(1)).await.unwrap()) } else { None };
        // Nothing is accepted on this one thread as long as nothing is awaited.
        let over = connect_blocking(client(1), port);
        over.set_linger(Some(Duration::ZERO)).unwrap();
        drop((over, old));
        let mut new = mux.reserve(client(1)).await.unwrap();
        let there = connect_blocking(client(1), new.port());
        let here = within(new.accept()).await.unwrap();
        let own = there.local_addr().unwrap().as_socket().unwrap();
        assert_eq!(here.peer_addr().unwrap(), own);
    }
}

fn connect_blocking(source: IpAddr, port: u16) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(source, 0).into()).unwrap();
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).unwrap();
    socket
}

/// Promise 4 and 6: at the deadline the session is told, and the port is free.
#[tokio::test]
async fn a_reservation_expires() {
    let mux = mux(1, |mux| mux.wait(NO_WAIT).ttl(Duration::from_millis(100)));
    // Each time but the first, nothing else is pending, so nothing else ends the task's sleep.
    for round in 1..4 {
        let mut reservation = mux.reserve(client(1)).await.unwrap();
        assert_eq!(within(reservation.accept()).await.unwrap_err(), AcceptError::Expired);
        assert_turned_away(client(1), reservation.port()).await;
        let again = mux.reserve(client(1)).await.unwrap();
        drop(reservation);
        assert_eq!(mux.stats().pending, 1, "the expired one's end is not the next one's");
        drop(again);
        assert_eq!((mux.stats().expired, mux.stats().cancelled), (round, round));
    }
}

/// Every reservation expires, not only those the expiry task had heard of when it fell asleep.
#[tokio::test]
async fn a_thousand_unused_reservations_expire() {
    let mux = mux(3, |mux| mux.ttl(Duration::from_millis(50)));
    let mut pending = Vec::new();
    for n in 0..1000 {
        pending.push(mux.reserve(client(n)).await.unwrap());
        if n % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    for mut reservation in pending {
        assert_eq!(within(reservation.accept()).await.unwrap_err(), AcceptError::Expired);
    }
    assert_eq!((mux.stats().pending, mux.stats().expired), (0, 1000));
}

/// Dropping the future of `accept` loses nothing.
#[tokio::test]
async fn accept_is_cancel_safe() {
    let mux = mux(1, |mux| mux);
    let mut reservation = mux.reserve(client(1)).await.unwrap();
    for _ in 0..5 {
        let gave_up = tokio::time::timeout(Duration::from_millis(1), reservation.accept()).await;
        assert!(gave_up.is_err());
    }
    let there = connect(client(1), reservation.port()).await;
    until(|| mux.stats().claimed == 1).await;
    let here = within(reservation.accept()).await.unwrap();
    assert_eq!(here.peer_addr().unwrap(), there.local_addr().unwrap());
}

/// An IPv4-mapped address is its IPv4 address.
#[tokio::test]
async fn a_mapped_client_is_the_same_client() {
    let mux = mux(1, |mux| mux.wait(NO_WAIT));
    let std::net::IpAddr::V4(v4) = client(1) else { unreachable!() };
    let mut reservation = mux.reserve(std::net::IpAddr::V6(v4.to_ipv6_mapped())).await.unwrap();
    assert_eq!(mux.reserve(client(1)).await.unwrap_err(), ReserveError::NoFreePort);
    let _there = connect(client(1), reservation.port()).await;
    within(reservation.accept()).await.unwrap();
}

/// IPv4 and IPv6 side by side on the same port numbers.
#[tokio::test]
async fn both_families_at_once() {
    needs!(machine::ipv6());
    let addresses = ["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
    let mux = mux(1, |mux| mux.addresses(addresses).wait(NO_WAIT));
    let six: std::net::IpAddr = "::1".parse().unwrap();
    let mut four = mux.reserve(client(1)).await.unwrap();
    let mut other = mux.reserve(six).await.unwrap();
    assert_eq!(four.port(), other.port());
    let _there = connect(client(1), four.port()).await;
    let _also = tokio::net::TcpStream::connect((six, other.port())).await.unwrap();
    assert_eq!(within(four.accept()).await.unwrap().peer_addr().unwrap().ip(), client(1));
    assert_eq!(within(other.accept()).await.unwrap().peer_addr().unwrap().ip(), six);
}

/// At its capacity the mux says so, and recovers.
#[tokio::test]
async fn a_full_table_refuses() {
    let mux = mux(1, |mux| mux.capacity(2));
    let one = mux.reserve(client(1)).await.unwrap();
    let _two = mux.reserve(client(2)).await.unwrap();
    assert_eq!(mux.reserve(client(3)).await.unwrap_err(), ReserveError::TableFull);
    drop(one);
    assert!(mux.reserve(client(3)).await.is_ok());
}

/// Promise 6: a session whose task panics, or is aborted, gives its port back.
#[tokio::test]
async fn a_panicking_session_gives_its_port_back() {
    let mux = mux(1, |mux| mux.wait(NO_WAIT));
    let reservation = mux.reserve(client(1)).await.unwrap();
    let session = tokio::spawn(async move {
        let _reservation = reservation;
        panic!("on purpose");
    });
    assert!(within(session).await.unwrap_err().is_panic());

    let mut reservation = mux.reserve(client(1)).await.unwrap();
    let session = tokio::spawn(async move { reservation.accept().await });
    tokio::task::yield_now().await;
    session.abort();
    assert!(within(session).await.unwrap_err().is_cancelled());
    assert!(mux.reserve(client(1)).await.is_ok());
}

/// Promise 8: sessions that are slow to take their connection, or never do, hold up nobody.
#[tokio::test]
async fn a_session_that_never_accepts_holds_up_nobody() {
    let mux = mux(1, |mux| mux);
    let mut idle = Vec::new();
    for n in 0..100 {
        let reservation = mux.reserve(client(n)).await.unwrap();
        let there = connect(client(n), reservation.port()).await;
        idle.push((reservation, there));
    }
    let mut reservation = mux.reserve(client(500)).await.unwrap();
    let mut there = connect(client(500), reservation.port()).await;
    let mut here = within(reservation.accept()).await.unwrap();
    assert_connected(&mut here, &mut there).await;
    assert_eq!(mux.stats().claimed, 101);
    // Whenever they come to it, theirs is still there.
    for (mut reservation, there) in idle {
        let here = within(reservation.accept()).await.unwrap();
        assert_eq!(here.peer_addr().unwrap(), there.local_addr().unwrap());
    }
}
