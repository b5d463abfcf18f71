//! Serving one control connection to its end, or draining it.

use super::binder::LeaseGuard;
use super::events::SessionEnd;
use super::shared::Shared;
use super::tls::SessionTls;
use super::tracked::Tracked;
use super::watch;
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

/// The kernel doubles it.
const RECEIVE_BUFFER: usize = 16 * 1024;

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
    pub(super) shared: Arc<Shared>,
    pub(super) limits: watch::Limits,
    /// `None` for a server that binds its passive ports itself.
    pub(super) lease: Option<LeaseGuard>,
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
    pub(super) async fn run(self, stop: CancellationToken) -> io::Result<SessionEnd> {
        let Self { stream, server, shared, limits, lease, farewell } = self;
        prepare(&stream)?;
        let control = match Control::of(&stream) {
            Ok(control) => control,
            Err(error) => {
                // Out of descriptors, most likely. The reply is a courtesy.
                let _ = SockRef::from(&stream).send(OUT_OF_RESOURCES);
                return Err(error);
            }
        };
        let tls = shared.tls.as_deref();
        let is_plain = || tls.is_none_or(|tls| !tls.has_begun());
        let mut serving = pin!(server.service(stream));
        let end = tokio::select! {
            _ = &mut serving => SessionEnd::Over,
            () = async {
                stop.cancelled().await;
                shared.transfers.quiet(REPLY_MOMENT).await;
            } => {
                control.end((farewell && is_plain()).then_some(SHUTTING_DOWN));
                let _ = serving.await;
                SessionEnd::Drained
            }
            end = watch::exceeded(&control.0, &shared, limits) => {
                control.end(is_plain().then_some(exceeded(end)));
                if end == SessionEnd::EndlessCommand {
                    control.reset();
                }
                end
            }
            () = refused(tls) => SessionEnd::NotResumed,
        };
        drop(lease);
        drop(control);
        shared.transfers.finished().await;
        Ok(end)
    }
}

/// What a client is told that has exceeded a limit.
fn exceeded(end: SessionEnd) -> &'static [u8] {
    match end {
        SessionEnd::NoLogin => b"421 No login in time, closing.\r\n",
        SessionEnd::EndlessCommand => b"421 Command too long, closing.\r\n",
        _ => b"421 Silent for too long, closing.\r\n",
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
