//! TLS on control and data connections (RFC 4217), each session by itself.

use super::tickets::FirstConnectionOnly;
use mux_core::Client;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{InconsistentKeys, SignatureAlgorithm, SignatureScheme};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, PoisonError, RwLock};
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// TLS sessions without tickets that are remembered for each FTP session.
const REMEMBERED: usize = 32;

/// A certificate and its key, for [`MuxServer::tls`](super::MuxServer::tls).
///
/// The files are read once; [`renew`](Self::renew) puts others in their place. Clones share the
/// certificate. Each session gets secrets of its own for resuming, so that what a data
/// connection resumes can only be a TLS session of its own control connection.
#[derive(Debug, Clone)]
pub struct Tls {
    certified: Arc<RwLock<Arc<CertifiedKey>>>,
    provider: Arc<CryptoProvider>,
    required: bool,
    session_required: bool,
}

impl Tls {
    /// Reads a certificate with its chain, and its key, both in PEM.
    ///
    /// # Errors
    ///
    /// [`TlsError`] says which of the files is no good, and why. That the key is not the
    /// certificate's is found here too.
    pub fn from_pem_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
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
        let provider = Arc::new(ring::default_provider());
        let certified = CertifiedKey::from_der(chain, secret, &provider).map_err(|error| {
            let (certificate, key) = (certificate.to_owned(), key.to_owned());
            match error {
                rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    TlsError::Mismatch { certificate, key }
                }
                error => TlsError::Unusable { certificate, key, error },
            }
        })?;
        let certified = Arc::new(RwLock::new(Arc::new(certified)));
        Ok(Self { certified, provider, required: false, session_required: false })
    }

    /// Has the sessions that begin from now on use the certificate of `other`, with all clones of
    /// this.
    pub fn renew(&self, other: &Self) {
        let certified = other.certified();
        *self.certified.write().unwrap_or_else(PoisonError::into_inner) = certified;
    }

    fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether logins and data connections without TLS are refused; off by default.
    #[must_use]
    pub fn required(mut self, on: bool) -> Self {
        self.required = on;
        self
    }

    /// Whether data connections are refused that do not resume the TLS session of their own
    /// control connection; off by default. Nobody else behind the client's address can then take
    /// its place. A session in which that is tried is ended: libunftp would leave it without a
    /// reply.
    #[must_use]
    pub fn session_required(mut self, on: bool) -> Self {
        self.session_required = on;
        self
    }

    /// For one session of `client`: the configuration that libunftp is to use, and what can be
    /// seen of its use.
    pub(super) fn session(
        &self,
        client: Client,
    ) -> Result<(Arc<ServerConfig>, Arc<SessionTls>), rustls::Error> {
        let session = Arc::new(SessionTls {
            client,
            required: self.required,
            begun: AtomicBool::new(false),
            fresh: AtomicBool::new(false),
            refused: CancellationToken::new(),
        });
        let mut certified = self.certified();
        if self.session_required {
            let key = Arc::clone(&certified.key);
            let once = Once { key, used: AtomicBool::new(false), session: Arc::clone(&session) };
            certified = Arc::new(CertifiedKey::new(certified.cert.clone(), Arc::new(once)));
        }
        let resolver = Resolver { certified, session: Arc::clone(&session) };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        let tickets = ring::Ticketer::new()?;
        config.ticketer = if self.session_required {
            tickets
        } else {
            Arc::new(FirstConnectionOnly::new(tickets))
        };
        config.session_storage = ServerSessionMemoryCache::new(REMEMBERED);
        Ok((Arc::new(config), session))
    }

    pub(super) fn is_required(&self) -> bool {
        self.required
    }
}

/// What is known of one session's TLS from outside of libunftp.
#[derive(Debug)]
pub(super) struct SessionTls {
    client: Client,
    required: bool,
    begun: AtomicBool,
    /// A handshake has begun since the last port was lent or the last transfer was let through.
    fresh: AtomicBool,
    refused: CancellationToken,
}

impl SessionTls {
    /// Whether the control connection may be in TLS, so that plain text must not be sent on it.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(SeqCst)
    }

    /// A port is lent: handshakes of before do not count for its connection.
    pub(super) fn port_lent(&self) {
        self.fresh.store(false, SeqCst);
    }

    /// Whether the transfer that begins may go on. libunftp 0.24 refuses `PASV` without `PROT P`
    /// where TLS is required, but not `EPSV`. It has completed a handshake on a data connection in
    /// TLS before it asks the storage for anything.
    pub(super) fn lets_transfer(&self) -> bool {
        self.fresh.swap(false, SeqCst) || !self.required
    }

    /// Waits until a data connection was refused for resuming nothing.
    pub(super) async fn refused(&self) {
        self.refused.cancelled().await;
    }
}

/// Gives out the certificate, and sees each handshake begin.
#[derive(Debug)]
struct Resolver {
    certified: Arc<CertifiedKey>,
    session: Arc<SessionTls>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.session.begun.store(true, SeqCst);
        self.session.fresh.store(true, SeqCst);
        Some(Arc::clone(&self.certified))
    }
}

/// A key that signs once. A handshake that resumes needs no signature, so after the control
/// connection's own only those succeed.
#[derive(Debug)]
struct Once {
    key: Arc<dyn SigningKey>,
    used: AtomicBool,
    session: Arc<SessionTls>,
}

impl SigningKey for Once {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        if self.used.swap(true, SeqCst) {
            let client = self.session.client;
            debug!(%client, "a data connection resumes no TLS session of its control connection");
            self.session.refused.cancel();
            return None;
        }
        self.key.choose_scheme(offered)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }
}

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read the {what} {}: {error}", path.display())]
    Unreadable {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// A file is not PEM.
    #[error("the {what} {} is not in PEM: {error}", path.display())]
    NotPem {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        error: pem::Error,
    },
    /// There is no certificate in the file.
    #[error("there is no certificate in {}: give the certificate, followed by its chain, in PEM", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no key in the file.
    #[error("there is no private key in {}: give the certificate's key in PEM, not encrypted", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key belongs to another certificate.
    #[error("the key in {} is not that of the certificate in {}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate or the key is of a kind that cannot be used.
    #[error("cannot use the certificate {} with the key {}: {error}", certificate.display(), key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
}

impl TlsError {
    fn reading(what: &'static str, path: &Path, error: pem::Error) -> Self {
        let path = path.to_owned();
        match error {
            pem::Error::Io(error) => Self::Unreadable { what, path, error },
            error => Self::NotPem { what, path, error },
        }
    }
}
