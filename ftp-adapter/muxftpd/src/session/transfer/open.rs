//! The data connection: awaited, and put into TLS.

use crate::observe::journal::Journal;
use crate::session::passive::PassiveMode;
use crate::session::reply::Reply;
use crate::session::transfer::data::Stream;
use crate::session::transfer::protect;
use crate::tls::{self, Direction, Refused};
use socket2::SockRef;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

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

/// Waits for the data connection, and begins TLS on it where `tls` says so. Where `tls` insists on
/// the client's own, that has begun as the connection came.
///
/// # Cancel safety
///
/// If the future is dropped, the reservation stays, or the connection is reset.
pub(super) async fn open(
    passive: &mut PassiveMode,
    tls: Option<&tls::Session>,
    direction: Direction,
    journal: &Journal,
) -> Result<Stream, NotOpened> {
    match tls {
        Some(tls) if tls.verifies() => match passive.mode.verified_connection().await {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err(ftp_adapter::Reply::NotVerified) => {
                passive.mode.end_reservation();
                let lost = || Refused::Handshake(io::ErrorKind::UnexpectedEof.into());
                Err(passive.refusals.take_last().unwrap_or_else(lost).into())
            }
            Err(reply) => Err(NotOpened::Passive(reply)),
        },
        Some(tls) => {
            let stream = passive.mode.data_connection().await.map_err(NotOpened::Passive)?;
            Ok(Stream::Tls(Box::new(protect(tls, direction, journal, stream).await?)))
        }
        None => {
            let stream = passive.mode.data_connection().await.map_err(NotOpened::Passive)?;
            Ok(Stream::Plain(stream))
        }
    }
}

/// Begins TLS on any connection. If that fails, it is reset.
async fn protect(
    tls: &tls::Session,
    direction: Direction,
    journal: &Journal,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, NotOpened> {
    stream.set_zero_linger().map_err(NotOpened::Handshake)?;
    let stream = timeout(HANDSHAKE_TIMEOUT, protect::begin(tls, direction, journal, stream))
        .await
        .map_err(|_| NotOpened::Handshake(io::ErrorKind::TimedOut.into()))??;
    // From here on closing must not lose what was sent.
    SockRef::from(stream.get_ref().0).set_linger(None).map_err(NotOpened::Handshake)?;
    Ok(stream)
}

impl From<Refused> for NotOpened {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Handshake(error) => Self::Handshake(error),
            Refused::NotResumed => Self::NotResumed,
        }
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
