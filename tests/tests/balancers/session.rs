//! One client's session, in each of the ways that there are.

use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use mux_tests::Client;
use mux_tests::guard::HANG;
use socket2::{Domain, Socket, Type};
use suppaftp::rustls::pki_types::CertificateDer;
use suppaftp::rustls::pki_types::pem::PemObject;
use suppaftp::rustls::{self, ClientConfig, ClientConnection, RootCertStore};
use suppaftp::types::{FileType, Mode};
use suppaftp::{FtpError, FtpResult, RustlsConnector, RustlsFtpStream};

use crate::bed::{self, IPV4, IPV6, WHO};

/// How a client goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) is_ipv4: bool,
    pub(crate) mode: Mode,
    pub(crate) is_tls: bool,
}

impl Manner {
    /// All there are: PASV needs IPv4.
    pub(crate) const ALL: [Self; 6] = [
        Self { is_ipv4: true, mode: Mode::Passive, is_tls: false },
        Self { is_ipv4: true, mode: Mode::ExtendedPassive, is_tls: false },
        Self { is_ipv4: false, mode: Mode::ExtendedPassive, is_tls: false },
        Self { is_ipv4: true, mode: Mode::Passive, is_tls: true },
        Self { is_ipv4: true, mode: Mode::ExtendedPassive, is_tls: true },
        Self { is_ipv4: false, mode: Mode::ExtendedPassive, is_tls: true },
    ];

    /// Where the `n`th client comes from, and what it connects to.
    pub(crate) fn addresses(self, n: u16) -> (IpAddr, SocketAddr) {
        let (ipv4, ipv6) = bed::client(n);
        if self.is_ipv4 { (ipv4, IPV4) } else { (ipv6, IPV6) }
    }
}

/// A session that is logged in, and which server it is with.
pub(crate) struct Session {
    ftp: RustlsFtpStream,
    pub(crate) server: usize,
}

impl Session {
    /// The `n`th client logs in.
    pub(crate) fn start(n: u16, manner: Manner, authority: &Path) -> FtpResult<Self> {
        let (source, to) = manner.addresses(n);
        let control = connect(source, to).map_err(FtpError::ConnectionError)?;
        let mut ftp =
            RustlsFtpStream::connect_with_stream(control)?.passive_stream_builder(move |to| {
                connect(source, to).map_err(FtpError::ConnectionError)
            });
        if manner.is_tls {
            // One for each session: it remembers tickets.
            let mut roots = RootCertStore::empty();
            let authority = CertificateDer::from_pem_file(authority).expect("a certificate");
            roots.add(authority).expect("a certificate");
            let config =
                ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
            ftp = ftp.into_secure(RustlsConnector::from(Arc::new(config)), "localhost")?;
        }
        ftp.set_mode(manner.mode);
        ftp.login("anonymous", "guest@example.com")?;
        ftp.transfer_type(FileType::Binary)?;
        // The control connection says which server it has reached.
        let server = ftp.size(WHO)?;
        Ok(Self { ftp, server })
    }

    /// Fetches a file, and sees that it comes from the same server.
    pub(crate) fn transfer(&mut self) -> FtpResult<()> {
        let bytes = self.ftp.retr_as_buffer(WHO)?.into_inner();
        let own = self.server.to_string().repeat(self.server);
        assert_eq!(String::from_utf8_lossy(&bytes), own, "another server's data");
        Ok(())
    }

    pub(crate) fn quit(mut self) -> FtpResult<()> {
        self.ftp.quit()
    }
}

/// What the `n`th client is greeted with in a connection that begins with TLS.
pub(crate) fn greeting_within_tls(n: u16, to: SocketAddr, authority: &Path) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).expect("a certificate")).expect("one");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let mut tls = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut stream = connect(bed::client(n).0, to).expect("a connection");
    let mut line = String::new();
    let mut within = BufReader::new(rustls::Stream::new(&mut tls, &mut stream));
    within.read_line(&mut line).expect("a greeting");
    line
}

fn connect(source: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect_timeout(&to.into(), HANG)?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(HANG))?;
    stream.set_write_timeout(Some(HANG))?;
    Ok(stream)
}

/// A download that has begun, and stays where it is until [`finish`](Self::finish).
pub(crate) struct Download {
    n: u16,
    manner: Manner,
    client: Client,
    data: mux_tests::Data,
    pub(crate) server: usize,
}

impl Download {
    /// The `n`th client begins one.
    pub(crate) fn start(n: u16, manner: Manner) -> Self {
        let (source, to) = manner.addresses(n);
        let mut client = Client::login(source, to);
        let size = client.expect(&format!("SIZE {WHO}"), 213);
        let server = size.lines[0].trim().rsplit(' ').next().and_then(|size| size.parse().ok());
        let port = match manner.mode {
            // Some servers name their own address, not the balancer's.
            Mode::Passive => client.expect("PASV", 227).passive_address(),
            _ => client.epsv(),
        };
        let mut data = mux_tests::Data::connect_narrow(source, port).expect("a data connection");
        client.expect("RETR long", 150);
        data.read_some(1).expect("the first byte");
        Self { n, manner, client, data, server: server.expect("a size") }
    }

    /// Whose it is, and how it goes about it.
    pub(crate) fn client(&self) -> (u16, Manner) {
        (self.n, self.manner)
    }

    /// Reads the rest.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        let rest = self.data.read_to_end().expect("the transfer goes on");
        assert_eq!(rest.len() + 1, bed::LONG);
        self.client.expect_reply(226);
    }
}
