//! Lending listening sockets: for servers that want to call `accept` themselves.

use std::net::{IpAddr, TcpListener};

use tokio::time::sleep;
use tracing::debug;

use super::Mux;
use super::backoff::is_shortage;
use super::groups::GroupIndex;
use super::lifecycle::Delivery;
use super::registration::Registration;
use super::watch::{self, Returned};
use crate::steer::LendError;
use crate::table::Matching;
use crate::{Client, ReserveError};

/// A reservation whose connection arrives at a lent listening socket.
///
/// The reservation ends when the holder has accepted and closed the socket, which the mux sees by
/// itself. Dropping the lease before that revokes the socket at once: a blocked `accept` on it
/// returns an error, connections that wait there are reset, and it can never listen again. The
/// same happens at the deadline.
#[derive(Debug)]
pub struct Lease {
    registration: Registration,
    group: GroupIndex,
}

impl Lease {
    /// The reserved port, one of the mux's set.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.registration.port
    }

    /// The client, the only one that reaches the socket.
    #[must_use]
    pub fn client(&self) -> Client {
        self.registration.client
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Registration { core, client, id, .. } = &self.registration;
        match watch::revoke(core, self.group, *client, *id) {
            Some(Returned::Used) => self.registration.claim(),
            Some(Returned::Revoked) | None => self.registration.cancel(),
        };
    }
}

impl Mux {
    /// Reserves a port as [`reserve`](Self::reserve) does, and lends a listening socket on it
    /// that connections from `client` reach and nobody else's.
    ///
    /// `local` is the address that the client will connect to, usually the local address of its
    /// control connection: the socket is bound to it, or to its family's wildcard address if
    /// that is what the mux listens on. The socket is non-blocking.
    ///
    /// The holder accepts one connection and closes the socket. It may set options and call
    /// `listen` again (to change the backlog); it must not duplicate the descriptor or call
    /// `shutdown` on it.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve), and when the mux was built without
    /// [`steering`](super::Builder::steering), does not listen on `local`, or the system refuses.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, its place in the queue goes to the next, and nothing stays reserved.
    pub async fn lease(
        &self,
        client: impl Into<Client>,
        local: IpAddr,
    ) -> Result<(Lease, TcpListener), LeaseError> {
        let client = client.into();
        let groups = self.core.groups.as_ref().ok_or(LeaseError::SteeringOff)?;
        let address = groups.listening_on(local).ok_or(LeaseError::NotBound(local))?;
        // Kept until the end, so that each further attempt gets another port.
        let mut crowded = Vec::new();
        let mut crowding = None;
        loop {
            let delivery = Delivery::Listener { address, client };
            let registration = match self.core.admit(client, Matching::Identity, delivery).await {
                Ok(registration) => registration,
                // That every other port is taken is only half of the truth.
                Err(error) => return Err(crowding.map_or(error.into(), LeaseError::Lend)),
            };
            let group = groups.index(address, registration.port);
            let lease = Lease { registration, group };
            let lent = loop {
                match lease.lend() {
                    // The kernel's pace, not a shortage: the port is ours already.
                    Err(LendFailure::Lend(LendError::TooFast { retry_in })) => {
                        sleep(retry_in).await;
                    }
                    lent => break lent,
                }
            };
            match lent {
                Ok(listener) => return Ok((lease, listener)),
                Err(LendFailure::Closed) => return Err(ReserveError::ShutDown.into()),
                Err(LendFailure::Expired) => return Err(LeaseError::Expired),
                Err(LendFailure::Lend(error @ (LendError::Full | LendError::TooManyPorts)))
                    if crowded.len() + 1 < self.ports().len() =>
                {
                    crowded.push(lease);
                    crowding = Some(error);
                }
                Err(LendFailure::Lend(error)) => return Err(error.into()),
            }
        }
    }
}

/// Why a group lent nothing.
enum LendFailure {
    Closed,
    Expired,
    Lend(LendError),
}

impl Lease {
    fn lend(&self) -> Result<TcpListener, LendFailure> {
        match self.try_lend() {
            Err(LendFailure::Lend(LendError::System(error))) if is_shortage(&error) => {
                debug!(client = %self.client(), %error, "giving back idle listeners");
                self.registration.core.relieve();
                self.try_lend()
            }
            result => result,
        }
    }

    fn try_lend(&self) -> Result<TcpListener, LendFailure> {
        let Registration { core, client, port, id } = &self.registration;
        let groups = core.groups.as_ref().ok_or(LendFailure::Closed)?;
        let mut group = groups.lock(self.group);
        let group = group.as_mut().ok_or(LendFailure::Closed)?;
        let lent = group.lend(*client, (*id).into()).map_err(LendFailure::Lend)?;
        core.reservations.strangers(*port, lent.reset as u64);
        if let Some(watch) = lent.watch {
            watch::spawn(core, self.group, *client, watch);
        }
        // Expired before it was lent, when there was nothing to revoke yet.
        if !self.registration.is_pending() {
            group.revoke((*id).into());
            return Err(LendFailure::Expired);
        }
        Ok(lent.listener)
    }
}

/// Why no listening socket was lent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// No port could be reserved.
    #[error(transparent)]
    Reserve(#[from] ReserveError),
    /// The mux does not listen where the client would connect to.
    #[error("no passive port is bound on {0}: add it to the addresses of the multiplexer")]
    NotBound(IpAddr),
    /// The reservation's deadline passed before a socket could be lent for it.
    #[error("the reservation expired before a socket was lent for it: give it more time")]
    Expired,
    /// The mux was built without steering.
    #[error("no listening sockets can be lent: build the multiplexer with steering on")]
    SteeringOff,
    /// The reserved port's group could not lend.
    #[error(transparent)]
    Lend(#[from] LendError),
}
