//! Why no port is to be had, and that a refusal ends nothing.

use crate::{GUARD, client, delivers, dropped_after, mux, named, session_of};
use ftp_adapter::{Passive, PassiveSession, Reply};
use mux_core::mux::{Builder, ReserveError};
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::time::timeout;

const ONE: NonZeroUsize = NonZeroUsize::MIN;

async fn built(ports: usize, set_up: impl Fn(Builder) -> Builder) -> Passive {
    Passive::new(mux(ports, set_up).await)
}

/// Sees that both commands are refused for this reason, in these words, and that the session gets
/// its port when `others` are gone.
async fn refused<T>(mut session: PassiveSession, why: ReserveError, words: &str, others: T) {
    for reply in [session.pasv().await, session.epsv("").await] {
        assert_eq!(reply, Reply::NoPort(why));
        assert_eq!(reply.line(), format!("425 {words}, try again later.\r\n"));
        assert!(reply.is_refusal() && !reply.closes());
        assert!(!session.is_reserved());
        assert_eq!(session.data_connection().await.unwrap_err(), Reply::NotReserved);
    }
    drop(others);
    let to = named(timeout(GUARD, session.pasv()).await.unwrap());
    delivers(&mut session, to).await;
}

#[tokio::test]
async fn every_port_is_taken_by_the_client() {
    let passive = built(2, |builder| builder.wait(Duration::from_millis(20))).await;
    let mut held = [client(1); 2].map(|client| session_of(&passive, client));
    for session in &mut held {
        named(session.pasv().await);
    }
    let words = "All passive ports are taken by your address";
    refused(session_of(&passive, client(1)), ReserveError::NoFreePort, words, held).await;
}

#[tokio::test]
async fn the_client_has_as_many_as_it_may() {
    let passive = built(3, |builder| builder.max_pending_per_client(ONE)).await;
    let mut held = session_of(&passive, client(1));
    named(held.pasv().await);
    // It is the client's own limit.
    named(session_of(&passive, client(2)).pasv().await);
    let words = "Too many of your data connections are awaited";
    refused(session_of(&passive, client(1)), ReserveError::PendingLimit, words, held).await;
}

#[tokio::test]
async fn too_many_clients_are_served() {
    let passive = built(3, |builder| builder.max_clients(ONE)).await;
    let mut held = session_of(&passive, client(1));
    named(held.pasv().await);
    // Those who are served may have more.
    named(session_of(&passive, client(1)).pasv().await);
    let words = "Too many clients are served at the moment";
    refused(session_of(&passive, client(2)), ReserveError::TooManyClients, words, held).await;
}

#[tokio::test]
async fn the_table_is_full() {
    let passive = built(3, |builder| builder.capacity(1)).await;
    let mut held = session_of(&passive, client(1));
    named(held.pasv().await);
    let words = "Too many data connections are awaited";
    refused(session_of(&passive, client(2)), ReserveError::TableFull, words, held).await;
}

/// A session that holds the only port, and one of the same client that waits for it: as long as
/// what is returned lives.
async fn a_line_of_one(passive: &Passive) -> (PassiveSession, impl Future<Output = Reply>) {
    let mut holder = session_of(passive, client(1));
    named(holder.pasv().await);
    let mut waiting = session_of(passive, client(1));
    let mut in_line = Box::pin(async move { waiting.pasv().await });
    assert!(dropped_after(3, in_line.as_mut()).await.is_none());
    assert_eq!(passive.mux().stats().waiting, 1);
    (holder, in_line)
}

#[tokio::test]
async fn too_many_of_the_client_wait() {
    let passive = built(1, |builder| builder.wait(GUARD).max_waiting(1, 10)).await;
    let others = a_line_of_one(&passive).await;
    let words = "Too many of your requests wait for a passive port";
    refused(session_of(&passive, client(1)), ReserveError::ClientQueueFull, words, others).await;
}

#[tokio::test]
async fn too_many_wait() {
    let passive = built(1, |builder| builder.wait(GUARD).max_waiting(10, 1)).await;
    let others = a_line_of_one(&passive).await;
    let mut holder = session_of(&passive, client(2));
    named(holder.pasv().await);
    let words = "Too many requests wait for a passive port";
    let late = session_of(&passive, client(2));
    refused(late, ReserveError::QueueFull, words, (others, holder)).await;
}
