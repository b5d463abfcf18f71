//! A pending reservation whose connections are verified by the session before one counts.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::Mux;
use super::accept::reset;
use super::core::{Core, Delivery};
use super::errors::{AcceptError, ReserveError};
use crate::Client;
use crate::table::{Matching, NotOpened, ReservationId};

/// A reservation that outlives the connections that turn out to be wrong.
///
/// An address does not tell who is behind it. Where something later does (the TLS session that
/// the data connection resumes, for example), the session looks at one
/// [`candidate`](Self::candidate) after the other and says which one it was with
/// [`claim`](Self::claim). Until then the port stays the reservation's. How long a session
/// looks at a candidate, and at how many at a time, is up to it; the next one can be awaited
/// meanwhile.
///
/// Dropping it gives the port back at once. A candidate that had come but was not taken is reset.
#[derive(Debug)]
pub struct VerifiedReservation {
    core: Arc<Core>,
    client: Client,
    port: u16,
    id: ReservationId,
    /// Tells why the reservation has ended; `None` once it has told.
    end: Option<oneshot::Receiver<AcceptError>>,
    /// The reservation's opening; `None` until it is opened for the next connection.
    opening: Option<oneshot::Receiver<TcpStream>>,
    claimed: bool,
}

impl Mux {
    /// Reserves a port as [`reserve`](Self::reserve) does, for a session that verifies the
    /// connections itself.
    ///
    /// It takes room for two in the mux's [capacity](super::Builder::capacity).
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, its place in line goes to the next, and nothing stays reserved.
    pub async fn reserve_verified(
        &self,
        client: impl Into<Client>,
    ) -> Result<VerifiedReservation, ReserveError> {
        let client = client.into();
        let (session, end) = oneshot::channel();
        let delivery = Delivery::End(session);
        let reserved = self.core.admit(client, Matching::Identity, delivery).await?;
        let mut reservation = VerifiedReservation {
            core: self.core.clone(),
            client,
            port: reserved.port,
            id: reserved.id,
            end: Some(end),
            opening: None,
            claimed: false,
        };
        match reservation.open() {
            // Whether it has expired already is for `candidate` to say.
            Ok(()) | Err(NotOpened::Stale | NotOpened::Open) => Ok(reservation),
            Err(NotOpened::TableFull) => Err(ReserveError::TableFull),
        }
    }
}

impl VerifiedReservation {
    /// The reserved port, one of the mux's set.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The client whose connection it is for.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client
    }

    /// Waits for the next connection from the client to the port. The reservation stays as it is.
    ///
    /// Connections are taken one at a time. From the moment one is accepted until the session has
    /// taken it here, which is microseconds when the session is waiting, a further one is reset.
    ///
    /// The stream is as accepted: no options set, no bytes read.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Expired`] at the deadline, [`AcceptError::ShutDown`] when the mux is shut
    /// down; [`AcceptError::Delivered`] if an earlier call has returned one of those.
    /// [`AcceptError::TableFull`] when the mux is at its capacity: the reservation stays, and the
    /// call can be repeated.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: if the future is dropped, nothing is lost, and the next call goes on waiting.
    pub async fn candidate(&mut self) -> Result<TcpStream, AcceptError> {
        if self.opening.is_none() && self.end.is_some() && self.open() == Err(NotOpened::TableFull)
        {
            return Err(AcceptError::TableFull);
        }
        if let Some(opening) = &mut self.opening {
            let arrived = opening.await;
            self.opening = None;
            if let Ok(stream) = arrived {
                // The next one may come while the session looks at this one. If there is no room
                // for it now, the next call tries again.
                let _ = self.open();
                return Ok(stream);
            }
        }
        // The opening ends with the reservation.
        let end = self.end.as_mut().ok_or(AcceptError::Delivered)?;
        let why = end.await.unwrap_or(AcceptError::ShutDown);
        self.end = None;
        Err(why)
    }

    /// Says that the right connection has come: the reservation is claimed, and the port is free
    /// for the client's next one.
    ///
    /// Whether the reservation was still pending. If not, it has expired since; the connection is
    /// good all the same.
    #[expect(clippy::must_use_candidate, reason = "the connection is good either way")]
    pub fn claim(mut self) -> bool {
        self.claimed = self.core.table.claim_by_id(self.id).is_ok();
        if self.claimed {
            if let Some(index) = self.core.table.ports().index_of(self.port) {
                self.core.counters.claimed(index);
            }
            self.core.wait_queue.port_freed(self.core.key(self.client));
        }
        self.claimed
    }

    fn open(&mut self) -> Result<(), NotOpened> {
        let (session, opening) = oneshot::channel();
        self.core
            .table
            .open(self.id, Delivery::Candidate(session))
            .map_err(|error| error.reason)?;
        self.opening = Some(opening);
        Ok(())
    }
}

impl Drop for VerifiedReservation {
    fn drop(&mut self) {
        if !self.claimed {
            self.core.take_arrived_for(self.id, self.port);
            self.core.cancel(self.client, self.id);
        }
        // From here on nothing is delivered; what was is reset.
        if let Some(opening) = &mut self.opening {
            opening.close();
            match opening.try_recv() {
                Ok(stream) => reset(&stream),
                Err(TryRecvError::Empty | TryRecvError::Closed) => {}
            }
        }
    }
}
