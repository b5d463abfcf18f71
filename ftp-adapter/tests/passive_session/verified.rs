//! Reservations for the first connection that is verified.

use crate::{
    GUARD, client, connect, delivers, dropped_after, is_reset, mux, named, passive, session_of,
};
use ftp_adapter::{Passive, PassiveSession, Reply};
use mux_core::mux::{Builder, Verifier};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Reads a word, as a TLS handshake reads a session, and approves of one that is `right`.
async fn says_right(mut stream: TcpStream) -> Result<TcpStream, String> {
    let mut word = [0; 5];
    stream.read_exact(&mut word).await.map_err(|error| error.to_string())?;
    if &word == b"right" { Ok(stream) } else { Err(format!("it says {word:?}")) }
}

async fn verifying(set_up: impl Fn(Builder) -> Builder) -> (Passive, PassiveSession) {
    let passive = Passive::new(mux(1, set_up).await);
    let mut session = session_of(&passive, client(1));
    session.verify_connections(Some(Verifier::new(says_right)));
    (passive, session)
}

async fn connect_and_say(word: &str, to: SocketAddr) -> TcpStream {
    let mut stream = connect(client(1), to).await.unwrap();
    stream.write_all(word.as_bytes()).await.unwrap();
    stream
}

/// Sees that the session gets this connection.
async fn passes(session: &mut PassiveSession, there: &TcpStream) {
    let verified = timeout(GUARD, session.verified_connection()).await.unwrap();
    assert_eq!(verified.unwrap().peer_addr().unwrap(), there.local_addr().unwrap());
    assert!(!session.is_reserved());
}

#[tokio::test]
async fn a_rejected_connection_is_reset_and_the_reservation_stays() {
    let (passive, mut session) = verifying(|builder| builder).await;
    let to = named(session.pasv().await);
    for _ in 0..10 {
        is_reset(Ok(connect_and_say("wrong", to).await)).await;
        assert_eq!(passive.mux().stats().pending, 1, "the port stays the reservation's");
    }
    let mut there = connect_and_say("right", to).await;
    let verified = timeout(GUARD, session.verified_connection()).await.unwrap();
    assert!(!session.is_reserved());
    assert_eq!(passive.mux().stats().pending, 0);

    // What is sent just before the end arrives: closing no longer resets.
    let mut here = verified.unwrap();
    let sent = vec![7; 100_000];
    let mut read = Vec::new();
    let send = async {
        here.write_all(&sent).await.unwrap();
        drop(here);
    };
    let (_, read_all) =
        timeout(GUARD, async { tokio::join!(send, there.read_to_end(&mut read)) }).await.unwrap();
    read_all.unwrap();
    assert_eq!(read, sent);
    is_reset(connect(client(1), to).await).await;
}

/// Connections that say nothing cost the rightful one nothing, whether they come before it or
/// after it, before the transfer command or after it.
#[tokio::test]
async fn connections_that_stall_keep_nobody_out_however_many_they_are() {
    for stalling in [1, 16, 40] {
        for (before, waits) in [(0, false), (0, true), (stalling, false), (stalling, true)] {
            let (_passive, mut session) = verifying(|builder| builder.ttl(GUARD)).await;
            let to = named(session.pasv().await);
            if waits {
                dropped_after(3, session.verified_connection()).await;
            }
            let mut others = Vec::new();
            for _ in 0..before {
                others.push(connect(client(1), to).await);
            }
            let there = connect_and_say("right", to).await;
            for _ in before..stalling {
                others.push(connect(client(1), to).await);
            }
            passes(&mut session, &there).await;
            for other in others {
                is_reset(other).await;
            }
        }
    }
}

/// The right one is found before the transfer command, and its port is free from then on.
#[tokio::test]
async fn what_comes_before_the_command_is_verified_before_it() {
    let (passive, mut session) = verifying(|builder| builder).await;
    let to = named(session.pasv().await);
    let there = connect_and_say("right", to).await;
    claimed(&passive).await;
    let mut other = session_of(&passive, client(1));
    assert_eq!(named(other.pasv().await), to);
    passes(&mut session, &there).await;
}

/// Waits until the reservation was claimed.
async fn claimed(passive: &Passive) {
    let claimed = async {
        while passive.mux().stats().claimed == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(GUARD, claimed).await.unwrap();
}

#[tokio::test]
async fn when_none_is_verified_the_client_is_told_which_it_was() {
    let short = |builder: Builder| builder.ttl(Duration::from_millis(200));
    let (_passive, mut session) = verifying(short).await;
    session.pasv().await;
    let ended = timeout(GUARD, session.verified_connection()).await.unwrap();
    assert_eq!(ended.unwrap_err(), Reply::NotConnected);

    let to = named(session.pasv().await);
    let wrong = connect_and_say("wrong", to).await;
    let ended = timeout(GUARD, session.verified_connection()).await.unwrap();
    assert_eq!(ended.unwrap_err(), Reply::NotVerified);
    is_reset(Ok(wrong)).await;
    assert!(!session.is_reserved());
    assert_eq!(session.verified_connection().await.unwrap_err(), Reply::NotReserved);
}

/// A client that has connected waits for its reply, and not until the deadline.
#[tokio::test]
async fn a_rejection_is_told_before_the_deadline() {
    let (passive, mut session) = verifying(|builder| builder.ttl(10 * GUARD)).await;
    let to = named(session.pasv().await);
    is_reset(Ok(connect_and_say("wrong", to).await)).await;
    let ended = timeout(GUARD, session.verified_connection()).await.unwrap();
    assert_eq!(ended.unwrap_err(), Reply::NotVerified);
    assert_eq!(passive.mux().stats().pending, 0);
}

#[tokio::test]
async fn a_dropped_wait_loses_nothing() {
    let (passive, mut session) = verifying(|builder| builder).await;
    for times in [50, 100] {
        let to = named(session.pasv().await);
        let stalling = connect(client(1), to).await;
        assert!(dropped_after(times, session.verified_connection()).await.is_none());
        assert!(session.is_reserved());
        assert_eq!(passive.mux().stats().pending, 1);
        let there = connect_and_say("right", to).await;
        passes(&mut session, &there).await;
        is_reset(stalling).await;
    }
    session.pasv().await;
    dropped_after(5, session.verified_connection()).await;
    drop(session);
    assert_eq!(passive.mux().stats().pending, 0);
}

#[tokio::test]
async fn a_shutdown_ends_the_verification() {
    let (passive, mut session) = verifying(|builder| builder).await;
    session.pasv().await;
    let mux = passive.mux().clone();
    let verified = session.verified_connection();
    let (verified, ()) =
        timeout(GUARD, async { tokio::join!(verified, mux.shutdown()) }).await.unwrap();
    assert_eq!(verified.unwrap_err(), Reply::ShuttingDown);
}

/// A reservation is for the one or the other, as was said before it was made.
#[tokio::test]
async fn with_a_verifier_or_without_is_said_before() {
    let passive = passive(1).await;
    let mut session = session_of(&passive, client(1));
    let to = named(session.pasv().await);
    session.verify_connections(Some(Verifier::new(says_right)));
    assert_eq!(session.verified_connection().await.unwrap_err(), Reply::NotReserved);
    delivers(&mut session, to).await;

    let to = named(session.pasv().await);
    assert_eq!(session.data_connection().await.unwrap_err(), Reply::NotReserved);
    let there = connect_and_say("right", to).await;
    passes(&mut session, &there).await;

    session.pasv().await;
    session.reinitialize();
    let to = named(session.pasv().await);
    delivers(&mut session, to).await;
}

/// For a transfer that is refused: nobody is reset before its reply.
#[tokio::test]
async fn what_has_come_can_be_taken_back() {
    let (passive, mut session) = verifying(|builder| builder).await;
    let to = named(session.pasv().await);
    let mut there = connect(client(1), to).await.unwrap();
    while passive.mux().stats().candidates == 0 {
        tokio::task::yield_now().await;
    }
    let mut here = timeout(GUARD, session.take_connections()).await.unwrap();
    assert_eq!((here.len(), session.is_reserved()), (1, false));
    drop(here.pop());
    assert_eq!(timeout(GUARD, there.read(&mut [0])).await.unwrap().unwrap(), 0, "an end, no reset");
}
