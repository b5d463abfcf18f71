//! Dealing with connections that have arrived, before what they may be for is over.
//!
//! A connection waits in the kernel until its listener's task accepts it, on a busy machine for
//! some time. If its session ends meanwhile, or the deadline passes, the connection must not be the
//! client's next reservation's on that port, which looks the same. So whoever ends a pending
//! reservation first takes what waits on its port.

use std::io;
use std::net::SocketAddr;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tracing::debug;

use super::accept::deliver;
use super::core::Core;
use crate::table::ReservationId;

/// The most connections that one call takes. Who connects as fast as they are taken must not keep
/// a session from ending.
const MOST: usize = 1024;

impl Core {
    /// Accepts what waits on `port`, if `id` is pending there.
    pub(super) fn take_arrived_for(&self, id: ReservationId, port: u16) {
        if self.table.is_pending(id) {
            self.take_arrived(port);
        }
    }

    /// Accepts what waits on `port`: afterwards nothing that came before this call is left for a
    /// later reservation.
    pub(super) fn take_arrived(&self, port: u16) {
        let (Some(own), Some(index)) = (self.own.get(), self.table.ports().index_of(port)) else {
            return;
        };
        // A session may end on any thread.
        let _runtime = self.runtime.enter();
        for (listener, turn) in own.on(index) {
            let _turn = turn.take();
            for _ in 0..MOST {
                match accept(&listener) {
                    Ok((stream, peer)) => deliver(self, port, stream, peer.into()),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // The accept path meets it too, and knows what to do.
                    Err(error) => {
                        debug!(port, %error, "what waits is left to the accept path");
                        break;
                    }
                }
            }
        }
    }
}

/// Accepts without waiting.
fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (socket, peer) = SockRef::from(listener).accept()?;
    socket.set_nonblocking(true)?;
    let peer = peer.as_socket().ok_or(io::ErrorKind::InvalidData)?;
    Ok((TcpStream::from_std(socket.into())?, peer))
}
