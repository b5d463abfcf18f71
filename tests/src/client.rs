//! An FTP client that does one thing at a time and says what it saw.

use std::io::{self, BufReader, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};

use socket2::SockRef;

use crate::data::{self, Data};
use crate::reply::Reply;

/// The two ways to ask for a passive port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passive {
    /// `PASV`, IPv4 only.
    Pasv,
    /// `EPSV`, both families.
    Epsv,
}

impl Passive {
    /// The command.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Pasv => "PASV",
            Self::Epsv => "EPSV",
        }
    }

    /// The code of the reply that names a port.
    #[must_use]
    pub fn granted(self) -> u16 {
        match self {
            Self::Pasv => 227,
            Self::Epsv => 229,
        }
    }
}

/// One session: a control connection, and where it comes from.
///
/// Dropping it closes the control connection with a FIN and nothing else, as [`Client::fin`].
#[derive(Debug)]
pub struct Client {
    control: BufReader<TcpStream>,
    source: IpAddr,
    server: SocketAddr,
}

impl Client {
    /// Connects from `source` and reads the greeting.
    ///
    /// # Errors
    ///
    /// When no connection comes about or it ends before the greeting.
    pub fn connect(source: IpAddr, server: SocketAddr) -> io::Result<Self> {
        let mut client = Self::connect_silently(source, server)?;
        match client.reply()? {
            Reply { code: 220, .. } => Ok(client),
            other => Err(io::Error::other(format!("not a greeting: {other}"))),
        }
    }

    /// Connects from `source` and leaves the greeting unread.
    ///
    /// # Errors
    ///
    /// Those of `connect`.
    pub fn connect_silently(source: IpAddr, server: SocketAddr) -> io::Result<Self> {
        let control = BufReader::new(data::connect(source, server, None)?);
        Ok(Self { control, source, server })
    }

    /// A session logged in as `anonymous`.
    ///
    /// # Panics
    ///
    /// When it does not come about.
    #[must_use]
    #[track_caller]
    pub fn login(source: IpAddr, server: SocketAddr) -> Self {
        match Self::try_login(source, server) {
            Ok(client) => client,
            Err(error) => panic!("{source} cannot log in at {server}: {error}"),
        }
    }

    /// A session logged in as `anonymous`, in binary mode.
    ///
    /// # Errors
    ///
    /// When the connection is refused or lost, or a reply is not the one asked for.
    pub fn try_login(source: IpAddr, server: SocketAddr) -> io::Result<Self> {
        let mut client = Self::connect(source, server)?;
        for (command, wanted) in
            [("USER anonymous", 331), ("PASS guest@example.com", 230), ("TYPE I", 200)]
        {
            client.send(command)?;
            let reply = client.reply()?;
            if reply.code != wanted {
                return Err(io::Error::other(format!("{command}: {reply}")));
            }
        }
        Ok(client)
    }

    /// The address this client comes from.
    #[must_use]
    pub fn source(&self) -> IpAddr {
        self.source
    }

    /// Where the control connection goes.
    #[must_use]
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// The near end of the control connection.
    ///
    /// # Panics
    ///
    /// When the socket has none.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.control.get_ref().local_addr().expect("a connected socket has an address")
    }

    /// Sends a command without waiting for its reply.
    ///
    /// # Errors
    ///
    /// When the control connection is lost.
    pub fn send(&mut self, command: &str) -> io::Result<()> {
        self.send_part(&format!("{command}\r\n"))
    }

    /// Sends text as it is, which need not be a whole command.
    ///
    /// # Errors
    ///
    /// When the control connection is lost.
    pub fn send_part(&mut self, text: &str) -> io::Result<()> {
        self.send_bytes(text.as_bytes())
    }

    /// Sends bytes as they are, which need not be text.
    ///
    /// # Errors
    ///
    /// When the control connection is lost.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.control.get_mut().write_all(bytes)
    }

    /// Sends bytes of which the last is urgent, as Telnet has it.
    ///
    /// # Errors
    ///
    /// When the control connection is lost.
    pub fn send_urgent(&mut self, bytes: &[u8]) -> io::Result<()> {
        SockRef::from(self.control.get_ref()).send_out_of_band(bytes).map(drop)
    }

    /// The next reply.
    ///
    /// # Errors
    ///
    /// When the control connection ends first or what comes is no reply.
    pub fn reply(&mut self) -> io::Result<Reply> {
        Reply::read(&mut self.control)
    }

    /// Whether no reply, and no end either, has come so far.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.control.buffer().is_empty() && data::is_silent(self.control.get_ref())
    }

    /// Sends a command and returns its reply.
    ///
    /// # Panics
    ///
    /// When the control connection is lost.
    #[track_caller]
    pub fn command(&mut self, command: &str) -> Reply {
        match self.send(command).and_then(|()| self.reply()) {
            Ok(reply) => reply,
            Err(error) => panic!("{} sent {command} and got: {error}", self.source),
        }
    }

    /// Sends a command whose reply must have this code.
    ///
    /// # Panics
    ///
    /// When it has another.
    #[track_caller]
    pub fn expect(&mut self, command: &str, code: u16) -> Reply {
        let reply = self.command(command);
        assert_eq!(reply.code, code, "{} sent {command} and got {reply}", self.source);
        reply
    }

    /// Waits for a reply that must have this code.
    ///
    /// # Panics
    ///
    /// When it has another, or the control connection is lost.
    #[track_caller]
    pub fn expect_reply(&mut self, code: u16) -> Reply {
        match self.reply() {
            Ok(reply) if reply.code == code => reply,
            other => panic!("{} waited for {code} and got {other:?}", self.source),
        }
    }

    /// Asks for a passive port: where to connect to, or the refusal.
    ///
    /// # Errors
    ///
    /// The reply, when it refuses.
    ///
    /// # Panics
    ///
    /// When a reply that grants a port is not to the letter, or names another host than the one
    /// the control connection goes to.
    #[track_caller]
    pub fn passive(&mut self, how: Passive) -> Result<SocketAddr, Reply> {
        let reply = self.command(how.command());
        self.granted(how, reply)
    }

    /// Reads the reply to a PASV or EPSV that was sent before.
    ///
    /// # Errors
    ///
    /// The reply, when it refuses.
    ///
    /// # Panics
    ///
    /// As [`passive`](Self::passive), and when the control connection is lost.
    #[track_caller]
    pub fn passive_reply(&mut self, how: Passive) -> Result<SocketAddr, Reply> {
        match self.reply() {
            Ok(reply) => self.granted(how, reply),
            Err(error) => panic!("{} waited for a passive port and got: {error}", self.source),
        }
    }

    #[track_caller]
    fn granted(&self, how: Passive, reply: Reply) -> Result<SocketAddr, Reply> {
        if reply.is_refusal() {
            return Err(reply);
        }
        let address = match how {
            Passive::Pasv => reply.passive_address(),
            Passive::Epsv => reply.extended_passive_address(self.server.ip()),
        };
        assert_eq!(address.ip(), self.server.ip(), "{reply} names another host");
        Ok(address)
    }

    /// PASV that must be granted.
    ///
    /// # Panics
    ///
    /// When it is refused.
    #[track_caller]
    pub fn pasv(&mut self) -> SocketAddr {
        match self.passive(Passive::Pasv) {
            Ok(address) => address,
            Err(reply) => panic!("{} was refused a port: {reply}", self.source),
        }
    }

    /// EPSV that must be granted.
    ///
    /// # Panics
    ///
    /// When it is refused.
    #[track_caller]
    pub fn epsv(&mut self) -> SocketAddr {
        match self.passive(Passive::Epsv) {
            Ok(address) => address,
            Err(reply) => panic!("{} was refused a port: {reply}", self.source),
        }
    }

    /// Opens the data connection from this client's own address.
    ///
    /// # Panics
    ///
    /// When it does not come about.
    #[must_use]
    #[track_caller]
    pub fn open(&self, to: SocketAddr) -> Data {
        match Data::connect(self.source, to) {
            Ok(data) => data,
            Err(error) => panic!("{} cannot reach {to}: {error}", self.source),
        }
    }

    /// Sends `command` and reads all its data from a connection that is open already.
    ///
    /// # Panics
    ///
    /// When the transfer does not begin with 150 and end in order with 226.
    #[track_caller]
    pub fn receive(&mut self, data: Data, command: &str) -> Vec<u8> {
        self.expect(command, 150);
        let bytes = match data.read_to_end() {
            Ok(bytes) => bytes,
            Err(error) => panic!("{} lost its data of {command}: {error}", self.source),
        };
        self.expect_reply(226);
        bytes
    }

    /// Connects to a granted port and downloads a file.
    ///
    /// # Panics
    ///
    /// As [`receive`](Self::receive).
    #[track_caller]
    pub fn retr_from(&mut self, port: SocketAddr, name: &str) -> Vec<u8> {
        let data = self.open(port);
        self.receive(data, &format!("RETR {name}"))
    }

    /// Downloads a file, PASV and all.
    ///
    /// # Panics
    ///
    /// When a port is refused, and as [`receive`](Self::receive).
    #[track_caller]
    pub fn retr(&mut self, name: &str) -> Vec<u8> {
        let port = self.pasv();
        self.retr_from(port, name)
    }

    /// Lists the directory, PASV and all.
    ///
    /// # Panics
    ///
    /// As [`retr`](Self::retr).
    #[track_caller]
    pub fn list(&mut self) -> String {
        let port = self.pasv();
        let data = self.open(port);
        String::from_utf8_lossy(&self.receive(data, "LIST")).into_owned()
    }

    /// Uploads a file, PASV and all.
    ///
    /// # Panics
    ///
    /// When a port or the file is refused or the transfer does not end in order.
    #[track_caller]
    pub fn stor(&mut self, name: &str, bytes: &[u8]) {
        let port = self.pasv();
        let data = self.open(port);
        self.expect(&format!("STOR {name}"), 150);
        if let Err(error) = data.write_all(bytes) {
            panic!("{} could not send {name}: {error}", self.source);
        }
        self.expect_reply(226);
    }

    /// Ends the session with QUIT.
    ///
    /// # Panics
    ///
    /// When it is not answered with 221.
    #[track_caller]
    pub fn quit(mut self) {
        self.expect("QUIT", 221);
    }

    /// Ends the session by closing the control connection without a word.
    pub fn fin(self) {
        drop(self);
    }

    /// Ends only the sending direction of the control connection.
    ///
    /// # Panics
    ///
    /// When the connection is gone already.
    pub fn half_close(&self) {
        let control = self.control.get_ref();
        control.shutdown(Shutdown::Write).expect("an open connection has a direction to close");
    }

    /// Ends the session by resetting the control connection.
    pub fn reset(self) {
        data::reset(self.control.into_inner());
    }
}
