//! The accept path: one task per listener.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::sleep;
use tracing::{Instrument, debug, debug_span, warn};

use super::backoff::{Backoff, is_shortage};
use super::core::Core;
use super::lifecycle::Delivery;
use super::own_listeners::OwnListener;
use crate::Client;
use crate::table::Time;

/// Starts to accept on `socket`, which is that of `own`.
pub(super) fn spawn(core: &Arc<Core>, own: &Arc<OwnListener>, socket: Arc<TcpListener>) {
    let span = debug_span!("accept", address = %own.address);
    let (shared, own) = (Arc::clone(core), Arc::clone(own));
    let accept = async move { accept(&shared, &own, &socket).await };
    core.spawn_until(&core.ended, accept.instrument(span));
}

/// Accepts for ever: no error and no peer ends it.
async fn accept(core: &Core, own: &OwnListener, socket: &TcpListener) {
    let port = own.address.port();
    let mut backoff = Backoff::new();
    let mut is_short = false;
    loop {
        match poll_fn(|context| poll_deliver(core, own, socket, context)).await {
            // A session accepts here just now.
            None => own.released().await,
            Some(Ok(delivered)) => {
                if std::mem::take(&mut is_short) {
                    warn!(port, "accepting again");
                }
                backoff.succeeded();
                // The task that opens the reservation to the next one has its turn, or of many
                // that come at once only the first few would be candidates.
                if delivered == Delivered::Candidate {
                    yield_now().await;
                }
            }
            Some(Err(error)) if is_shortage(&error) => {
                // The connection stays in the kernel's queue and is accepted later.
                if !std::mem::replace(&mut is_short, true) {
                    warn!(port, %error, "cannot accept; raise the limit on open files");
                }
                core.relieve();
                sleep(backoff.failed()).await;
            }
            // The peer has gone while it was in the queue, or the network failed it.
            Some(Err(error)) => {
                debug!(port, %error, "accept failed");
                sleep(backoff.failed()).await;
            }
        }
    }
}

/// Accepts and delivers one connection under the listener's lock; `None` if a session has that.
fn poll_deliver(
    core: &Core,
    own: &OwnListener,
    socket: &TcpListener,
    context: &mut Context<'_>,
) -> Poll<Option<io::Result<Delivered>>> {
    let accepted = own.try_accept(|| {
        socket
            .poll_accept(context)
            .map_ok(|(stream, peer)| receive(core, own.address.port(), stream, peer))
    });
    match accepted {
        None => Poll::Ready(None),
        Some(polled) => polled.map(Some),
    }
}

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    /// It went to the task that verifies it.
    Candidate,
    /// Anything else.
    Otherwise,
}

/// Takes a connection that was accepted just now: into the stage where it must show a preface, to
/// its reservation where it need not. Waits for nobody.
pub(super) fn receive(core: &Core, port: u16, stream: TcpStream, peer: SocketAddr) -> Delivered {
    match &core.stage {
        None => deliver(core, port, stream, peer.into()),
        Some(stage) => stage.enter(core, port, stream, peer),
    }
}

/// Hands a connection to the reservation it matches, or resets it. Waits for nobody.
pub(super) fn deliver(core: &Core, port: u16, stream: TcpStream, client: Client) -> Delivered {
    // Reset while it waited in the kernel's queue. The reservation that it came for may have ended
    // since, and it must not be taken for the connection of the next.
    if stream.peer_addr().is_err() {
        debug!(%client, port, "a connection was over before it was accepted");
        return Delivered::Otherwise;
    }
    hand_over(core.reservations.claim(port, client), port, stream, client)
}

/// As [`deliver`], for a connection that came at `arrived` and has shown since who its client is.
pub(super) fn deliver_identified(
    core: &Core,
    port: u16,
    stream: TcpStream,
    client: Client,
    arrived: Time,
) {
    let delivery = core.reservations.claim_identified(port, client, arrived);
    hand_over(delivery, port, stream, client);
}

fn hand_over(
    delivery: Option<Delivery>,
    port: u16,
    stream: TcpStream,
    client: Client,
) -> Delivered {
    let undelivered = match delivery {
        Some(Delivery::Stream(session)) => session.send(Ok(stream)).err().and_then(Result::ok),
        // There is room for as many as there are openings.
        Some(Delivery::Candidate(session)) => match session.try_send(stream) {
            Ok(()) => return Delivered::Candidate,
            Err(error) => Some(error.into_inner()),
        },
        // What is held is claimed by its identity, never by an address.
        Some(Delivery::Listener { .. } | Delivery::End(_)) | None => {
            debug!(%client, port, "reset a connection that matches no reservation");
            reset(&stream);
            return Delivered::Otherwise;
        }
    };
    if let Some(stream) = undelivered {
        debug!(%client, port, "the session ended as its connection came");
        reset(&stream);
    }
    Delivered::Otherwise
}

/// Sees to it that closing the connection resets it: the peer learns at once that nobody is
/// there, and nothing lingers on this side.
pub(super) fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        debug!(%error, "closing in the ordinary way");
    }
}
