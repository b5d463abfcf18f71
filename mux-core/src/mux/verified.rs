//! A pending reservation whose connections are verified by the session before one counts.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::Mux;
use super::accept::reset;
use super::candidates::{self, Candidates};
use super::errors::AcceptError;
use super::lifecycle::Delivery;
use super::registration::Registration;
use crate::table::Matching;
use crate::{Client, ReserveError};

/// A reservation that outlives the connections that turn out to be wrong.
///
/// An address does not tell who is behind it. Where something later does (the TLS session that
/// the data connection resumes, for example), the session verifies one
/// [`candidate`](Self::candidate) after the other, and [claims](Self::claim) the reservation when
/// it has found the right one. Until then the port stays the reservation's.
///
/// Candidates are taken from the moment the reservation exists, whether or not the session waits
/// for them. Sixteen wait at most; when one more comes, the oldest is reset. How long a session
/// verifies a candidate, and how many at a time, is up to it.
///
/// Dropping it gives the port back at once. A candidate that had come but was not taken is reset.
#[derive(Debug)]
pub struct VerifiedReservation {
    registration: Registration,
    candidates: Arc<Candidates>,
    is_claimed: bool,
}

impl Mux {
    /// Reserves a port as [`reserve`](Self::reserve) does, for a session that verifies the
    /// connections itself.
    ///
    /// It takes room for up to five in the mux's [capacity](super::Builder::capacity), two at
    /// least.
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
        match candidates::collect(&self.core, registration.id, end) {
            Ok(candidates) => {
                Ok(VerifiedReservation { registration, candidates, is_claimed: false })
            }
            Err(_) => {
                registration.cancel();
                Err(ReserveError::TableFull)
            }
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
    /// The stream is as accepted: no options set, no bytes read.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Expired`] at the deadline, [`AcceptError::ShutDown`] when the mux is shut
    /// down; [`AcceptError::Delivered`] if an earlier call has returned one of those.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: if the future is dropped, nothing is lost, and the next call goes on waiting.
    pub async fn candidate(&mut self) -> Result<TcpStream, AcceptError> {
        self.candidates.next().await
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

    /// Ends the reservation, and returns the candidates that have come but were not taken, the
    /// oldest first. Dropping a reservation resets them; with this, the session can close them in
    /// an orderly way.
    #[must_use = "dropping them closes the connections"]
    pub fn end(self) -> Vec<TcpStream> {
        self.registration.give_up();
        self.candidates.take_all().into()
    }
}

impl Drop for VerifiedReservation {
    fn drop(&mut self) {
        if !self.is_claimed {
            self.registration.give_up();
        }
        // From here on nothing is delivered; what was is reset.
        self.candidates.take_all().iter().for_each(reset);
    }
}
