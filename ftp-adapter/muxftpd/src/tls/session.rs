//! The TLS of one FTP session's data connections.

use super::client_hello::{self, Start};
#[cfg(target_os = "linux")]
use super::corked;
use super::names::SessionNames;
use crate::observe::events::Handshake;
use mux_core::mux::Filtered;
use rustls::{HandshakeKind, ServerConfig};
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The TLS of one FTP session. Its tickets are its own, and nobody else's are taken: so a
/// client that resumes a TLS session here got the ticket on the control connection, and has its
/// keys.
#[derive(Debug, Clone)]
pub struct Session {
    pub(super) to_client: Arc<ServerConfig>,
    pub(super) from_client: Arc<ServerConfig>,
    pub(super) names: Arc<SessionNames>,
    pub(super) session_required: bool,
}

/// Which way the bytes of a data connection go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A download or a listing: the client reads until the end.
    ToClient,
    /// An upload: many clients read nothing.
    FromClient,
}

/// Why a data connection is not taken.
#[derive(Debug)]
pub enum Refused {
    /// The handshake failed.
    Handshake(io::Error),
    /// It does not resume the TLS session of the control connection, as it has to.
    NotResumed,
}

impl Session {
    /// How many bytes of a connection [`filter`](Self::filter) may want to see. The longest hellos
    /// of clients have some two thousand.
    pub const MAX_HELLO_BYTES: usize = 16 * 1024;

    /// Whether [`accept`](Self::accept) rejects other clients, so that it must be asked about
    /// each connection.
    pub fn verifies(&self) -> bool {
        self.session_required
    }

    /// Tells from the first bytes of a data connection that it cannot be this session's: it offers
    /// to resume none of the TLS sessions that have their names from here.
    ///
    /// That it offers one proves nothing, and says nothing about which FTP session it is for:
    /// clients share what they resume between their control connections.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn filter(&self, seen: &[u8]) -> Result<Filtered, Refused> {
        match client_hello::read(seen) {
            Start::NeedMore => Ok(Filtered::NeedMore),
            Start::NoHello => Err(Refused::Handshake(io::ErrorKind::InvalidData.into())),
            Start::Hello(names) if names.iter().any(|name| self.names.include(name)) => {
                Ok(Filtered::Pass)
            }
            Start::Hello(_) => Err(Refused::NotResumed),
        }
    }

    /// Begins TLS on a data connection, and sees whose it is.
    ///
    /// # Errors
    ///
    /// When the handshake fails, or resumes nothing though it must.
    pub async fn accept(
        &self,
        stream: TcpStream,
        direction: Direction,
    ) -> Result<(TlsStream<TcpStream>, Handshake), Refused> {
        let accept =
            |config: &Arc<ServerConfig>| TlsAcceptor::from(Arc::clone(config)).accept(stream);
        let accepted = match direction {
            #[cfg(target_os = "linux")]
            Direction::ToClient if !self.session_required => {
                corked::accept(accept(&self.to_client)).await
            }
            Direction::ToClient => accept(&self.to_client).await,
            Direction::FromClient => accept(&self.from_client).await,
        };
        let stream = accepted.map_err(Refused::Handshake)?;
        if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
            return Ok((stream, Handshake::Resumed));
        }
        if self.session_required { Err(Refused::NotResumed) } else { Ok((stream, Handshake::Full)) }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake(error) => error.fmt(f),
            Self::NotResumed => f.write_str("it resumes no TLS session of its control connection"),
        }
    }
}
