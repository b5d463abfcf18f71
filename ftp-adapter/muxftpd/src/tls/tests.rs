//! Whose data connections are taken, with rustls as the client.

use super::*;
use crate::observe::events::Handshake;
use mux_core::mux::Filtered;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::version;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use std::fs;
use std::io::Cursor;
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::{TlsConnector, client};

/// Trusts everybody: this is not about certificates.
#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn name() -> ServerName<'static> {
    ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST))
}

/// A client that remembers TLS sessions, as clients do that share them between connections.
fn client(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let mut client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting))
        .with_no_client_auth();
    client.resumption = Resumption::in_memory_sessions(8);
    client.enable_early_data = true;
    Arc::new(client)
}

fn tls() -> Tls {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (directory.path().join("certificate"), directory.path().join("key"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    Tls::from_pem_files(&certificate, &key, true).unwrap()
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let there = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (listener.accept().await.unwrap().0, there)
}

/// Begins TLS on a control connection, and lets the client see its tickets.
async fn log_in(tls: &Tls, client: &Arc<ClientConfig>) -> Session {
    let (here, there) = pair().await;
    let connect = TlsConnector::from(Arc::clone(client)).connect(name(), there);
    let (begun, connected) = tokio::join!(tls.begin(here), connect);
    let ((mut here, session), mut there) = (begun.unwrap(), connected.unwrap());
    here.write_all(b"220\r\n").await.unwrap();
    there.read_exact(&mut [0; 5]).await.unwrap();
    session
}

/// The hello that the client would begin its next connection with.
fn hello(client: &Arc<ClientConfig>) -> Vec<u8> {
    first_words(&mut rustls::ClientConnection::new(Arc::clone(client), name()).unwrap())
}

fn first_words(connection: &mut rustls::ClientConnection) -> Vec<u8> {
    let mut hello = Cursor::new(Vec::new());
    connection.write_tls(&mut hello).unwrap();
    hello.into_inner()
}

async fn connect(
    session: &Session,
    client: &Arc<ClientConfig>,
) -> (Result<Handshake, Refused>, io::Result<client::TlsStream<TcpStream>>) {
    let (here, there) = pair().await;
    let connect = TlsConnector::from(Arc::clone(client)).connect(name(), there);
    let (accepted, connected) = tokio::join!(session.accept(here, Direction::ToClient), connect);
    (accepted.map(|(_, how)| how), connected)
}

#[tokio::test]
async fn the_session_of_the_control_connection_passes_and_no_other() {
    for version in [&version::TLS12, &version::TLS13] {
        let tls = tls();
        let (own, other) = (client(version), client(version));
        let session = log_in(&tls, &own).await;
        let _others = log_in(&tls, &other).await;
        let whole = hello(&own);
        for end in 0..whole.len() {
            assert_eq!(session.filter(&whole[..end]).unwrap(), Filtered::NeedMore, "{end}");
        }
        assert_eq!(session.filter(&whole).unwrap(), Filtered::Pass, "{version:?}");
        for foreign in [hello(&other), hello(&client(version))] {
            assert!(matches!(session.filter(&foreign), Err(Refused::NotResumed)), "{version:?}");
        }
        assert!(matches!(session.filter(b"GET / HTTP/1.1\r\n"), Err(Refused::Handshake(_))));

        let (accepted, connected) = connect(&session, &own).await;
        assert_eq!((accepted.unwrap(), connected.is_ok()), (Handshake::Resumed, true));
    }
}

/// The name of a session alone is worth nothing.
#[tokio::test]
async fn a_name_without_its_keys_does_not_pass() {
    let tls = tls();
    let own = client(&version::TLS13);
    let session = log_in(&tls, &own).await;
    let mut forged = hello(&own);
    // The binder, which its keys have made, is the end of the hello.
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(session.filter(&forged).unwrap(), Filtered::Pass);
    let (here, mut there) = pair().await;
    there.write_all(&forged).await.unwrap();
    assert!(matches!(session.accept(here, Direction::ToClient).await, Err(Refused::Handshake(_))));
}

/// What is sent before the handshake is over could be sent again by somebody else. No ticket
/// invites a client to do so, however much it would like to.
#[tokio::test]
async fn no_ticket_invites_early_data() {
    let tls = tls();
    let own = client(&version::TLS13);
    let session = log_in(&tls, &own).await;
    assert_eq!(session.to_client.max_early_data_size, 0);
    assert_eq!(session.from_client.max_early_data_size, 0);
    let mut next = rustls::ClientConnection::new(Arc::clone(&own), name()).unwrap();
    assert!(next.early_data().is_none());
    assert_eq!(session.filter(&first_words(&mut next)).unwrap(), Filtered::Pass, "it has a ticket");
}
