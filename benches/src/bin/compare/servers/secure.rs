//! TLS on the clients' side, which each client resumes as it would with any server.

use mux_tests::certificate::Certificate;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// What all clients know of TLS.
#[derive(Debug, Clone)]
pub(super) struct Secure(ClientConfig);

/// A connection, plain or in TLS.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Secure(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// What one client resumes: its own sessions and no others.
#[derive(Debug, Clone)]
pub(super) struct Sessions(Arc<ClientConfig>);

impl Secure {
    pub(super) fn trusting(certificate: &Certificate) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(&certificate.authority);
        roots.add(authority.map_err(io::Error::other)?).map_err(io::Error::other)?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(config))
    }

    pub(super) fn sessions(&self) -> Sessions {
        let mut config = self.0.clone();
        config.resumption = Resumption::in_memory_sessions(8);
        Sessions(Arc::new(config))
    }
}

impl Sessions {
    /// Makes the handshake.
    pub(super) fn begin(&self, mut stream: TcpStream) -> io::Result<Stream> {
        let name = ServerName::try_from("localhost").expect("a name");
        let config = Arc::clone(&self.0);
        let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(Stream::Secure(Box::new(StreamOwned::new(connection, stream))))
    }
}

impl Stream {
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Secure(stream) => stream.get_ref(),
        }
    }

    /// Says that this was all, so that it can be told from a connection that broke.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if let Self::Secure(stream) = self {
            stream.conn.send_close_notify();
            stream.flush()?;
        }
        self.socket().shutdown(std::net::Shutdown::Write)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Secure(stream) => match stream.read(buffer) {
                // Some servers end without close_notify; the size tells whether all came.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                read => read,
            },
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Secure(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Secure(stream) => stream.flush(),
        }
    }
}
