//! TLS on control and data connections (RFC 4217).

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::ServerSessionMemoryCache;
use tokio_rustls::rustls::{self, HandshakeKind, ServerConfig};
use tokio_rustls::server::TlsStream;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// TLS as all sessions share it.
#[derive(Clone)]
pub(crate) struct Tls {
    config: ServerConfig,
    /// Whether data connections must resume their session's TLS session.
    session_required: bool,
}

/// The TLS of one session. Its tickets are its own, and nobody else's are taken: so whoever resumes
/// a TLS session here got the ticket on the control connection, and has its keys.
#[derive(Clone)]
pub(crate) struct Session {
    data: TlsAcceptor,
    session_required: bool,
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

        let wrong = |error: rustls::Error| {
            format!("cannot use {} with {}: {error}", certificate.display(), key.display())
        };
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(wrong)?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(wrong)?;
        Ok(Self { config, session_required })
    }

    /// Begins TLS on a control connection.
    pub(crate) async fn begin(
        &self,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Session)> {
        // Clients resume the session of the control connection on data connections: with tickets,
        // or, over TLS 1.2, with session numbers.
        let mut control = self.config.clone();
        control.ticketer = ring::Ticketer::new().map_err(io::Error::other)?;
        control.session_storage = ServerSessionMemoryCache::new(64);
        let mut data = control.clone();
        // Many clients that upload read nothing on the data connection. A ticket that waits there
        // when they close makes the kernel reset it, and their last bytes may be lost. But some
        // use a ticket once, and where they must resume they need the next.
        if !self.session_required {
            data.send_tls13_tickets = 0;
        }

        let stream = accept(&Arc::new(control).into(), stream).await?;
        let data = TlsAcceptor::from(Arc::new(data));
        Ok((stream, Session { data, session_required: self.session_required }))
    }
}

async fn accept(acceptor: &TlsAcceptor, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    timeout(HANDSHAKE, acceptor.accept(stream)).await?
}

impl Session {
    /// Whether [`accept`](Self::accept) rejects other clients, so that it must be asked about
    /// each connection.
    pub(crate) fn verifies(&self) -> bool {
        self.session_required
    }

    /// Begins TLS on a data connection, and sees whose it is.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let stream = accept(&self.data, stream).await?;
        let resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
        if self.session_required && !resumed {
            return Err(io::Error::other("it resumes no TLS session of the control connection"));
        }
        Ok(stream)
    }
}
