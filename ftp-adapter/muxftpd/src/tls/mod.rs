//! TLS on control and data connections (RFC 4217).

mod error;

pub use error::TlsError;

use crate::observe::events::Handshake;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerSessionMemoryCache;
use rustls::{CipherSuite, HandshakeKind, InconsistentKeys, ServerConfig};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// TLS sessions without tickets that are remembered for each FTP session.
const MAX_REMEMBERED: usize = 64;

/// A certificate and its key, which can be exchanged for others.
#[derive(Debug)]
pub struct Tls {
    config: RwLock<Arc<ServerConfig>>,
    session_required: bool,
}

/// The TLS of one FTP session. Its tickets are its own, and nobody else's are taken: so whoever
/// resumes a TLS session here got the ticket on the control connection, and has its keys.
#[derive(Debug)]
pub struct Session {
    to_client: Arc<ServerConfig>,
    from_client: Arc<ServerConfig>,
    session_required: bool,
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

impl Tls {
    /// Reads a certificate with its chain, and its key, both in PEM. With `session_required`, data
    /// connections must resume the TLS session of their control connection.
    ///
    /// # Errors
    ///
    /// [`TlsError`] says which of the files is no good, and why.
    pub fn from_pem_files(
        certificate: &Path,
        key: &Path,
        session_required: bool,
    ) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| TlsError::reading("certificate", certificate, error))?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate { path: certificate.to_owned() });
        }
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| match error {
            pem::Error::NoItemsFound => TlsError::NoKey { path: key.to_owned() },
            error => TlsError::reading("key", key, error),
        })?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret))
            .map_err(|error| {
                let (certificate, key) = (certificate.to_owned(), key.to_owned());
                match error {
                    rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                        TlsError::Mismatch { certificate, key }
                    }
                    error => TlsError::Unusable { certificate, key, error },
                }
            })?;
        config.ignore_client_order = true;
        Ok(Self { config: RwLock::new(Arc::new(config)), session_required })
    }

    /// Has the control connections that begin TLS from now on use the certificate of `other`.
    pub fn renew(&self, other: &Self) {
        let config = other.config();
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins TLS on a control connection.
    ///
    /// # Errors
    ///
    /// When the handshake fails.
    pub async fn begin(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, Session)> {
        // Clients resume the session of the control connection on data connections: with tickets,
        // or, over TLS 1.2, with session numbers.
        let mut control = (*self.config()).clone();
        control.ticketer = ring::Ticketer::new().map_err(io::Error::other)?;
        control.session_storage = ServerSessionMemoryCache::new(MAX_REMEMBERED);
        // Many clients use a ticket of TLS 1.3 once, so each data connection gives them the next.
        // But one that uploads may read nothing. A ticket that waits there when it closes makes the
        // kernel reset the connection, and the client's last bytes may be lost.
        let mut to_client = control.clone();
        to_client.send_tls13_tickets = 1;
        let mut from_client = control.clone();
        from_client.send_tls13_tickets = usize::from(self.session_required);
        let stream = TlsAcceptor::from(Arc::new(control)).accept(stream).await?;
        let session_required = self.session_required;
        let (to_client, from_client) = (Arc::new(to_client), Arc::new(from_client));
        Ok((stream, Session { to_client, from_client, session_required }))
    }
}

impl Session {
    /// Whether [`accept`](Self::accept) rejects other clients, so that it must be asked about
    /// each connection.
    pub fn verifies(&self) -> bool {
        self.session_required
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
        let config = match direction {
            Direction::ToClient => &self.to_client,
            Direction::FromClient => &self.from_client,
        };
        let acceptor = TlsAcceptor::from(Arc::clone(config));
        let stream = acceptor.accept(stream).await.map_err(Refused::Handshake)?;
        if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
            return Ok((stream, Handshake::Resumed));
        }
        if self.session_required { Err(Refused::NotResumed) } else { Ok((stream, Handshake::Full)) }
    }
}

/// Most clients put AES-256 with SHA-384 first. A handshake hashes far more than it encrypts, and
/// processors have instructions for SHA-256: AES-128 comes first here.
fn provider() -> CryptoProvider {
    use CipherSuite::{
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        TLS13_AES_128_GCM_SHA256,
    };
    let mut provider = ring::default_provider();
    provider.cipher_suites.sort_by_key(|suite| {
        !matches!(
            suite.suite(),
            TLS13_AES_128_GCM_SHA256
                | TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                | TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        )
    });
    provider
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake(error) => error.fmt(f),
            Self::NotResumed => f.write_str("it resumes no TLS session of its control connection"),
        }
    }
}
