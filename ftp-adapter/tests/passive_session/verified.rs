//! Reservations for the first connection that is verified.

use crate::{
    GUARD, client, connect, delivers, dropped_after, is_reset, mux, named, passive, session_of,
};
use ftp_adapter::{Passive, PassiveSession, Reply};
use mux_core::mux::Builder;
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
    session.verify_connections(true);
    (passive, session)
}

async fn connect_and_say(word: &str, to: SocketAddr) -> TcpStream {
    let mut stream = connect(client(1), to).await.unwrap();
    stream.write_all(word.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_rejected_connection_is_reset_and_the_reservation_stays() {
    let (passive, mut session) = verifying(|builder| builder).await;
    let to = named(session.pasv().await);
    let rightful = async {
        for _ in 0..10 {
            is_reset(Ok(connect_and_say("wrong", to).await)).await;
            assert_eq!(passive.mux().stats().pending, 1, "the port stays the reservation's");
        }
        connect_and_say("right", to).await
    };
    let verified = session.data_connection_verified(says_right);
    let (verified, mut there) =
        timeout(GUARD, async { tokio::join!(verified, rightful) }).await.unwrap();
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

#[tokio::test]
async fn connections_that_stall_keep_nobody_out_however_many_they_are() {
    for impostors in [1, 3, 16, 20] {
        let (_passive, mut session) = verifying(|builder| builder.ttl(GUARD)).await;
        let to = named(session.pasv().await);
        let rightful = async {
            let mut stalling = Vec::new();
            for _ in 0..impostors {
                stalling.push(connect(client(1), to).await.unwrap());
                // Each is taken before the next comes.
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
            }
            (connect_and_say("right", to).await, stalling)
        };
        let verified = session.data_connection_verified(says_right);
        let (verified, (there, stalling)) =
            timeout(GUARD, async { tokio::join!(verified, rightful) }).await.unwrap();
        assert_eq!(verified.unwrap().peer_addr().unwrap(), there.local_addr().unwrap());
        for impostor in stalling {
            is_reset(Ok(impostor)).await;
        }
    }
}

/// Connections that came before the rightful one and say nothing cost it nothing, also when they
/// all came before the transfer command.
#[tokio::test]
async fn what_comes_before_the_command_keeps_nobody_out() {
    for silent in [1, 3, 15] {
        let (passive, mut session) = verifying(|builder| builder.ttl(GUARD)).await;
        let to = named(session.pasv().await);
        let mut stalling = Vec::new();
        for _ in 0..silent {
            let before = passive.mux().stats().candidates;
            stalling.push(connect(client(1), to).await.unwrap());
            taken(&passive, before).await;
        }
        let before = passive.mux().stats().candidates;
        let there = connect_and_say("right", to).await;
        taken(&passive, before).await;
        let verified = timeout(GUARD, session.data_connection_verified(says_right)).await.unwrap();
        assert_eq!(verified.unwrap().peer_addr().unwrap(), there.local_addr().unwrap());
        for impostor in stalling {
            is_reset(Ok(impostor)).await;
        }
    }
}

/// Waits until one more candidate was taken.
async fn taken(passive: &Passive, before: u64) {
    let more = async {
        while passive.mux().stats().candidates == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(GUARD, more).await.unwrap();
}

/// A connection that needs a while is not put out by a few that come meanwhile.
#[tokio::test]
async fn the_first_to_come_may_be_verified_last() {
    let (_passive, mut session) = verifying(|builder| builder.ttl(GUARD)).await;
    let to = named(session.pasv().await);
    let rightful = async {
        let mut slow = connect(client(1), to).await.unwrap();
        let mut stalling = Vec::new();
        for _ in 0..3 {
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            stalling.push(connect(client(1), to).await.unwrap());
        }
        slow.write_all(b"right").await.unwrap();
        (slow, stalling)
    };
    let verified = session.data_connection_verified(says_right);
    let (verified, (slow, _stalling)) =
        timeout(GUARD, async { tokio::join!(verified, rightful) }).await.unwrap();
    assert_eq!(verified.unwrap().peer_addr().unwrap(), slow.local_addr().unwrap());
}

#[tokio::test]
async fn when_none_is_verified_the_client_is_told_which_it_was() {
    let short = |builder: Builder| builder.ttl(Duration::from_millis(200));
    let (_passive, mut session) = verifying(short).await;
    session.pasv().await;
    let ended = timeout(GUARD, session.data_connection_verified(says_right)).await.unwrap();
    assert_eq!(ended.unwrap_err(), Reply::NotConnected);

    let to = named(session.pasv().await);
    let wrong = connect_and_say("wrong", to).await;
    let ended = timeout(GUARD, session.data_connection_verified(says_right)).await.unwrap();
    assert_eq!(ended.unwrap_err(), Reply::NotVerified);
    is_reset(Ok(wrong)).await;
    assert!(!session.is_reserved());
    assert_eq!(session.data_connection_verified(says_right).await.unwrap_err(), Reply::NotReserved);
}

#[tokio::test]
async fn a_dropped_verification_leaves_the_reservation() {
    let (passive, mut session) = verifying(|builder| builder).await;
    for times in [50, 100] {
        let to = named(session.pasv().await);
        let stalling = connect(client(1), to).await;
        assert!(dropped_after(times, session.data_connection_verified(says_right)).await.is_none());
        assert!(session.is_reserved());
        assert_eq!(passive.mux().stats().pending, 1);
        let right = connect_and_say("right", to).await;
        let verified = timeout(GUARD, session.data_connection_verified(says_right)).await.unwrap();
        assert_eq!(verified.unwrap().peer_addr().unwrap(), right.local_addr().unwrap());
        is_reset(stalling).await;
    }
    session.pasv().await;
    dropped_after(5, session.data_connection_verified(says_right)).await;
    drop(session);
    assert_eq!(passive.mux().stats().pending, 0);
}

#[tokio::test]
async fn a_shutdown_ends_the_verification() {
    let (passive, mut session) = verifying(|builder| builder).await;
    session.pasv().await;
    let mux = passive.mux().clone();
    let verified = session.data_connection_verified(says_right);
    let (verified, ()) =
        timeout(GUARD, async { tokio::join!(verified, mux.shutdown()) }).await.unwrap();
    assert_eq!(verified.unwrap_err(), Reply::ShuttingDown);
}

/// Without `verify_connections` a reservation is for one connection.
#[tokio::test]
async fn one_connection_passes_or_does_not() {
    let passive = passive(1).await;
    let mut session = session_of(&passive, client(1));
    for (word, passes) in [("right", true), ("wrong", false)] {
        let to = named(session.pasv().await);
        let there = connect_and_say(word, to).await;
        let verified = timeout(GUARD, session.data_connection_verified(says_right)).await.unwrap();
        assert_eq!(verified.is_ok(), passes);
        if let Err(reply) = verified {
            assert_eq!(reply, Reply::NotVerified);
            is_reset(Ok(there)).await;
        }
        assert!(!session.is_reserved());
    }
}

/// Whoever does not verify takes the first that comes, and the port is free again.
#[tokio::test]
async fn a_reservation_for_several_can_be_used_for_the_first() {
    let (passive, mut session) = verifying(|builder| builder).await;
    let to = named(session.pasv().await);
    delivers(&mut session, to).await;
    assert_eq!(passive.mux().stats().pending, 0);
    session.reinitialize();
    let to = named(session.pasv().await);
    delivers(&mut session, to).await;
}
