//! A pending reservation whose connection is delivered as a stream.

use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::accept::reset;
use super::errors::AcceptError;
use super::registration::Registration;
use crate::Client;

/// One session's right to the next connection from its client to its port.
///
/// Dropping it gives the port back at once: nothing is delivered afterwards, and a connection
/// that had come but was not taken is reset.
#[derive(Debug)]
pub struct Reservation {
    pub(super) registration: Registration,
    /// `None` once the connection, or the reservation's end, was delivered.
    pub(super) arrival: Option<oneshot::Receiver<Result<TcpStream, AcceptError>>>,
}

impl Reservation {
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

    /// Waits for the client's connection. From the moment it is matched, the port is free for
    /// the client's next reservation.
    ///
    /// The stream is as accepted: no options set, no bytes read.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Expired`] at the deadline, [`AcceptError::ShutDown`] when the mux is shut
    /// down. [`AcceptError::Delivered`] if an earlier call has returned the connection or one
    /// of those errors.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: if the future is dropped, nothing is lost, and the next call goes on waiting.
    pub async fn accept(&mut self) -> Result<TcpStream, AcceptError> {
        let arrival = self.arrival.as_mut().ok_or(AcceptError::Delivered)?;
        // The table drops what it holds only with the mux itself.
        let arrived = arrival.await.unwrap_or(Err(AcceptError::ShutDown));
        self.arrival = None;
        arrived
    }

    /// Ends the reservation, and returns the connection if it has come but was not taken. Dropping
    /// a reservation resets it; with this, the session can close it in an orderly way.
    #[must_use = "dropping it closes the connection"]
    pub fn end(mut self) -> Option<TcpStream> {
        let mut arrival = self.arrival.take()?;
        if self.registration.give_up() {
            return None;
        }
        // It was claimed. From here on the accept path cannot deliver, and resets.
        arrival.close();
        arrival.try_recv().ok()?.ok()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let Some(arrival) = &mut self.arrival else { return };
        if self.registration.give_up() {
            return;
        }
        // It was claimed. From here on the accept path cannot deliver, and resets; what it had
        // delivered is reset here.
        arrival.close();
        if let Ok(Ok(stream)) = arrival.try_recv() {
            reset(&stream);
        }
    }
}
