//! TLS on control and data connections (RFC 4217).

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::ServerSessionMemoryCache;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// TLS as all sessions share it.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    provider: Arc<CryptoProvider>,
    /// Whether data connections must resume their session's TLS session.
    session_required: bool,
}

/// The TLS of one session. It tells data connections of this session from those of others: what
/// is in a resumption ticket can only come from who got it, and who got it is the one that has
/// the keys of the control connection.
#[derive(Clone)]
pub(crate) struct Session {
    tls: Tls,
    /// In the tickets that are issued from now on.
    own: Arc<[u8]>,
    /// In the ticket that the control connection itself has resumed, if it did. The client may go
    /// on using that one.
    resumed: Option<Arc<[u8]>>,
}

impl Tls {
    pub(crate) fn new(
        certificate: &Path,
        key: &Path,
        session_required: bool,
    ) -> Result<Self, String> {
        let cannot_read = |path: &Path, error: &dyn std::fmt::Display| {
            format!("cannot read {} as PEM: {error}", path.display())
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| cannot_read(certificate, &error))?;
        if chain.is_empty() {
            return Err(format!("there is no certificate in {}", certificate.display()));
        }
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| cannot_read(key, &error))?;

        let provider = Arc::new(ring::default_provider());
        let wrong = |error: rustls::Error| {
            format!("cannot use {} with {}: {error}", certificate.display(), key.display())
        };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(wrong)?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(wrong)?;
        // Clients resume the session of the control connection on data connections: with tickets,
        // or, over TLS 1.2, with session numbers.
        config.ticketer = ring::Ticketer::new().map_err(wrong)?;
        config.session_storage = ServerSessionMemoryCache::new(16_384);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self { acceptor, provider, session_required })
    }

    /// Begins TLS on a control connection.
    pub(crate) async fn begin(
        &self,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Session)> {
        let mut own = [0; 32];
        self.provider
            .secure_random
            .fill(&mut own)
            .map_err(|_| io::Error::other("no randomness"))?;
        let stream = self.accept(stream, &own).await?;
        let resumed = stream.get_ref().1.received_resumption_data().map(Arc::from);
        Ok((stream, Session { tls: self.clone(), own: Arc::new(own), resumed }))
    }

    async fn accept(&self, stream: TcpStream, session: &[u8]) -> io::Result<TlsStream<TcpStream>> {
        let accept = self.acceptor.accept_with(stream, |tls| tls.set_resumption_data(session));
        timeout(HANDSHAKE, accept).await?
    }
}

impl Session {
    /// Whether [`accept`](Self::accept) rejects other clients, so that it must be asked about
    /// each connection.
    pub(crate) fn verifies(&self) -> bool {
        self.tls.session_required
    }

    /// Begins TLS on a data connection, and sees whose it is.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let stream = self.tls.accept(stream, &self.own).await?;
        let received = stream.get_ref().1.received_resumption_data();
        let is_own = received.is_some_and(|received| {
            received == &*self.own || Some(received) == self.resumed.as_deref()
        });
        if self.tls.session_required && !is_own {
            return Err(io::Error::other("it resumes no TLS session of the control connection"));
        }
        Ok(stream)
    }
}
