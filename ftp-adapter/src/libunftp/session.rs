//! Serving one control connection to its end, or draining it.

use super::binder::LeaseGuard;
use super::tls::SessionTls;
use super::tracked::Tracked;
use super::transfers::Transfers;
use ::libunftp::Server;
use socket2::{SockRef, TcpKeepalive};
use std::future::pending;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use unftp_core::auth::UserDetail;
use unftp_core::storage::{Metadata, StorageBackend};

/// How long libunftp has, after a transfer, to write its final reply before the farewell.
const REPLY_MOMENT: Duration = Duration::from_millis(500);

/// A peer that is gone without a word (its NAT forgot it, its power failed) is noticed after two
/// minutes of silence: 60 s, then 4 probes 15 s apart.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 4;

const SHUTTING_DOWN: &[u8] = b"421 Service shutting down.\r\n";
const OUT_OF_RESOURCES: &[u8] = b"421 Service not available, try again later.\r\n";

/// One control connection and all that serves it.
pub(super) struct Session<S, U>
where
    Tracked<S>: StorageBackend<U>,
    U: UserDetail,
{
    pub(super) stream: TcpStream,
    pub(super) server: Server<Tracked<S>, U>,
    pub(super) transfers: Arc<Transfers>,
    /// `None` for a server that binds its passive ports itself.
    pub(super) lease: Option<LeaseGuard>,
    pub(super) tls: Option<Arc<SessionTls>>,
    /// Whether to say 421 when drained, unless TLS has begun.
    pub(super) farewell: bool,
}

impl<S, U> Session<S, U>
where
    S: StorageBackend<U> + 'static,
    S::Metadata: Metadata,
    U: UserDetail + 'static,
{
    /// Serves until the client or libunftp ends the session, or until it is drained after `stop`.
    ///
    /// Cancel safety: when dropped, the control connection is closed and the lease revoked.
    pub(super) async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let Self { stream, server, transfers, lease, tls, farewell } = self;
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
            () = async {
                stop.cancelled().await;
                transfers.quiet(REPLY_MOMENT).await;
            } => {
                let plain = tls.as_ref().is_none_or(|tls| !tls.has_begun());
                control.end(farewell && plain);
                let _ = serving.await;
            }
            () = refused(tls.as_deref()) => {}
        }
        drop(lease);
        drop(control);
        transfers.finished().await;
        Ok(())
    }
}

/// Waits until TLS is refused to a data connection, for which libunftp has no reply.
async fn refused(tls: Option<&SessionTls>) {
    match tls {
        Some(tls) => tls.refused().await,
        None => pending().await,
    }
}

/// Sets what libunftp leaves at the system's defaults.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    // Else each reply that follows another waits for the client's delayed acknowledgement.
    stream.set_nodelay(true)?;
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
    fn end(&self, farewell: bool) {
        // Errors mean that the client is gone or does not read: then nobody misses the reply.
        if farewell {
            let _ = self.0.send(SHUTTING_DOWN);
        }
        let _ = self.0.shutdown(Shutdown::Read);
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // libunftp serves in a task of its own, which ends with its connection only.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests;
