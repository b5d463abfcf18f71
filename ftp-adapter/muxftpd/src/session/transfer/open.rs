//! The data connection: awaited, and put into TLS.

use crate::observe::events::{Connection, Handshake};
use crate::observe::journal::Journal;
use crate::session::reply::Reply;
use crate::session::transfer::data::Stream;
use crate::tls::{self, Direction, Refused};
use ftp_adapter::PassiveSession;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::sleep;

/// How long the right connection is waited for after a wrong one.
const REJECTED_TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no data connection.
#[derive(Debug)]
pub(super) enum NotOpened {
    /// There was none in time.
    Passive(ftp_adapter::Reply),
    /// Its handshake failed.
    Handshake(io::Error),
    /// It does not resume the TLS session of the control connection.
    NotResumed,
}

/// Waits for the data connection, and begins TLS on it where `tls` says so.
///
/// # Cancel safety
///
/// If the future is dropped, the reservation stays, or the connection is reset.
pub(super) async fn open(
    mode: &mut PassiveSession,
    tls: Option<&tls::Session>,
    direction: Direction,
    journal: &Journal,
) -> Result<Stream, NotOpened> {
    let Some(tls) = tls else {
        let stream = mode.data_connection().await.map_err(NotOpened::Passive)?;
        return Ok(Stream::Plain(stream));
    };
    let refused: Mutex<Option<Refused>> = Mutex::new(None);
    let has_refused = Notify::new();
    let begin = |stream: TcpStream| {
        let (refused, has_refused) = (&refused, &has_refused);
        async move {
            // Else each record that follows another waits for an acknowledgement. Whatever cannot
            // be set, the transfer will tell.
            let _ = stream.set_nodelay(true);
            match tls.accept(stream, direction).await {
                Ok((stream, how)) => {
                    journal.handshake(Connection::Data, how);
                    Ok(stream)
                }
                Err(why) => {
                    journal.handshake(Connection::Data, Handshake::Failed);
                    let text = why.to_string();
                    *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                    has_refused.notify_one();
                    Err(text)
                }
            }
        }
    };
    // Where connections are chosen from, the reservation stays for the right one. But a client that
    // has been told 150 connects at once, and waits for its reply.
    let rejected = async {
        has_refused.notified().await;
        sleep(REJECTED_TIMEOUT).await;
    };
    let opened = tokio::select! {
        biased;
        opened = mode.data_connection_verified(begin) => opened,
        () = rejected => Err(ftp_adapter::Reply::NotVerified),
    };
    if opened.is_err() {
        mode.end_reservation();
    }
    let refused = refused.into_inner().unwrap_or_else(PoisonError::into_inner);
    match (opened, refused) {
        (Ok(stream), _) => Ok(Stream::Tls(Box::new(stream))),
        (Err(ftp_adapter::Reply::NotVerified), Some(Refused::NotResumed)) => {
            Err(NotOpened::NotResumed)
        }
        (Err(ftp_adapter::Reply::NotVerified), Some(Refused::Handshake(error))) => {
            Err(NotOpened::Handshake(error))
        }
        (Err(ftp_adapter::Reply::NotVerified), None) => {
            Err(NotOpened::Handshake(io::ErrorKind::TimedOut.into()))
        }
        (Err(reply), _) => Err(NotOpened::Passive(reply)),
    }
}

impl NotOpened {
    /// What the client is told: 522 where to try again is of no use (RFC 4217).
    pub(super) fn reply(&self) -> Reply {
        match self {
            Self::Passive(reply) => reply.into(),
            Self::NotResumed => {
                Reply::new(522, "Data connections must resume the control connection's session.")
            }
            Self::Handshake(error) if is_loss(error) => {
                Reply::new(425, "The data connection was lost in its TLS handshake.")
            }
            Self::Handshake(_) => Reply::new(522, "TLS negotiation failed."),
        }
    }
}

fn is_loss(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected, TimedOut, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | NotConnected | TimedOut | UnexpectedEof)
}
