//! suppaftp, in Rust, with rustls.

use std::io::{Cursor, Read};
use std::sync::Arc;
use std::time::Duration;

use mux_tests::Program::{self, Muxftpd};
use mux_tests::Security::{self, Plain, Tls};
use mux_tests::Way::{self, Ipv4Epsv, Ipv4Pasv, Ipv6Epsv};
use mux_tests::needs;
use mux_tests::{Endpoint, Passive, files};
use rstest::rstest;
use suppaftp::rustls::pki_types::CertificateDer;
use suppaftp::rustls::pki_types::pem::PemObject;
use suppaftp::rustls::{ClientConfig, RootCertStore};
use suppaftp::types::{FileType, Mode};
use suppaftp::{FtpResult, RustlsConnector, RustlsFtpStream};

use crate::{LENGTH, has_arrived, server};

/// A session that is logged in.
fn session(to: &Endpoint) -> RustlsFtpStream {
    let mut session = connection(to).unwrap();
    session.set_mode(match to.passive {
        Passive::Pasv => Mode::Passive,
        Passive::Epsv => Mode::ExtendedPassive,
    });
    session.login("anonymous", "guest@example.com").unwrap();
    session.transfer_type(FileType::Binary).unwrap();
    session
}

/// A control connection, in TLS where that is wanted.
fn connection(to: &Endpoint) -> FtpResult<RustlsFtpStream> {
    let session = RustlsFtpStream::connect(to.control)?;
    if let Some(authority) = to.authority() {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let connector = RustlsConnector::from(Arc::new(config));
        // Where the beginning of the handshake was lost, both ends wait for the other.
        session.get_ref().set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        return session.into_secure(connector, &to.control.ip().to_string());
    }
    Ok(session)
}

#[rstest]
fn does_it_all(
    #[values(Muxftpd)] program: Program,
    #[values(Ipv4Pasv, Ipv4Epsv, Ipv6Epsv)] way: Way,
    #[values(Plain, Tls)] security: Security,
) {
    needs!(program, way);
    let server = server(program, security);
    let mut session = session(&Endpoint::new(&server, way, security));
    assert!(session.list(None).unwrap().iter().any(|line| line.ends_with(" down")));
    let mut names = session.nlst(None).unwrap();
    names.sort_unstable();
    assert_eq!(names, ["directory", "down", "empty"]);
    files::assert_own("down", LENGTH, session.retr_as_buffer("down").unwrap().get_ref());
    assert_eq!(session.retr_as_buffer("empty").unwrap().get_ref(), b"");

    let mut rest = Vec::new();
    session.resume_transfer(100_000).unwrap();
    let mut stream = session.retr_as_stream("down").unwrap();
    stream.read_to_end(&mut rest).unwrap();
    stream.finish().unwrap();
    assert_eq!(rest, files::content("down", LENGTH)[100_000..]);

    let mut bytes = Cursor::new(files::content("up", LENGTH));
    assert_eq!(session.put_file("up", &mut bytes).unwrap(), LENGTH as u64);
    has_arrived(&server, "up", "up", LENGTH);
    assert_eq!(session.put_file("nothing", &mut Cursor::new(b"")).unwrap(), 0);
    has_arrived(&server, "nothing", "nothing", 0);

    assert!(session.retr_as_buffer("missing").is_err());
    session.cwd("directory").unwrap();
    files::assert_own("inside", LENGTH, session.retr_as_buffer("inside").unwrap().get_ref());
    session.quit().unwrap();
}
