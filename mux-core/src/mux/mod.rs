//! The tokio front: owns the listeners, accepts, claims, delivers, expires.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::Duration;
use tokio::net::TcpStream;

use crate::{Client, PortSet};

/// The multiplexer: owns the passive ports' listeners. Cheap to clone; the last clone's drop
/// shuts it down.
#[derive(Clone, Debug)]
pub struct Mux {}

/// How a [`Mux`] is set up.
#[derive(Clone, Debug)]
pub struct Builder {}

impl Mux {
    /// Starts the set-up of a mux on `ports`.
    pub fn builder(ports: PortSet) -> Builder {
        let _ = ports;
        todo!()
    }
    /// Reserves a port, waiting in line if all are taken for this client.
    pub async fn reserve(&self, client: impl Into<Client>) -> Result<Reservation, ReserveError> {
        let _ = client.into();
        todo!()
    }
    /// Reserves a port as [`reserve`](Self::reserve) does and lends a listening socket on it
    /// that only `client` reaches. `local` is the local address of the client's control
    /// connection: the listener is the one that is bound to it (or to its family's wildcard).
    pub async fn lease(
        &self,
        client: impl Into<Client>,
        local: IpAddr,
    ) -> Result<(Lease, TcpListener), LeaseError> {
        let _ = (client.into(), local);
        todo!()
    }
    /// The passive ports.
    pub fn ports(&self) -> &PortSet {
        todo!()
    }
    /// A snapshot of the counters.
    pub fn stats(&self) -> Stats {
        todo!()
    }
    /// Ends everything: listeners closed, pending reservations and waiters told, leases revoked.
    pub async fn shutdown(&self) {
        todo!()
    }
}

impl Builder {
    /// The local addresses to listen on (every port on every one of them); loopback by default.
    pub fn addresses(self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let _ = addresses.into_iter();
        todo!()
    }
    /// How long a reservation lives (default 15 s).
    pub fn ttl(self, ttl: Duration) -> Self {
        let _ = ttl;
        todo!()
    }
    /// How long a reservation may wait in line; zero refuses at once (default 2 s).
    pub fn wait(self, wait: Duration) -> Self {
        let _ = wait;
        todo!()
    }
    /// Whether [`Mux::lease`] is to work (Linux; default off).
    pub fn steering(self, on: bool) -> Self {
        let _ = on;
        todo!()
    }
    /// Binds every port on every address, or none. Must be called inside a tokio runtime.
    pub fn bind(self) -> Result<Mux, BindError> {
        todo!()
    }
}

/// A pending reservation; dropping it cancels it.
#[derive(Debug)]
pub struct Reservation {}

impl Reservation {
    /// The reserved port.
    pub fn port(&self) -> u16 {
        todo!()
    }
    /// The client it is for.
    pub fn client(&self) -> Client {
        todo!()
    }
    /// Waits for the client's connection. Cancel-safe.
    pub async fn accept(&mut self) -> Result<TcpStream, AcceptError> {
        todo!()
    }
}

/// A lent listening socket's lease; dropping it revokes the socket at once.
#[derive(Debug)]
pub struct Lease {}

impl Lease {
    /// The reserved port.
    pub fn port(&self) -> u16 {
        todo!()
    }
    /// The client it is for.
    pub fn client(&self) -> Client {
        todo!()
    }
}

/// Why no port was reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReserveError {
    /// Every port is taken for this client, also after waiting in line.
    #[error("every passive port is taken for this client")]
    NoFreePort,
    /// Too many wait already.
    #[error("every passive port is taken for this client and the line is full")]
    LineFull,
    /// The table is at its capacity.
    #[error("the reservation table is full")]
    TableFull,
    /// The mux is shut down.
    #[error("the multiplexer is shut down")]
    ShutDown,
}

/// Why no listening socket was lent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// No port could be reserved.
    #[error(transparent)]
    Reserve(#[from] ReserveError),
    /// The mux does not listen on that address.
    #[error("no passive port is bound on {0}")]
    NotBound(IpAddr),
    /// The mux was built without steering.
    #[error("steering is off")]
    SteeringOff,
    /// The system refused.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// Why a reservation ended without a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The deadline passed.
    #[error("nobody connected before the reservation expired")]
    Expired,
    /// The mux is shut down.
    #[error("the multiplexer is shut down")]
    ShutDown,
}

/// Why the ports could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot bind")]
pub struct BindError {
    /// Every address and port that failed, and why.
    pub failures: Vec<(SocketAddr, io::Error)>,
}

/// What has happened so far, and what is going on.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Reservations pending now.
    pub pending: usize,
    /// Reservations waiting in line now.
    pub waiting: usize,
}
