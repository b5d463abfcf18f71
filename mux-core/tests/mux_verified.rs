//! Reservations whose connections are verified before one counts.

mod support;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mux_core::Mux;
use mux_core::mux::{
    AcceptError, Filtered, NotVerified, ReserveError, VerifiedReservation, Verifier,
};
use socket2::{Domain, Socket, Type};
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::yield_now;

/// Approves of a connection that says the word.
async fn says_right(mut stream: TcpStream) -> Result<TcpStream, String> {
    let mut word = [0; 5];
    stream.read_exact(&mut word).await.map_err(|error| error.to_string())?;
    if &word == b"right" { Ok(stream) } else { Err(format!("it says {word:?}")) }
}

async fn reserve(mux: &Mux) -> VerifiedReservation<TcpStream> {
    mux.reserve_verified(client(1), Verifier::new(says_right)).await.unwrap()
}

async fn say(word: &[u8], port: u16) -> TcpStream {
    let mut stream = connect(client(1), port).await;
    stream.write_all(word).await.unwrap();
    stream
}

/// Sees that the reservation gets this connection.
async fn passes(mut reservation: VerifiedReservation<TcpStream>, mut there: TcpStream) {
    let mut here = within(reservation.verified(HANG)).await.unwrap();
    assert_connected(&mut here, &mut there).await;
}

/// Whom the verifier turns down costs the rightful one nothing: the reservation stays, with its
/// port, until the right one has come.
#[tokio::test]
async fn a_rejected_candidate_leaves_the_reservation_in_force() {
    let mux = mux(2, |mux| mux);
    let reservation = reserve(&mux).await;
    for _ in 0..5 {
        assert_closed(say(b"wrong", reservation.port()).await).await;
        assert_eq!(mux.stats().pending, 1);
        // Its port is nobody else's meanwhile.
        let other = mux.reserve(client(1)).await.unwrap();
        assert_ne!(other.port(), reservation.port());
    }
    let there = say(b"right", reservation.port()).await;
    passes(reservation, there).await;
    let stats = mux.stats();
    assert_eq!((stats.pending, stats.candidates, stats.claimed), (0, 6, 1));
}

/// Nobody need wait for it: the port is free as soon as the right one has come.
#[tokio::test]
async fn the_right_one_is_found_before_the_session_waits() {
    let mux = mux(1, |mux| mux);
    let reservation = reserve(&mux).await;
    let there = say(b"right", reservation.port()).await;
    until(|| mux.stats().claimed == 1).await;
    drop(mux.reserve(client(1)).await.unwrap());
    passes(reservation, there).await;
}

/// Silent connections cost the rightful one nothing, which comes before, among or after them, one
/// by one or all at once, and says its word at once.
#[tokio::test]
async fn silent_ones_keep_nobody_out() {
    let mux = mux(1, |mux| mux);
    for silent in [1, 16, 40, 100] {
        for before in [0, silent / 2, silent] {
            for one_by_one in [true, false] {
                let reservation = reserve(&mux).await;
                let port = reservation.port();
                let mut others = Vec::new();
                let mut there = None;
                for n in 0..=silent {
                    let seen = mux.stats().candidates;
                    if n == before {
                        there = Some(say(b"right", port).await);
                    } else {
                        others.push(try_connect(client(1), port).await);
                    }
                    if one_by_one && there.is_none() {
                        until(|| mux.stats().candidates > seen).await;
                    }
                }
                passes(reservation, there.unwrap()).await;
                for other in others.into_iter().flatten() {
                    assert_closed(other).await;
                }
                assert_eq!(mux.stats().pending, 0);
            }
        }
    }
}

/// So many at once that the mux has not looked before the last has come.
#[tokio::test]
async fn a_burst_of_silent_ones_keeps_nobody_out() {
    let mux = mux(1, |mux| mux);
    for before in [0, 3, 4, 5, 20, 40] {
        let reservation = reserve(&mux).await;
        let connect_at_once = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.bind(&SocketAddr::new(client(1), 0).into()).unwrap();
            let to = SocketAddr::from(([127, 0, 0, 1], reservation.port()));
            socket.connect(&to.into()).unwrap();
            std::net::TcpStream::from(socket)
        };
        let others: Vec<_> = (0..before).map(|_| connect_at_once()).collect();
        let there = connect_at_once();
        let more: Vec<_> = (before..40).map(|_| connect_at_once()).collect();
        there.set_nonblocking(true).unwrap();
        let mut there = TcpStream::from_std(there).unwrap();
        there.write_all(b"right").await.unwrap();
        passes(reservation, there).await;
        drop((others, more));
    }
}

/// One that is silent at first takes a place and no time, and is verified when it says its word.
#[tokio::test]
async fn who_is_silent_is_not_verified_yet() {
    let calls = Arc::new(AtomicUsize::new(0));
    let mux = mux(1, |mux| mux);
    let counted = Arc::clone(&calls);
    let verifier = Verifier::new(move |stream| {
        counted.fetch_add(1, Ordering::Relaxed);
        says_right(stream)
    });
    let reservation = mux.reserve_verified(client(1), verifier).await.unwrap();
    let mut there = connect(client(1), reservation.port()).await;
    let mut others = Vec::new();
    for n in 2..=64 {
        others.push(connect(client(1), reservation.port()).await);
        until(|| mux.stats().candidates == n).await;
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    there.write_all(b"right").await.unwrap();
    passes(reservation, there).await;
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

/// A bounded number wait, and the oldest gives way.
#[tokio::test]
async fn the_oldest_silent_one_gives_way() {
    let mux = mux(1, |mux| mux);
    let reservation = reserve(&mux).await;
    let mut all = Vec::new();
    for n in 1..=66 {
        all.push(connect(client(1), reservation.port()).await);
        until(|| mux.stats().candidates == n).await;
    }
    for there in all.drain(..2) {
        assert_closed(there).await;
    }
    let mut there = all.remove(0);
    there.write_all(b"right").await.unwrap();
    passes(reservation, there).await;
}

/// A bounded number are verified, and the oldest gives way.
#[tokio::test]
async fn the_oldest_that_is_being_verified_gives_way() {
    let mux = mux(1, |mux| mux);
    let reservation = reserve(&mux).await;
    let mut all = Vec::new();
    for n in 1..=18 {
        all.push(say(b"rig", reservation.port()).await);
        until(|| mux.stats().candidates == n).await;
    }
    for there in all.drain(..2) {
        assert_closed(there).await;
    }
    let mut there = all.remove(0);
    there.write_all(b"ht").await.unwrap();
    passes(reservation, there).await;
}

/// What the filter rejects is reset at once, what it waits for is not verified, and no byte is
/// lost on the way.
#[tokio::test]
async fn a_filter_lets_few_be_verified() {
    let calls = Arc::new(AtomicUsize::new(0));
    let mux = mux(1, |mux| mux);
    let counted = Arc::clone(&calls);
    let verifier = Verifier::new(move |stream| {
        counted.fetch_add(1, Ordering::Relaxed);
        says_right(stream)
    });
    let verifier = verifier.filtered_by(4, |seen| match seen {
        [b'r', b'i', ..] => Filtered::Pass,
        [] | [b'r'] => Filtered::NeedMore,
        // It never makes up its mind about this.
        [b'?', ..] => Filtered::NeedMore,
        _ => Filtered::Reject,
    });
    let mut reservation = mux.reserve_verified(client(1), verifier).await.unwrap();
    let port = reservation.port();
    assert_closed(say(b"wrong", port).await).await;
    assert_closed(say(b"????", port).await).await;
    let (_some, mut there) = (say(b"???", port).await, say(b"r", port).await);
    let rejected = reservation.verified(Duration::ZERO);
    assert!(tokio::time::timeout(Duration::from_millis(50), rejected).await.is_err());
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    there.write_all(b"ight").await.unwrap();
    passes(reservation, there).await;
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

/// A server that speaks first verifies at once.
#[tokio::test]
async fn a_filter_may_let_silence_pass() {
    let mux = mux(1, |mux| mux);
    let verifier = Verifier::new(|mut stream: TcpStream| async {
        stream.write_all(b"?").await.map_err(|error| error.to_string())?;
        says_right(stream).await
    });
    let verifier = verifier.filtered_by(0, |_| Filtered::Pass);
    let reservation = mux.reserve_verified(client(1), verifier).await.unwrap();
    let mut there = connect(client(1), reservation.port()).await;
    assert_eq!(within(there.read_u8()).await.unwrap(), b'?');
    there.write_all(b"right").await.unwrap();
    passes(reservation, there).await;
}

/// Candidates are the client's: who has another address is a stranger here as elsewhere.
#[tokio::test]
async fn a_stranger_is_no_candidate() {
    let mux = mux(1, |mux| mux);
    let reservation = reserve(&mux).await;
    assert_turned_away(client(2), reservation.port()).await;
    let there = say(b"right", reservation.port()).await;
    passes(reservation, there).await;
    assert_eq!((mux.stats().strangers, mux.stats().candidates), (1, 1));
}

/// Once it is claimed or dropped, nothing is delivered any more, and the port is free.
#[tokio::test]
async fn claimed_or_dropped_it_gets_nothing_more() {
    let mux = mux(1, |mux| mux.wait(Duration::ZERO));
    for claim in [true, false] {
        let mut reservation = reserve(&mux).await;
        let port = reservation.port();
        let silent = connect(client(1), port).await;
        until(|| mux.stats().candidates % 2 == 1).await;
        let there = say(if claim { b"right" } else { b"righ" }, port).await;
        until(|| mux.stats().candidates % 2 == 0).await;
        let here =
            if claim { Some(within(reservation.verified(HANG)).await.unwrap()) } else { None };
        if !claim {
            drop(reservation);
            assert_closed(there).await;
        }
        assert_closed(silent).await;
        assert_turned_away(client(1), port).await;
        drop(mux.reserve(client(1)).await.unwrap());
        drop(here);
    }
    let stats = mux.stats();
    assert_eq!((stats.claimed, stats.cancelled, stats.pending), (1, 3, 0));
}

/// The deadline is that of the reservation, however many candidates came, and the silent ones end
/// with it.
#[tokio::test]
async fn it_expires_as_a_whole() {
    let mux = mux(1, |mux| mux.ttl(Duration::from_millis(300)).wait(HANG));
    let mut reservation = reserve(&mux).await;
    let silent = connect(client(1), reservation.port()).await;
    let expired = NotVerified::NotAccepted(AcceptError::Expired);
    assert_eq!(within(reservation.verified(HANG)).await.unwrap_err(), expired);
    assert_closed(silent).await;
    let delivered = NotVerified::NotAccepted(AcceptError::Delivered);
    assert_eq!(within(reservation.verified(HANG)).await.unwrap_err(), delivered);
    assert_turned_away(client(1), reservation.port()).await;
    drop(reservation);
    assert_eq!((mux.stats().expired, mux.stats().cancelled, mux.stats().pending), (1, 0, 0));
}

/// What is being verified at the deadline may still pass.
#[tokio::test]
async fn a_verification_outlives_the_deadline() {
    let mux = mux(1, |mux| mux.ttl(Duration::from_millis(300)).wait(HANG));
    let reservation = reserve(&mux).await;
    let mut there = say(b"rig", reservation.port()).await;
    until(|| mux.stats().expired == 1).await;
    there.write_all(b"ht").await.unwrap();
    passes(reservation, there).await;
    assert_eq!(mux.stats().claimed, 0, "it had expired");
}

/// After a rejection another is waited for, but not for ever; the reservation stays.
#[tokio::test]
async fn patience_ends_when_nobody_is_left() {
    let mux = mux(1, |mux| mux);
    let mut reservation = reserve(&mux).await;
    let silent = connect(client(1), reservation.port()).await;
    assert_closed(say(b"wrong", reservation.port()).await).await;
    let in_vain = reservation.verified(Duration::ZERO);
    let still = tokio::time::timeout(Duration::from_millis(50), in_vain).await;
    assert!(still.is_err(), "somebody may still pass");
    drop(silent);
    let rejected = within(reservation.verified(Duration::ZERO)).await.unwrap_err();
    assert_eq!(rejected, NotVerified::Rejected);
    let there = say(b"right", reservation.port()).await;
    passes(reservation, there).await;
}

/// Shutting down ends it, whatever is under way.
#[tokio::test]
async fn it_ends_with_the_mux() {
    let mux = mux(1, |mux| mux);
    let mut reservation = reserve(&mux).await;
    let (silent, half) =
        (connect(client(1), reservation.port()).await, say(b"ri", reservation.port()).await);
    until(|| mux.stats().candidates == 2).await;
    within(mux.shutdown()).await;
    let shut_down = NotVerified::NotAccepted(AcceptError::ShutDown);
    assert_eq!(within(reservation.verified(HANG)).await.unwrap_err(), shut_down);
    assert_closed(silent).await;
    assert_closed(half).await;
    let refused = mux.reserve_verified(client(1), Verifier::new(says_right)).await;
    assert_eq!(refused.unwrap_err(), ReserveError::ShutDown);
}

/// A dropped future loses no connection.
#[tokio::test]
async fn waiting_is_cancel_safe() {
    let mux = mux(1, |mux| mux);
    for round in 0..100 {
        let mut reservation = reserve(&mux).await;
        let there = say(b"right", reservation.port()).await;
        let here = loop {
            tokio::select! {
                biased;
                here = reservation.verified(HANG) => break here.unwrap(),
                () = async { for _ in 0..round % 7 { yield_now().await; } } => {}
            }
            yield_now().await;
        };
        assert_eq!(here.peer_addr().unwrap(), there.local_addr().unwrap());
    }
}

/// It takes room for five, and says so when there is none for two.
#[tokio::test]
async fn a_full_mux_refuses_it() {
    let mux = mux(9, |mux| mux.capacity(6).wait(Duration::ZERO));
    let _reservation = reserve(&mux).await;
    let refused = mux.reserve_verified(client(2), Verifier::new(says_right)).await;
    assert_eq!(refused.unwrap_err(), ReserveError::TableFull);
    let _last = mux.reserve(client(3)).await.unwrap();
    assert_eq!(mux.stats().pending, 2);
}

/// Ended instead of dropped, it gives back what has come, wherever that was.
#[tokio::test]
async fn what_has_come_can_be_had_back() {
    let mux = mux(1, |mux| mux);
    let waits_for_more = |seen: &[u8]| match seen.len() {
        0 | 1 => Filtered::NeedMore,
        _ => Filtered::Pass,
    };
    for words in [&[&b""[..], b"r", b"rig"][..], &[b"right"]] {
        let verifier = Verifier::new(says_right).filtered_by(2, waits_for_more);
        let before = mux.stats();
        let reservation = mux.reserve_verified(client(1), verifier).await.unwrap();
        let mut there = Vec::new();
        for word in words {
            there.push(say(word, reservation.port()).await);
        }
        until(|| mux.stats().candidates == before.candidates + words.len() as u64).await;
        if *words == [b"right"] {
            until(|| mux.stats().claimed == 1).await;
        }
        let here = within(reservation.end()).await;
        assert_eq!(here.len(), there.len());
        assert_eq!(mux.stats().pending, 0);
        for mut here in here {
            let of = |there: &TcpStream| there.local_addr().unwrap() == here.peer_addr().unwrap();
            let place = there.iter().position(of).unwrap();
            assert_connected(&mut here, &mut there.swap_remove(place)).await;
        }
    }
}

/// A verifier that panics takes nobody's port away.
#[tokio::test]
async fn a_panic_gives_the_port_back() {
    let mux = mux(1, |mux| mux);
    let panics = |stream: TcpStream| async move {
        assert!(stream.peer_addr().is_err(), "as a verifier may");
        Ok::<_, Infallible>(())
    };
    let mut reservation = mux.reserve_verified(client(1), Verifier::new(panics)).await.unwrap();
    let there = say(b"right", reservation.port()).await;
    assert!(within(reservation.verified(HANG)).await.is_err());
    assert_closed(there).await;
    drop(reservation);
    drop(mux.reserve(client(1)).await.unwrap());
}
