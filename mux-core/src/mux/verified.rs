//! A pending reservation whose connections are verified before one counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::sleep_until;

use super::Mux;
use super::candidates::Verified;
use super::errors::{AcceptError, NotVerified};
use super::lifecycle::Delivery;
use super::registration::Registration;
use super::verification::{self, Verification};
use super::verifier::Verifier;
use crate::table::Matching;
use crate::{Client, ReserveError};

/// A reservation that outlives the connections that turn out to be wrong.
///
/// An address does not tell who is behind it. Where something later does (the TLS session that
/// the data connection resumes, for example), a [`Verifier`] finds the right one. Until then the
/// port stays the reservation's; from then on it is free for the client's next one.
///
/// Connections are taken and verified from the moment the reservation exists, whether or not the
/// session waits for one. 64 may wait that have said too little, until the reservation's deadline;
/// 16 are verified at a time, 10 s each at most, also beyond the deadline. One more of either, and
/// the oldest is reset.
///
/// Dropping it gives the port back at once, and resets what has come.
#[derive(Debug)]
pub struct VerifiedReservation<T> {
    registration: Arc<Registration>,
    /// Until it has told how it ended.
    verification: Option<Verification<T>>,
}

impl Mux {
    /// Reserves a port as [`reserve`](Self::reserve) does, for the first connection that
    /// `verifier` approves.
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
    pub async fn reserve_verified<T: Send + 'static>(
        &self,
        client: impl Into<Client>,
        verifier: Verifier<T>,
    ) -> Result<VerifiedReservation<T>, ReserveError> {
        let (session, end) = oneshot::channel();
        let delivery = Delivery::End(session);
        let registration = self.core.admit(client.into(), Matching::Identity, delivery).await?;
        let registration = Arc::new(registration);
        match verification::start(&registration, verifier, end) {
            Ok(verification) => {
                Ok(VerifiedReservation { registration, verification: Some(verification) })
            }
            Err(_) => {
                registration.cancel();
                Err(ReserveError::TableFull)
            }
        }
    }
}

impl<T> VerifiedReservation<T> {
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

    /// Waits for the connection that passes, and returns what the verifier made of it.
    ///
    /// After one was rejected, another is waited for as long as there are any that may still pass,
    /// and for `patience` when there are none.
    ///
    /// # Errors
    ///
    /// [`NotVerified::Rejected`] if none has passed, at the deadline or after `patience`. In the
    /// latter case the reservation stays. As [`Reservation::accept`](super::Reservation::accept)
    /// if none has come.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: if the future is dropped, nothing is lost, and the next call goes on waiting.
    pub async fn verified(&mut self, patience: Duration) -> Result<T, NotVerified> {
        let since = Instant::now();
        let Some(Verification { verified, progress, .. }) = &mut self.verification else {
            return Err(AcceptError::Delivered.into());
        };
        let ended = loop {
            let now = *progress.borrow_and_update();
            let give_up = now.rejected.filter(|_| now.candidates == 0);
            let give_up = give_up.map(|rejected| rejected.max(since) + patience);
            tokio::select! {
                biased;
                ended = &mut *verified => break ended,
                Ok(()) = progress.changed() => {}
                () = sleep_until(give_up.unwrap_or(since).into()), if give_up.is_some() => {
                    return Err(NotVerified::Rejected);
                }
            }
        };
        let last = *progress.borrow();
        self.verification = None;
        match ended {
            Ok(verified) => verified.take().map_err(|_| NotVerified::Rejected),
            Err(_) => {
                // Without an end, its task was lost.
                let why = last.end.unwrap_or(AcceptError::ShutDown);
                let nobody = last.rejected.is_none() || why == AcceptError::ShutDown;
                Err(if nobody { why.into() } else { NotVerified::Rejected })
            }
        }
    }

    /// Ends the reservation, and returns the connections that have come and were not rejected.
    /// Dropping a reservation resets them; with this, the session can close them in an orderly
    /// way. Bytes of theirs may have been read already.
    #[must_use = "dropping them closes the connections"]
    pub async fn end(mut self) -> Vec<TcpStream> {
        self.registration.give_up();
        let Some(verification) = self.verification.take() else { return Vec::new() };
        let Verification { verified, give_back, .. } = verification;
        let (give, given) = oneshot::channel();
        let _ = give_back.send(give);
        match given.await {
            Ok(connections) => connections,
            // One has passed, or all was over.
            Err(_) => {
                let connection = verified.await.ok().map(Verified::into_connection);
                connection.and_then(Result::ok).into_iter().collect()
            }
        }
    }
}

impl<T> Drop for VerifiedReservation<T> {
    fn drop(&mut self) {
        // What was claimed is pending no more. The task resets what has come when it finds the
        // other end of its channels gone.
        self.registration.give_up();
    }
}
