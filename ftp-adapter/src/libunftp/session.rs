//! Serving one control connection to its end, or draining it.

use super::binder::LeaseGuard;
use super::data_connections::{self, Owner};
use super::presence::Presence;
use super::watch;
use ::libunftp::Server;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::pin::pin;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use unftp_core::auth::UserDetail;
use unftp_core::storage::{Metadata, StorageBackend};

/// How long libunftp has, after a transfer, to write its final reply before the farewell.
const REPLY_MOMENT: Duration = Duration::from_millis(250);

/// A peer that is gone without a word (its NAT forgot it, its power failed) is noticed after two
/// minutes of silence: 60 s, then 4 probes 15 s apart.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 4;

/// The kernel doubles it.
const RECEIVE_BUFFER: usize = 16 * 1024;

const SHUTTING_DOWN: &[u8] = b"421 Service shutting down.\r\n";
const OUT_OF_RESOURCES: &[u8] = b"421 Service not available, try again later.\r\n";

/// Serves a control connection until the client or libunftp ends the session, or until it is
/// drained after `stop`, and then until its last transfer is over. `farewell` says whether to say
/// 421 where libunftp does not.
///
/// Cancel safety: when dropped, the control connection is closed and the lease revoked. A transfer
/// goes on.
pub(super) async fn serve<S, U>(
    stream: TcpStream,
    server: Server<S, U>,
    lease: LeaseGuard,
    presence: Presence,
    limits: watch::SessionLimits,
    farewell: bool,
    stop: CancellationToken,
) -> io::Result<()>
where
    S: StorageBackend<U> + 'static,
    S::Metadata: Metadata,
    U: UserDetail + 'static,
{
    let session = lease.session();
    prepare(&stream)?;
    let control = match Control::of(&stream) {
        Ok(control) => control,
        Err(error) => {
            // Out of descriptors, most likely. The reply is a courtesy.
            let _ = SockRef::from(&stream).send(OUT_OF_RESOURCES);
            return Err(error);
        }
    };
    let mut serving = pin!(server.service(stream));
    tokio::select! {
        _ = &mut serving => {}
        () = quiet_after(&stop, session) => {
            control.end(farewell.then_some(SHUTTING_DOWN));
            let _ = serving.await;
        }
        told = watch::exceeded(&control.0, session, &presence, limits) => match told {
            Some(line) => control.end(farewell.then_some(line)),
            None => control.reset(),
        },
    }
    drop((lease, control));
    data_connections::out_of_use(session).await;
    Ok(())
}

/// Waits for `stop`, and then until no transfer of the session is under way and the last one has
/// had a moment for its final reply.
async fn quiet_after(stop: &CancellationToken, session: Owner) {
    stop.cancelled().await;
    data_connections::out_of_use(session).await;
    sleep(REPLY_MOMENT).await;
}

/// Sets what libunftp leaves at the system's defaults.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    // Else each reply that follows another waits for the client's delayed acknowledgement.
    stream.set_nodelay(true)?;
    // Commands are short. This bounds how much of an endless one comes before it is noticed.
    SockRef::from(stream).set_recv_buffer_size(RECEIVE_BUFFER)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY)
        .with_retries(KEEPALIVE_PROBES);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// A second descriptor of the control connection, to end a session that libunftp has taken over.
struct Control(socket2::Socket);

impl Control {
    fn of(stream: &TcpStream) -> io::Result<Self> {
        Ok(Self(stream.as_fd().try_clone_to_owned()?.into()))
    }

    /// Makes libunftp see the end of the commands.
    fn end(&self, farewell: Option<&[u8]>) {
        // Errors mean that the client is gone or does not read: then nobody misses the reply.
        if let Some(farewell) = farewell {
            let _ = self.0.send(farewell);
        }
        let _ = self.0.shutdown(Shutdown::Read);
    }

    /// Has the connection reset when it is closed: the peer may send on and on otherwise.
    fn reset(&self) {
        let _ = self.0.set_linger(Some(Duration::ZERO));
        self.end(None);
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // libunftp serves in a task of its own, which ends with its connection only.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
