//! The tokio front: owns the passive ports' listeners, accepts, claims, delivers, expires.
//!
//! ```
//! use mux_core::{Mux, PortSet};
//! use tokio::net::TcpStream;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ports: PortSet = "28192-28200".parse()?;
//! let mux = Mux::builder(ports).bind()?;
//!
//! // A session whose client is 127.0.0.1 asks for a port, and tells its client.
//! let client = std::net::IpAddr::from([127, 0, 0, 1]);
//! let mut reservation = mux.reserve(client).await?;
//! let port = reservation.port();
//!
//! // The client connects, and the session gets the connection.
//! let there = TcpStream::connect(("127.0.0.1", port)).await?;
//! let here = reservation.accept().await?;
//! assert_eq!(here.peer_addr()?, there.local_addr()?);
//!
//! mux.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//!
//! Each listener has a task that accepts, claims in the [table](crate::table) and hands the
//! connection to the session that waits in [`Reservation::accept`]; a connection that matches no
//! reservation is reset. That path waits for no lock and no session. Another task ends
//! reservations at their deadline. Requests for which no port is free wait
//! in a [queue](Builder::wait).
//!
//! With [`steering`](Builder::steering), [`Mux::lease`] lends a listening socket instead of
//! delivering a stream, to a server that wants to call `accept` itself.

mod accept;
mod accept_queue;
mod admission;
mod alarm;
mod backoff;
mod builder;
mod candidates;
mod clock;
mod core;
mod errors;
mod expiry;
#[cfg(all(feature = "steering", target_os = "linux"))]
mod groups;
#[cfg(not(all(feature = "steering", target_os = "linux")))]
#[path = "groups_unsupported.rs"]
mod groups;
#[cfg(all(feature = "steering", target_os = "linux"))]
mod lease;
mod lifecycle;
mod listen;
mod own_listeners;
mod preface;
mod registration;
mod reservation;
mod stats;
mod strangers;
mod verification;
mod verified;
mod verifier;
mod wait_queue;
#[cfg(all(feature = "steering", target_os = "linux"))]
mod watch;
#[cfg(not(all(feature = "steering", target_os = "linux")))]
#[path = "watch_unsupported.rs"]
mod watch;

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;
use tokio_util::sync::DropGuard;

pub use builder::Builder;
pub use errors::{AcceptError, BindError, NotVerified, PortsError};
#[cfg(all(feature = "steering", target_os = "linux"))]
pub use lease::{Lease, LeaseError};
pub use preface::{Preface, PrefaceError, PrefaceLimits, PrefaceStats};
pub use reservation::Reservation;
pub use stats::{PortStats, Refused, Stats};
pub use verified::VerifiedReservation;
pub use verifier::{Filtered, Verifier};

pub use crate::ReserveError;
#[cfg(all(feature = "steering", target_os = "linux"))]
pub use crate::steer::{LendError, SteeringUnavailable, probe_steering};

use self::core::Core;
use self::lifecycle::Delivery;
use self::preface::Stage;
use crate::table::Matching;
use crate::{Client, PortSet};

/// The multiplexer. See the [module documentation](self).
///
/// Clones are handles to the same multiplexer. When the last one is dropped it shuts down, as
/// with [`shutdown`](Self::shutdown) but without waiting for the end.
#[derive(Clone, Debug)]
pub struct Mux {
    core: Arc<Core>,
    /// Closes the core when the last handle goes; tasks and reservations hold only the core.
    _open: Arc<DropGuard>,
}

impl Mux {
    /// Starts the set-up of a mux on `ports`.
    pub fn builder(ports: PortSet) -> Builder {
        Builder::new(ports)
    }

    fn new(core: Arc<Core>) -> Self {
        let open = Arc::new(core.closed.clone().drop_guard());
        Self { core, _open: open }
    }

    /// The passive ports.
    #[must_use]
    pub fn ports(&self) -> &PortSet {
        self.core.reservations.ports()
    }

    /// Reserves a port for the next connection from `client`. If the client has a pending
    /// reservation on every port, waits for one, first come, first served.
    ///
    /// # Errors
    ///
    /// [`ReserveError::NoFreePort`] or [`ReserveError::PendingLimit`] when none was freed in time,
    /// [`ReserveError::ClientQueueFull`] or [`ReserveError::QueueFull`] when too many wait already,
    /// [`ReserveError::TooManyClients`] and [`ReserveError::TableFull`] at the mux's limits,
    /// [`ReserveError::ShutDown`] when it has been shut down.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, its place in the queue goes to the next, and nothing stays reserved.
    pub async fn reserve(&self, client: impl Into<Client>) -> Result<Reservation, ReserveError> {
        let (session, arrival) = oneshot::channel();
        let delivery = Delivery::Stream(session);
        let registration = self.core.admit(client.into(), Matching::Address, delivery).await?;
        Ok(Reservation { registration, arrival: Some(arrival) })
    }

    /// The counters as they are now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let prefaces = self.core.stage.as_ref().map(Stage::stats).unwrap_or_default();
        Stats { prefaces, ..self.core.reservations.stats() }
    }

    /// The addresses that were last turned away on `port`, at `since` or later, the last one
    /// first: some eight at most. They tell why nobody came for a reservation.
    ///
    /// What happens while this is called may be missing.
    #[must_use]
    pub fn recent_strangers(&self, port: u16, since: Instant) -> Vec<Client> {
        self.core.reservations.recent_strangers(port, since)
    }

    /// Gives back descriptors that the mux keeps only to be fast: steered listeners that nobody
    /// holds. To be called when the process is out of descriptors; the mux does so itself when
    /// it is the one who notices.
    pub fn relieve(&self) {
        self.core.relieve();
    }

    /// Shuts down: closes the listeners, ends pending reservations and requests that wait
    /// with an error, revokes leases. Returns when every task has ended and every descriptor of
    /// the mux is closed. Streams that were delivered go on. Calling it again does nothing.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, shutting down goes on without it.
    pub async fn shutdown(&self) {
        self.core.closed.cancel();
        self.core.tasks.close();
        self.core.tasks.wait().await;
    }
}
