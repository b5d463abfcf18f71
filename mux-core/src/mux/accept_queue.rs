//! Draining the accept queue before a reservation ends without its connection.
//!
//! A connection waits in the kernel until its listener's task accepts it, on a busy machine for
//! some time. If its session ends meanwhile, or the deadline passes, the connection must not go to
//! the client's next reservation on that port, which looks the same. So before a pending
//! reservation is cancelled or expires, what waits on its port is accepted and dealt with.

use std::io;
use std::net::SocketAddr;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tracing::debug;

use super::accept::receive;
use super::core::Core;

/// The most connections that one call takes from a listener. A client that connects as fast as
/// they are taken must not keep a session from ending.
const MAX_DRAINED: usize = 1024;

/// Accepts what waits on `port`. Afterwards nothing that came before this call is left for a later
/// reservation.
pub(super) fn drain(core: &Core, port: u16) {
    // A session may end on any thread.
    let _runtime = core.runtime.enter();
    for own in core.own.on(core.reservations.index_of(port)) {
        own.drain(|listener| {
            for _ in 0..MAX_DRAINED {
                match accept(listener) {
                    Ok((stream, peer)) => {
                        receive(core, port, stream, peer);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // The accept task meets it too, and knows what to do.
                    Err(error) => {
                        debug!(port, %error, "what waits is left to the accept task");
                        break;
                    }
                }
            }
        });
    }
}

/// Accepts without waiting.
fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (socket, peer) = SockRef::from(listener).accept()?;
    socket.set_nonblocking(true)?;
    let peer = peer.as_socket().ok_or(io::ErrorKind::InvalidData)?;
    Ok((TcpStream::from_std(socket.into())?, peer))
}
