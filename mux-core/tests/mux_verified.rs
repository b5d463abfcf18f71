//! Reservations whose connections are verified before one counts.

mod support;

use std::time::Duration;

use mux_core::mux::{AcceptError, ReserveError};
use support::*;
use tokio::net::TcpStream;
use tokio::task::yield_now;

/// Whom the session turns down costs the rightful one nothing: the reservation stays, with its
/// port, until the session says that it was the right one.
#[tokio::test]
async fn a_rejected_candidate_leaves_the_reservation_in_force() {
    let mux = mux(2, |mux| mux);
    let mut reservation = mux.reserve_verified(client(1)).await.unwrap();
    for _ in 0..5 {
        let impostor = connect(client(1), reservation.port()).await;
        let candidate = within(reservation.candidate()).await.unwrap();
        assert_eq!(candidate.peer_addr().unwrap(), impostor.local_addr().unwrap());
        drop(candidate);
        assert_eq!(mux.stats().pending, 1);
        // Its port is nobody else's meanwhile.
        let other = mux.reserve(client(1)).await.unwrap();
        assert_ne!(other.port(), reservation.port());
    }
    let mut there = connect(client(1), reservation.port()).await;
    let mut here = within(reservation.candidate()).await.unwrap();
    assert!(reservation.claim());
    assert_connected(&mut here, &mut there).await;
    let stats = mux.stats();
    assert_eq!((stats.pending, stats.candidates, stats.claimed), (0, 6, 1));
}

/// The next candidate comes while the session still looks at others.
#[tokio::test]
async fn candidates_come_while_others_are_looked_at() {
    let mux = mux(1, |mux| mux);
    let mut reservation = mux.reserve_verified(client(1)).await.unwrap();
    let mut all: Vec<(TcpStream, TcpStream)> = vec![];
    for _ in 0..4 {
        let there = connect(client(1), reservation.port()).await;
        all.push((within(reservation.candidate()).await.unwrap(), there));
    }
    reservation.claim();
    for (mut here, mut there) in all {
        assert_connected(&mut here, &mut there).await;
    }
}

/// Candidates are the client's: whoever has another address is a stranger here as elsewhere.
#[tokio::test]
async fn a_stranger_is_no_candidate() {
    let mux = mux(1, |mux| mux);
    let mut reservation = mux.reserve_verified(client(1)).await.unwrap();
    assert_turned_away(client(2), reservation.port()).await;
    let _there = connect(client(1), reservation.port()).await;
    within(reservation.candidate()).await.unwrap();
    assert_eq!((mux.stats().strangers, mux.stats().candidates), (1, 1));
}

/// Once it is claimed or dropped, nothing is delivered any more, and the port is free.
#[tokio::test]
async fn claimed_or_dropped_it_gets_nothing_more() {
    let mux = mux(1, |mux| mux.wait(Duration::ZERO));
    for claim in [true, false] {
        let mut reservation = mux.reserve_verified(client(1)).await.unwrap();
        let port = reservation.port();
        let _there = connect(client(1), port).await;
        let _here = within(reservation.candidate()).await.unwrap();
        // This one comes, and is never taken.
        let late = connect(client(1), port).await;
        until(|| mux.stats().candidates % 2 == 0).await;
        if claim {
            assert!(reservation.claim());
        } else {
            drop(reservation);
        }
        assert_closed(late).await;
        assert_turned_away(client(1), port).await;
        drop(mux.reserve(client(1)).await.unwrap());
    }
    let stats = mux.stats();
    assert_eq!((stats.claimed, stats.cancelled, stats.pending), (1, 3, 0));
}

/// The deadline is that of the reservation, however many candidates came.
#[tokio::test]
async fn it_expires_as_a_whole() {
    let mux = mux(1, |mux| mux.ttl(Duration::from_millis(300)).wait(HANG));
    let mut reservation = mux.reserve_verified(client(1)).await.unwrap();
    let _there = connect(client(1), reservation.port()).await;
    let candidate = within(reservation.candidate()).await.unwrap();
    assert_eq!(within(reservation.candidate()).await.unwrap_err(), AcceptError::Expired);
    assert_eq!(within(reservation.candidate()).await.unwrap_err(), AcceptError::Delivered);
    assert_turned_away(client(1), reservation.port()).await;
    assert!(!reservation.claim(), "it had expired");
    drop(candidate);
    assert_eq!((mux.stats().expired, mux.stats().cancelled, mux.stats().pending), (1, 0, 0));
}

/// Shutting down ends it.
#[tokio::test]
async fn it_ends_with_the_mux() {
    let mux = mux(1, |mux| mux);
    let mut reservation = mux.reserve_verified(client(1)).await.unwrap();
    within(mux.shutdown()).await;
    assert_eq!(within(reservation.candidate()).await.unwrap_err(), AcceptError::ShutDown);
    assert_eq!(mux.reserve_verified(client(1)).await.unwrap_err(), ReserveError::ShutDown);
}

/// A dropped future loses no candidate.
#[tokio::test]
async fn waiting_for_a_candidate_is_cancel_safe() {
    let mux = mux(1, |mux| mux);
    let mut reservation = mux.reserve_verified(client(1)).await.unwrap();
    for round in 0..100 {
        let there = connect(client(1), reservation.port()).await;
        let candidate = loop {
            tokio::select! {
                biased;
                candidate = reservation.candidate() => break candidate.unwrap(),
                () = async { for _ in 0..round % 7 { yield_now().await; } } => {}
            }
            yield_now().await;
        };
        assert_eq!(candidate.peer_addr().unwrap(), there.local_addr().unwrap());
    }
}

/// It takes room for five, and says so when there is none for two.
#[tokio::test]
async fn a_full_mux_refuses_it() {
    let mux = mux(9, |mux| mux.capacity(6).wait(Duration::ZERO));
    let _reservation = mux.reserve_verified(client(1)).await.unwrap();
    assert_eq!(mux.reserve_verified(client(2)).await.unwrap_err(), ReserveError::TableFull);
    let _last = mux.reserve(client(3)).await.unwrap();
    assert_eq!(mux.stats().pending, 2);
}

/// Silent connections that come before the rightful one, and before the session waits for any,
/// cost it nothing: it is a candidate as they are.
#[tokio::test]
async fn candidates_are_taken_before_the_session_waits() {
    let mux = mux(1, |mux| mux);
    for silent in [1, 4, 15] {
        let mut reservation = mux.reserve_verified(client(1)).await.unwrap();
        let mut others = Vec::new();
        for _ in 0..silent {
            let before = mux.stats().candidates;
            others.push(connect(client(1), reservation.port()).await);
            until(|| mux.stats().candidates > before).await;
        }
        let mut rightful = connect(client(1), reservation.port()).await;
        for other in &others {
            let candidate = within(reservation.candidate()).await.unwrap();
            assert_eq!(candidate.peer_addr().unwrap(), other.local_addr().unwrap());
        }
        let mut here = within(reservation.candidate()).await.unwrap();
        assert!(reservation.claim());
        assert_connected(&mut here, &mut rightful).await;
        assert_eq!(mux.stats().strangers, 0);
    }
}

/// A bounded number wait for the session, and the oldest gives way.
#[tokio::test]
async fn the_oldest_candidate_gives_way() {
    let mux = mux(1, |mux| mux);
    let mut reservation = mux.reserve_verified(client(1)).await.unwrap();
    let mut all = Vec::new();
    for n in 1..=20 {
        all.push(connect(client(1), reservation.port()).await);
        until(|| mux.stats().candidates == n).await;
    }
    for there in all.drain(..4) {
        assert_closed(there).await;
    }
    for there in all {
        let candidate = within(reservation.candidate()).await.unwrap();
        assert_eq!(candidate.peer_addr().unwrap(), there.local_addr().unwrap());
    }
}
