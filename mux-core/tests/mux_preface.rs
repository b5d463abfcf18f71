//! Connections that must show a preface before they are matched.

mod support;

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mux_core::mux::{AcceptError, Builder, Preface, PrefaceLimits};
use mux_core::{Client, Mux};
use socket2::{Domain, Socket, Type};
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIMITS: PrefaceLimits =
    PrefaceLimits { bytes: 16, timeout: HANG, overall: 64, per_source: 64 };

/// Where all connections come from, as from a proxy.
const PROXY: u16 = 0xff01;

/// `n` names client `n` in two digits; what begins otherwise is rejected. A client that
/// does not come from the proxy is itself.
fn judge(peer: SocketAddr, seen: &[u8]) -> Preface {
    if peer.ip() != client(PROXY) {
        return Preface::Identified { client: peer.into(), consumed: 0 };
    }
    match seen {
        [] | [b'n'] | [b'n', b'0'..=b'9'] => Preface::NeedMore,
        [b'n', tens @ b'0'..=b'9', ones @ b'0'..=b'9', ..] => {
            let number = u16::from(tens - b'0') * 10 + u16::from(ones - b'0');
            Preface::Identified { client: client(number).into(), consumed: 3 }
        }
        [b'-', ..] => Preface::NeedMore,
        [b'c', ..] => Preface::Nobody,
        _ => Preface::Reject,
    }
}

fn prefaced(limits: PrefaceLimits, more: impl Fn(Builder) -> Builder) -> Mux {
    mux(1, |mux| more(mux.wait(Duration::ZERO).preface(limits, judge)))
}

/// How many were rejected: invalid, late, too many.
fn rejected(mux: &Mux) -> Vec<u64> {
    mux.stats().prefaces.rejected().map(|(_, count)| count).collect()
}

async fn say(port: u16, text: &[u8]) -> TcpStream {
    let mut stream = connect(client(PROXY), port).await;
    stream.set_nodelay(true).unwrap();
    stream.write_all(text).await.unwrap();
    stream
}

/// A connection whose preface is there when it is accepted never waits, so it never gives way.
#[tokio::test]
async fn what_has_come_whole_needs_no_place() {
    let mux = prefaced(PrefaceLimits { overall: 0, ..LIMITS }, |mux| mux);
    let mut reservation = mux.reserve(client(1)).await.unwrap();
    assert_closed(say(reservation.port(), b"n").await).await;
    // On the test's one thread nothing is accepted before it is whole.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(client(PROXY), 0).into()).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], reservation.port())).into()).unwrap();
    (&socket).write_all(b"n01x").unwrap();
    let mut here = within(reservation.accept()).await.unwrap();
    assert_eq!(within(here.read_u8()).await.unwrap(), b'x');
    assert_eq!(rejected(&mux), [0, 0, 1]);
}

/// What is sent with the preface is the session's, however the bytes are cut.
#[tokio::test]
async fn a_connection_is_the_clients_that_it_names() {
    let mux = prefaced(LIMITS, |mux| mux);
    for cut in 0..=5 {
        let mut reservation = mux.reserve(client(42)).await.unwrap();
        let mut there = say(reservation.port(), &b"n42ab"[..cut]).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        there.write_all(&b"n42ab"[cut..]).await.unwrap();
        let mut here = within(reservation.accept()).await.unwrap();
        let mut rest = [0; 2];
        within(here.read_exact(&mut rest)).await.unwrap();
        assert_eq!(&rest, b"ab", "cut at {cut}");
        assert_connected(&mut here, &mut there).await;
    }
    assert_eq!((mux.stats().claimed, mux.stats().strangers), (6, 0));
}

#[tokio::test]
async fn a_connection_that_needs_none_takes_the_ordinary_way() {
    let mux = prefaced(LIMITS, |mux| mux);
    let mut reservation = mux.reserve(client(1)).await.unwrap();
    let mut there = connect(client(1), reservation.port()).await;
    let mut here = within(reservation.accept()).await.unwrap();
    assert_connected(&mut here, &mut there).await;
}

/// Rejected, too long, over before it was whole, naming a client that nobody waits for: reset, and
/// the reservation is untouched.
#[tokio::test]
async fn what_is_no_preface_is_reset() {
    let mux = prefaced(LIMITS, |mux| mux);
    let mut reservation = mux.reserve(client(1)).await.unwrap();
    for text in [&b"x"[..], b"n0x", b"-----------------------", b"n02"] {
        assert_closed(say(reservation.port(), text).await).await;
    }
    let mut half = say(reservation.port(), b"n0").await;
    half.shutdown().await.unwrap();
    assert_closed(half).await;
    assert_closed(say(reservation.port(), b"check").await).await;
    let _there = say(reservation.port(), b"n01").await;
    within(reservation.accept()).await.unwrap();
    assert_eq!(rejected(&mux), [3, 0, 0]);
    let stats = mux.stats();
    assert_eq!((stats.strangers, stats.claimed, stats.prefaces.waiting), (1, 1, 0));
}

#[tokio::test]
async fn a_silent_connection_is_reset_in_time() {
    let limits = PrefaceLimits { timeout: Duration::from_millis(50), ..LIMITS };
    let mux = prefaced(limits, |mux| mux);
    let reservation = mux.reserve(client(1)).await.unwrap();
    assert_closed(say(reservation.port(), b"").await).await;
    assert_closed(say(reservation.port(), b"n").await).await;
    assert_eq!(rejected(&mux), [0, 2, 0]);
}

/// Where more wait than may, the oldest gives way, and the rightful one is served.
#[tokio::test]
async fn the_oldest_gives_way() {
    for limits in
        [PrefaceLimits { overall: 3, ..LIMITS }, PrefaceLimits { per_source: 3, ..LIMITS }]
    {
        let mux = prefaced(limits, |mux| mux);
        let mut reservation = mux.reserve(client(1)).await.unwrap();
        let mut silent = Vec::new();
        for _ in 0..5 {
            silent.push(say(reservation.port(), b"n").await);
        }
        let _rightful = say(reservation.port(), b"n01").await;
        within(reservation.accept()).await.unwrap();
        // The rightful one took a place as well.
        for oldest in silent.drain(..3) {
            assert_closed(oldest).await;
        }
        assert_eq!(rejected(&mux), [0, 0, 3]);
        until(|| mux.stats().prefaces.waiting == 2).await;
    }
}

/// Promise 4: a connection that waits for its preface when its reservation ends, in whichever way,
/// is not the next reservation's.
#[tokio::test]
async fn what_waits_is_not_the_next_reservations() {
    let ttl = Duration::from_millis(100);
    let mux = prefaced(LIMITS, |mux| mux.ttl(ttl));
    for expires in [false, true] {
        let mut over = mux.reserve(client(1)).await.unwrap();
        let mut left = say(over.port(), b"n").await;
        if expires {
            assert_eq!(within(over.accept()).await.unwrap_err(), AcceptError::Expired);
        }
        drop(over);
        let mut next = mux.reserve(client(1)).await.unwrap();
        left.write_all(b"01").await.unwrap();
        assert_closed(left).await;
        let mut there = say(next.port(), b"n01").await;
        let mut here = within(next.accept()).await.unwrap();
        assert_connected(&mut here, &mut there).await;
    }
}

/// Of two connections of one client the second that is identified is a stranger, also for the
/// client's next reservation.
#[tokio::test]
async fn a_second_connection_is_not_the_next_reservations() {
    let mux = prefaced(LIMITS, |mux| mux);
    let mut one = mux.reserve(client(1)).await.unwrap();
    let mut slow = say(one.port(), b"n").await;
    let _fast = say(one.port(), b"n01").await;
    within(one.accept()).await.unwrap();
    let mut next = mux.reserve(client(1)).await.unwrap();
    slow.write_all(b"01").await.unwrap();
    assert_closed(slow).await;
    let _there = say(next.port(), b"n01").await;
    within(next.accept()).await.unwrap();
}

/// The same where the first need not say who it is.
#[tokio::test]
async fn what_waits_is_not_the_next_reservations_after_a_connection_without_a_preface() {
    let mux = prefaced(LIMITS, |mux| mux);
    let mut one = mux.reserve(client(1)).await.unwrap();
    let mut slow = say(one.port(), b"n").await;
    until(|| mux.stats().prefaces.waiting == 1).await;
    let _direct = connect(client(1), one.port()).await;
    within(one.accept()).await.unwrap();
    let mut next = mux.reserve(client(1)).await.unwrap();
    slow.write_all(b"01").await.unwrap();
    assert_closed(slow).await;
    let _there = say(next.port(), b"n01").await;
    within(next.accept()).await.unwrap();
}

/// It has come for nothing: without a preface it would be a stranger as well.
#[tokio::test]
async fn what_came_before_any_reservation_is_a_strangers() {
    let mux = prefaced(LIMITS, |mux| mux);
    let mut early = say(mux.ports().port_at(0).unwrap(), b"n").await;
    until(|| mux.stats().prefaces.waiting == 1).await;
    let mut reservation = mux.reserve(client(1)).await.unwrap();
    early.write_all(b"01").await.unwrap();
    assert_closed(early).await;
    let _there = say(reservation.port(), b"n01").await;
    within(reservation.accept()).await.unwrap();
    assert_eq!(mux.stats().strangers, 1);
}

/// Shutting down closes what waits.
#[tokio::test]
async fn shutdown_resets_what_waits() {
    let mux = prefaced(LIMITS, |mux| mux);
    let port = mux.reserve(client(1)).await.unwrap().port();
    let waiting = say(port, b"n").await;
    within(mux.shutdown()).await;
    assert_closed(waiting).await;
}

#[cfg(feature = "proxy")]
#[tokio::test]
async fn a_proxy_names_the_client() {
    let networks = "127.77.255.1".parse().unwrap();
    let mux = mux(1, move |mux| mux.wait(Duration::ZERO).proxied_by(Clone::clone(&networks)));
    let named: IpAddr = "192.0.2.7".parse().unwrap();
    let mut reservation = mux.reserve(named).await.unwrap();
    let header = format!("PROXY TCP4 192.0.2.7 127.0.0.1 50000 {}\r\nab", reservation.port());
    // From elsewhere, a header is only data.
    let mut elsewhere = connect(client(2), reservation.port()).await;
    elsewhere.write_all(header.as_bytes()).await.unwrap();
    assert_closed(elsewhere).await;
    // From the proxy, there must be one.
    assert_closed(say(reservation.port(), b"USER anonymous\r\n").await).await;
    let mut there = say(reservation.port(), header.as_bytes()).await;
    let mut here = within(reservation.accept()).await.unwrap();
    let mut rest = [0; 2];
    within(here.read_exact(&mut rest)).await.unwrap();
    assert_eq!(&rest, b"ab");
    assert_connected(&mut here, &mut there).await;
    assert_eq!(reservation.client(), Client::from(named));
}

/// A connection that says nothing more is not looked at again and again.
#[tokio::test]
async fn a_waiting_connection_takes_no_time() {
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looks);
    let mux = mux(1, move |mux| {
        let counted = Arc::clone(&counted);
        mux.preface(LIMITS, move |peer, seen| {
            counted.fetch_add(1, Ordering::Relaxed);
            judge(peer, seen)
        })
    });
    let mut reservation = mux.reserve(client(1)).await.unwrap();
    let mut there = say(reservation.port(), b"").await;
    until(|| mux.stats().prefaces.waiting == 1).await;
    there.write_all(b"n").await.unwrap();
    until(|| looks.load(Ordering::Relaxed) == 2).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(looks.load(Ordering::Relaxed), 2, "one look at nothing, one at the first byte");
    there.write_all(b"01").await.unwrap();
    within(reservation.accept()).await.unwrap();
    assert_eq!(looks.load(Ordering::Relaxed), 3);
}
