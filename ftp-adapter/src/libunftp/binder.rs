//! Gives libunftp a lent listening socket wherever it would bind one of its own.

use super::data_connections::{Owner, Tag};
use super::unused;
use ::libunftp::options::Binder;
use async_trait::async_trait;
use mux_core::mux::{Lease, LeaseError, ReserveError};
use mux_core::{Client, Mux};
use std::io;
use std::net::{IpAddr, TcpStream};
use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpSocket;
use tracing::{debug, warn};

/// libunftp's [`Binder`] for one session of one client.
///
/// Every `PASV` or `EPSV` of the session ends the session's previous lease, so that its own port
/// counts as free, and takes a new one. libunftp answers 425 where no port is to be had.
///
/// libunftp keeps a data connection that no command has used for 300 s, whatever becomes of the
/// session. A session that has 32 of them is refused with 425, and so is a client (an IPv4
/// address, or an IPv6 network of 64 bits) that has a sixteenth of all descriptors, or 256.
///
/// [`MuxServer`](super::MuxServer) makes one for each session by itself. Use it directly to run
/// the accept loop yourself: one [`Server`](::libunftp::Server) per control connection, given
/// this binder, and the [`LeaseGuard`] dropped as soon as
/// [`Server::service`](::libunftp::Server::service) returns.
#[derive(Debug)]
pub struct MuxBinder {
    mux: Mux,
    client: Client,
    tag: Tag,
    slot: Arc<Slot>,
}

/// Ends its session's lease when dropped; its [`MuxBinder`] is of no use afterwards.
///
/// libunftp keeps a session alive for up to 15 s after its client is gone if a `PASV` is still
/// unanswered. The guard gives the port back at once.
#[derive(Debug)]
pub struct LeaseGuard {
    session: Owner,
    slot: Arc<Slot>,
}

impl MuxBinder {
    /// The binder for one session of `client`, and the guard that ends its lease.
    #[must_use]
    pub fn new(mux: Mux, client: impl Into<Client>) -> (Self, LeaseGuard) {
        let slot = Arc::new(Slot(Mutex::new(Held::Nothing)));
        let client = client.into();
        let tag = Tag::new(client);
        let guard = LeaseGuard { session: tag.session, slot: Arc::clone(&slot) };
        (Self { mux, client, tag, slot }, guard)
    }
}

impl LeaseGuard {
    /// Whose data connections are those of this session.
    pub(super) fn session(&self) -> Owner {
        self.session
    }
}

#[async_trait]
impl Binder for MuxBinder {
    /// Lends the session a listening socket; `_passive_ports` is ignored, the mux has its own.
    async fn bind(
        &mut self,
        local_addr: IpAddr,
        _passive_ports: RangeInclusive<u16>,
    ) -> io::Result<TcpSocket> {
        self.slot.put(Held::Nothing)?;
        if !unused::admit(self.tag) {
            debug!(client = %self.client, "no passive port lent: too many data connections unused");
            return Err(io::Error::other("too many data connections were opened and never used"));
        }
        let (lease, listener) = match self.mux.lease(self.client, local_addr).await {
            Ok(lent) => lent,
            Err(error) => return Err(refused(self.client, error)),
        };
        self.tag.put_on(&listener)?;
        self.slot.put(Held::Lease { _lease: lease })?;
        Ok(TcpSocket::from_std_stream(TcpStream::from(OwnedFd::from(listener))))
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        *self.slot.lock() = Held::Ended;
    }
}

/// What the session holds, shared between its binder and its guard.
#[derive(Debug)]
struct Slot(Mutex<Held>);

#[derive(Debug)]
enum Held {
    Nothing,
    /// Held for its drop, which revokes it.
    Lease {
        _lease: Lease,
    },
    /// The session is over: no lease may be held any more.
    Ended,
}

impl Slot {
    /// Replaces, and thereby revokes, what the session holds.
    fn put(&self, held: Held) -> io::Result<()> {
        let mut current = self.lock();
        if matches!(*current, Held::Ended) {
            return Err(io::Error::other("the session is over"));
        }
        *current = held;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs why a client gets no port: its own limits quietly, trouble of the system aloud.
fn refused(client: Client, error: LeaseError) -> io::Error {
    match error {
        LeaseError::Expired
        | LeaseError::Reserve(
            ReserveError::NoFreePort
            | ReserveError::PendingLimit
            | ReserveError::ClientQueueFull
            | ReserveError::ShutDown,
        ) => debug!(%client, "no passive port lent: {error}"),
        _ => warn!(%client, "no passive port lent: {error}"),
    }
    io::Error::other(error)
}
