//! What sessions, clocks and shutdowns do at the worst moment, and that no port is lost to it.

mod support;

use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use mux_core::Mux;
use mux_core::mux::AcceptError;
use support::{assert_turned_away, client, connect, mux, try_connect, until, within};
use tokio::task::JoinSet;

/// Nothing is reserved and nobody waits, and the client gets every port.
async fn assert_all_free(mux: &Mux, width: usize) {
    until(|| mux.stats().pending == 0 && mux.stats().waiting == 0).await;
    let mut all = Vec::new();
    for _ in 0..width {
        all.push(within(mux.reserve(client(1))).await.expect("every port is free"));
    }
}

/// Polls `session` so often, and drops it where it is then. Whether it was done before.
async fn dropped_after(polls: usize, session: impl Future<Output = ()>) -> bool {
    let mut session = pin!(session);
    for _ in 0..polls {
        let mut context = Context::from_waker(Waker::noop());
        if session.as_mut().poll(&mut context).is_ready() {
            return true;
        }
        // Whatever it waits for goes on.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    false
}

/// Promise 6: a session's future may be dropped wherever it waits: for its turn, for its
/// connection, with its connection.
#[tokio::test]
async fn a_session_may_be_dropped_at_every_await_point() {
    let mux = mux(1, |builder| builder.wait(Duration::from_secs(30)));
    let holder = |held: Duration| {
        let mux = mux.clone();
        tokio::spawn(async move {
            let held_one = mux.reserve(client(1)).await;
            tokio::time::sleep(held).await;
            drop(held_one);
        })
    };
    let mut polls = 0;
    loop {
        // The only port is taken for a moment, so that the session has to wait in line as well.
        let holder = holder(Duration::from_millis(3));
        until(|| mux.stats().pending == 1).await;
        let session = async {
            let mut reservation = mux.reserve(client(1)).await.expect("its turn comes");
            let connection = tokio::spawn(connect(client(1), reservation.port()));
            let stream = reservation.accept().await.expect("its connection comes");
            tokio::task::yield_now().await;
            drop(stream);
            connection.await.expect("the client does not panic");
        };
        let done = dropped_after(polls, session).await;
        within(holder).await.expect("the holder does not panic");
        assert_all_free(&mux, 1).await;
        if done {
            break;
        }
        polls += 1;
    }
    assert!(polls > 3, "it was dropped in line, before its connection and with it: {polls}");
}

/// Promise 6, where the session does not end but panics, in every state it can be in.
#[tokio::test]
async fn a_session_may_panic_in_every_state() {
    let mux = mux(2, |builder| builder);
    let panics = |at: u8| {
        let mux = mux.clone();
        async move {
            let mut reservation = mux.reserve(client(1)).await.expect("a port");
            assert!(at != 0, "panics with a reservation");
            let to = reservation.port();
            let connection = connect(client(1), to).await;
            assert!(at != 1, "panics while a connection has come");
            let stream = reservation.accept().await;
            assert!(at != 2, "panics with the connection");
            drop((connection, stream));
        }
    };
    for state in 0..3 {
        let result = tokio::spawn(panics(state)).await;
        assert!(result.unwrap_err().is_panic());
        assert_all_free(&mux, 2).await;
    }
}

/// The clock of the runtime jumps: from one look to the next, hours have passed.
#[tokio::test(start_paused = true)]
async fn the_clock_may_jump() {
    let mux = mux(3, |builder| builder.ttl(Duration::from_secs(15)).wait(Duration::from_secs(2)));
    for jump in [1, 14, 16, 3600, 30 * 24 * 3600] {
        let mut held = within(mux.reserve(client(1))).await.unwrap();
        tokio::time::advance(Duration::from_secs(jump)).await;
        if jump < 15 {
            assert_eq!(mux.stats().pending, 1, "a jump of {jump} s is not yet the deadline");
            drop(held);
        } else {
            assert_eq!(held.accept().await.unwrap_err(), AcceptError::Expired, "{jump} s");
        }
        assert_eq!(mux.stats().pending, 0, "{jump} s");
        let again = within(mux.reserve(client(1))).await.unwrap();
        drop(again);
    }
}

/// Shutting down in the midst of a thousand reservations, with connections on their way to them:
/// each session is told or has its connection, nothing is left, and the ports are free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_in_the_midst_of_a_thousand() {
    let mux = mux(9, |builder| builder.ttl(Duration::from_secs(60)));
    let mut sessions = JoinSet::new();
    let mut ports = Vec::new();
    for n in 0..1000 {
        let mut reservation = within(mux.reserve(client(n))).await.unwrap();
        ports.push(reservation.port());
        sessions.spawn(async move { reservation.accept().await.map(drop) });
    }
    assert_eq!(mux.stats().pending, 1000);
    let mut clients = JoinSet::new();
    for (n, &port) in ports.iter().enumerate().step_by(2) {
        // Some of them come too late, and find the port closed.
        clients.spawn(async move { try_connect(client(n as u16), port).await.map(drop) });
    }
    until(|| mux.stats().claimed > 100).await;
    within(mux.shutdown()).await;
    let (mut served, mut told) = (0, 0);
    while let Some(session) = within(sessions.join_next()).await {
        match session.expect("no session panics") {
            Ok(()) => served += 1,
            Err(AcceptError::ShutDown) => told += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(served + told, 1000);
    assert_eq!(served, mux.stats().claimed);
    assert_eq!((mux.stats().pending, mux.stats().waiting), (0, 0));
    while within(clients.join_next()).await.is_some() {}
    for port in ports.into_iter().take(20) {
        // Nobody listens any more: the port can be bound again.
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        assert!(std::net::TcpStream::connect(address).is_err(), "{port} is still open");
    }
}

/// Clients that connect to a reserved port and say nothing, go at once, or reset: each takes its
/// own reservation and nobody else's.
#[tokio::test]
async fn peers_may_do_what_they_like_with_their_connections() {
    let mux = mux(1, |builder| builder);
    let mut silent = Vec::new();
    for round in 0..30 {
        let mut reservation = within(mux.reserve(client(1))).await.unwrap();
        let port = reservation.port();
        let peer = connect(client(1), port).await;
        match round % 3 {
            0 => drop(peer),
            1 => {
                peer.set_zero_linger().unwrap();
                drop(peer);
            }
            // Says nothing, and stays.
            _ => silent.push(peer),
        }
        // One that was reset before it was accepted is nobody's, and the client may come again.
        let again = if round % 3 == 1 { Some(connect(client(1), port).await) } else { None };
        let stream = within(reservation.accept()).await.expect("one that is there");
        match (stream.peer_addr(), again) {
            (Ok(peer), None) => assert_eq!(peer.ip(), client(1)),
            (Ok(peer), Some(again)) => assert_eq!(peer, again.local_addr().unwrap()),
            // It was reset after it was accepted.
            (Err(error), again) => assert!(again.is_some(), "{error}"),
        }
        assert_turned_away(client(2), port).await;
        assert_turned_away(client(1), port).await;
    }
    assert_all_free(&mux, 1).await;
    // What those who stayed hold is the sessions' to close, and they have.
    assert_eq!(mux.stats().claimed, 30);
}
