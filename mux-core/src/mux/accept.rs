//! The accept path: one task per listener.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tracing::{Instrument, debug, debug_span, warn};

use super::backoff::{Backoff, is_shortage};
use super::core::{Core, Delivery};
use super::turn::Turn;
use crate::Client;

/// Starts to accept on `listener`, which is bound to `address`.
pub(super) fn spawn(
    core: &Arc<Core>,
    address: SocketAddr,
    listener: Arc<TcpListener>,
    turn: Arc<Turn>,
) {
    let accept = {
        let core = core.clone();
        async move { accept(&core, &listener, &turn, address.port()).await }
    };
    let accept = accept.instrument(debug_span!("accept", %address));
    core.spawn_until(&core.ended, accept);
}

/// Accepts for ever: no error and no peer ends it.
async fn accept(core: &Core, listener: &TcpListener, turn: &Turn, port: u16) {
    let mut backoff = Backoff::new();
    let mut short = false;
    loop {
        match poll_fn(|context| poll_deliver(core, listener, turn, port, context)).await {
            Ok(()) => {
                if std::mem::take(&mut short) {
                    warn!(port, "accepting again");
                }
                backoff.succeeded();
            }
            Err(error) if is_shortage(&error) => {
                // The connection stays in the kernel's queue and is accepted later.
                if !std::mem::replace(&mut short, true) {
                    warn!(port, %error, "cannot accept; raise the limit on open files");
                }
                core.relieve();
                sleep(backoff.failed()).await;
            }
            // The peer has gone while it was in the queue, or the network failed it.
            Err(error) => {
                debug!(port, %error, "accept failed");
                sleep(backoff.failed()).await;
            }
        }
    }
}

/// Accepts and delivers one connection, in one turn.
fn poll_deliver(
    core: &Core,
    listener: &TcpListener,
    turn: &Turn,
    port: u16,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let Some(_turn) = turn.try_take() else {
        // A session is delivering what has come. This is not waited for: other tasks go on.
        context.waker().wake_by_ref();
        return Poll::Pending;
    };
    listener.poll_accept(context).map_ok(|(stream, peer)| deliver(core, port, stream, peer.into()))
}

/// Hands a connection to the reservation it matches, or resets it. Waits for nobody.
pub(super) fn deliver(core: &Core, port: u16, stream: TcpStream, client: Client) {
    let Some(index) = core.table.ports().index_of(port) else {
        return reset(&stream);
    };
    // Reset while it waited in the kernel's queue. Whose reservation it came for may have ended
    // since, and it must not be taken for the connection of the next.
    if stream.peer_addr().is_err() {
        debug!(%client, port, "a connection was over before it was accepted");
        return;
    }
    let key = core.key(client);
    match core.table.claim(port, key, core.clock.now()) {
        Some(Delivery::Stream(session)) => {
            core.counters.claimed(index);
            core.wait_queue.port_freed(key);
            if let Err(Ok(stream)) = session.send(Ok(stream)) {
                debug!(%client, port, "the session ended as its connection came");
                reset(&stream);
            }
        }
        Some(Delivery::Candidate(session)) => {
            core.counters.candidate();
            if let Err(stream) = session.send(stream) {
                debug!(%client, port, "the session ended as a connection came");
                reset(&stream);
            }
        }
        // What is held is claimed by its identity, never by an address.
        Some(Delivery::Listener { .. } | Delivery::End(_)) | None => {
            core.counters.strangers(index, 1);
            core.strangers.record(index, client);
            debug!(%client, port, "reset a connection that matches no reservation");
            reset(&stream);
        }
    }
}

/// Sees to it that closing the connection resets it: the peer learns at once that nobody is
/// there, and nothing lingers on this side.
pub(super) fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        debug!(%error, "closing in the ordinary way");
    }
}
