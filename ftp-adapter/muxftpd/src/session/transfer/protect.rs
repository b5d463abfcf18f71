//! TLS on a data connection, and whose connection that shows it to be.

use crate::observe::events::{Connection, Handshake};
use crate::observe::journal::Journal;
use crate::tls::{Direction, Refused, Session};
use mux_core::mux::{Filtered, Verifier};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// Why the last connection was refused that came for a reservation.
#[derive(Debug, Clone, Default)]
pub(in crate::session) struct Refusals(Arc<Mutex<Option<Refused>>>);

impl Refusals {
    fn add(&self, why: Refused) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    pub(super) fn take_last(&self) -> Option<Refused> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Which way the transfer goes that the session's client has asked for.
#[derive(Debug, Clone, Default)]
pub(in crate::session) struct Announced(Arc<Mutex<Option<Direction>>>);

impl Announced {
    pub(super) fn set(&self, direction: Direction) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(direction);
    }

    /// A client that begins TLS before its command may need the ticket, so that is what is assumed.
    fn or_to_client(&self) -> Direction {
        let announced = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        announced.unwrap_or(Direction::ToClient)
    }
}

/// What finds the connection that resumes the TLS session of the control connection. Those that
/// do not even offer to are rejected before they take part in a handshake.
pub(in crate::session) fn verifier(
    tls: &Session,
    journal: &Journal,
    refusals: &Refusals,
    announced: &Announced,
) -> Verifier<TlsStream<TcpStream>> {
    let filter = {
        let (tls, journal, refusals) = (tls.clone(), journal.clone(), refusals.clone());
        move |seen: &[u8]| {
            tls.filter(seen).unwrap_or_else(|why| {
                journal.handshake(Connection::Data, Handshake::Failed);
                refusals.add(why);
                Filtered::Reject
            })
        }
    };
    let (tls, journal, refusals) = (tls.clone(), journal.clone(), refusals.clone());
    let announced = announced.clone();
    let verify = move |stream| {
        let (tls, journal, refusals) = (tls.clone(), journal.clone(), refusals.clone());
        let direction = announced.or_to_client();
        async move {
            begin(&tls, direction, &journal, stream).await.map_err(|why| {
                let text = why.to_string();
                refusals.add(why);
                text
            })
        }
    };
    Verifier::new(verify).filtered_by(Session::MAX_HELLO_BYTES, filter)
}

/// Begins TLS on a data connection.
pub(super) async fn begin(
    tls: &Session,
    direction: Direction,
    journal: &Journal,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Refused> {
    // Else each record that follows another waits for an acknowledgement. Whatever cannot be set,
    // the transfer will tell.
    let _ = stream.set_nodelay(true);
    let begun = tls.accept(stream, direction).await;
    let how = begun.as_ref().map_or(Handshake::Failed, |(_, how)| *how);
    journal.handshake(Connection::Data, how);
    begun.map(|(stream, _)| stream)
}
