//! TLS on control and data connections (RFC 4217).

pub mod client_hello;
#[cfg(target_os = "linux")]
mod corked;
mod error;
mod names;
mod session;
#[cfg(test)]
mod tests;

pub use error::TlsError;
pub use session::{Direction, Refused, Session};

use names::SessionNames;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CipherSuite, InconsistentKeys, ServerConfig};
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Tickets for clients that use each once and must resume: as many uploads one after the other
/// need no new one. Clients keep no more.
const UPLOAD_TICKETS: usize = 8;

/// A certificate and its key, which can be exchanged for others.
#[derive(Debug)]
pub struct Tls {
    config: RwLock<Arc<ServerConfig>>,
    session_required: bool,
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
        // Clients resume the session of the control connection on data connections. What they
        // would send before the handshake is over (0-RTT) is not taken: somebody could send it
        // again.
        let mut control = (*self.config()).clone();
        control.max_early_data_size = 0;
        let names = SessionNames::given_by(&mut control).map_err(io::Error::other)?;
        // Many clients use a ticket of TLS 1.3 once, so each download gives them the next. But one
        // that uploads may read nothing. A ticket that waits there when it closes makes the kernel
        // reset the connection, and the client's last bytes may be lost.
        let mut to_client = control.clone();
        to_client.send_tls13_tickets = 1;
        let mut from_client = control.clone();
        from_client.send_tls13_tickets = 0;
        if self.session_required {
            control.send_tls13_tickets = UPLOAD_TICKETS;
        }
        let stream = TlsAcceptor::from(Arc::new(control)).accept(stream).await?;
        let session = Session {
            to_client: Arc::new(to_client),
            from_client: Arc::new(from_client),
            names: Arc::new(names),
            session_required: self.session_required,
        };
        Ok((stream, session))
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
