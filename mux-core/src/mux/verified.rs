//! A pending reservation whose connections are verified by the session before one counts.

use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::Mux;
use super::accept::reset;
use super::errors::AcceptError;
use super::lifecycle::Delivery;
use super::registration::Registration;
use crate::table::{Matching, NotOpened};
use crate::{Client, ReserveError};

/// A reservation that outlives the connections that turn out to be wrong.
///
/// An address does not tell who is behind it. Where something later does (the TLS session that
/// the data connection resumes, for example), the session verifies one
/// [`candidate`](Self::candidate) after the other, and [claims](Self::claim) the reservation when
/// it has found the right one. Until then the port stays the reservation's. How long a session
/// verifies a candidate, and how many at a time, is up to it; the next one can be awaited
/// meanwhile.
///
/// Dropping it gives the port back at once. A candidate that had come but was not taken is reset.
#[derive(Debug)]
pub struct VerifiedReservation {
    registration: Registration,
    /// Tells why the reservation has ended; `None` once it has told.
    end: Option<oneshot::Receiver<AcceptError>>,
    /// The reservation's opening; `None` until it is opened for the next connection.
    opening: Option<oneshot::Receiver<TcpStream>>,
    is_claimed: bool,
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
    /// If the future is dropped, its place in the queue goes to the next, and nothing stays
    /// reserved.
    pub async fn reserve_verified(
        &self,
        client: impl Into<Client>,
    ) -> Result<VerifiedReservation, ReserveError> {
        let (session, end) = oneshot::channel();
        let delivery = Delivery::End(session);
        let registration = self.core.admit(client.into(), Matching::Identity, delivery).await?;
        let mut reservation =
            VerifiedReservation { registration, end: Some(end), opening: None, is_claimed: false };
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
        self.registration.port
    }

    /// The client whose connection it is for.
    #[must_use]
    pub fn client(&self) -> Client {
        self.registration.client
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
                // The next one may come while the session verifies this one. If there is no room
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

    /// Claims the reservation: the right connection has come, and the port is free for the
    /// client's next one.
    ///
    /// Returns whether the reservation was still pending. If not, it has expired since; the
    /// connection is good all the same.
    #[expect(clippy::must_use_candidate, reason = "the connection is good either way")]
    pub fn claim(mut self) -> bool {
        self.is_claimed = self.registration.claim();
        self.is_claimed
    }

    /// Ends the reservation, and returns the candidate that has come but was not taken. Dropping a
    /// reservation resets it; with this, the session can close it in an orderly way.
    #[must_use = "dropping it closes the connection"]
    pub fn end(mut self) -> Option<TcpStream> {
        self.registration.give_up();
        let mut opening = self.opening.take()?;
        // From here on nothing is delivered.
        opening.close();
        opening.try_recv().ok()
    }

    fn open(&mut self) -> Result<(), NotOpened> {
        let (session, opening) = oneshot::channel();
        self.registration.core.reservations.open(self.registration.id, session)?;
        self.opening = Some(opening);
        Ok(())
    }
}

impl Drop for VerifiedReservation {
    fn drop(&mut self) {
        if !self.is_claimed {
            self.registration.give_up();
        }
        // From here on nothing is delivered; what was is reset.
        if let Some(opening) = &mut self.opening {
            opening.close();
            if let Ok(stream) = opening.try_recv() {
                reset(&stream);
            }
        }
    }
}
