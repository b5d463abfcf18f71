//! One client: an address, a session, and cycles on it.

use super::UPLOADS;
use super::reply::{Replies, Reply};
use super::secure::{Secure, Sessions, Stream};
use super::workload::{Acks, Work};
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// No server that works is silent for so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a login over TLS is tried.
const HANDSHAKE_TRIES: usize = 6;
/// How much a client reads or writes at a time.
const CHUNK: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Client {
    address: Ipv4Addr,
    server: SocketAddr,
    login: Login,
    control: Stream,
    /// Its TLS sessions, where it uses TLS.
    sessions: Option<Sessions>,
    replies: Replies,
    chunk: Box<[u8]>,
}

/// Whom a client logs in as.
#[derive(Debug, Clone, Copy)]
pub(super) struct User {
    pub(super) name: &'static str,
    pub(super) password: &'static str,
}

impl User {
    pub(super) const ANONYMOUS: Self = Self { name: "anonymous", password: "guest@example.org" };
}

/// How a client logs in.
#[derive(Debug, Clone)]
pub(super) struct Login {
    pub(super) user: User,
    /// With `AUTH TLS` and `PROT P`.
    pub(super) secure: Option<Secure>,
}

/// How a cycle ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cycle {
    Done,
    /// The server had no port.
    Refused,
}

impl Client {
    /// Connects from `address` and logs in. What libunftp reads of a handshake as a command, in the
    /// moment after its reply to `AUTH`, is lost: so TLS is begun anew where it fails.
    pub(super) fn log_in(address: Ipv4Addr, server: SocketAddr, login: Login) -> io::Result<Self> {
        let tries = if login.secure.is_some() { HANDSHAKE_TRIES } else { 1 };
        for _ in 1..tries {
            if let Ok(client) = Self::try_log_in(address, server, login.clone()) {
                return Ok(client);
            }
        }
        Self::try_log_in(address, server, login)
    }

    fn try_log_in(address: Ipv4Addr, server: SocketAddr, login: Login) -> io::Result<Self> {
        let control = connect(address, server)?;
        control.set_nodelay(true)?;
        let mut client = Self {
            address,
            server,
            login,
            control: Stream::Plain(control),
            sessions: None,
            replies: Replies::new(),
            chunk: vec![b'x'; CHUNK].into(),
        };
        client.expect(&[220], Acks::Ordinary)?;
        if let Some(secure) = &client.login.secure {
            let sessions = secure.sessions();
            client.say("AUTH TLS", 234)?;
            let plain = client.control.socket().try_clone()?;
            client.control = sessions.begin(plain)?;
            client.sessions = Some(sessions);
        }
        let User { name, password } = client.login.user;
        client.say(&format!("USER {name}"), 331)?;
        client.say(&format!("PASS {password}"), 230)?;
        if client.sessions.is_some() {
            client.say("PBSZ 0", 200)?;
            client.say("PROT P", 200)?;
        }
        client.say("TYPE I", 200)?;
        Ok(client)
    }

    /// A command with one expected reply.
    fn say(&mut self, command: &str, code: u16) -> io::Result<()> {
        self.control.write_all(format!("{command}\r\n").as_bytes())?;
        self.expect(&[code], Acks::Ordinary)
    }

    /// Starts over after an error, which leaves a session in an unknown state.
    pub(super) fn renew(&mut self) -> io::Result<()> {
        *self = Self::log_in(self.address, self.server, self.login.clone())?;
        Ok(())
    }

    /// One transfer.
    pub(super) fn cycle(&mut self, work: &Work, acks: Acks) -> io::Result<Cycle> {
        self.control.write_all(b"PASV\r\n")?;
        let reply = self.reply(acks)?;
        if reply.code == 425 {
            return Ok(Cycle::Refused);
        }
        let port = reply.port().filter(|_| reply.code == 227).ok_or_else(|| unexpected(reply))?;
        let data = connect(self.address, SocketAddr::new(self.server.ip(), port))?;
        let command = match work {
            Work::List { command, directory } => format!("{command} {directory}\r\n"),
            Work::Retrieve { file, .. } => format!("RETR {file}\r\n"),
            Work::Store { .. } => {
                // The servers run as different users, who may not write to each other's files.
                format!("STOR {UPLOADS}/upload-{}-{}\r\n", self.server.port(), self.address)
            }
        };
        self.control.write_all(command.as_bytes())?;
        self.expect(&[150, 125], acks)?;
        let mut data = match &self.sessions {
            Some(sessions) => sessions.begin(data)?,
            None => Stream::Plain(data),
        };
        let whole = match work {
            Work::Store { size } => {
                self.send(&mut data, *size)?;
                true
            }
            Work::Retrieve { size, .. } => self.receive(&mut data, acks)? == *size,
            Work::List { .. } => self.receive(&mut data, acks)? > 0,
        };
        drop(data);
        self.expect(&[226], acks)?;
        if whole { Ok(Cycle::Done) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    fn send(&self, data: &mut Stream, size: u64) -> io::Result<()> {
        let mut left = size;
        while left > 0 {
            let count = left.min(CHUNK as u64);
            data.write_all(&self.chunk[..count as usize])?;
            left -= count;
        }
        data.finish()
    }

    fn receive(&mut self, data: &mut Stream, acks: Acks) -> io::Result<u64> {
        let mut received = 0;
        loop {
            let count = data.read(&mut self.chunk)?;
            acknowledge(data.socket(), acks)?;
            if count == 0 {
                return Ok(received);
            }
            received += count as u64;
        }
    }

    fn expect(&mut self, codes: &[u16], acks: Acks) -> io::Result<()> {
        let reply = self.reply(acks)?;
        if codes.contains(&reply.code) { Ok(()) } else { Err(unexpected(reply)) }
    }

    fn reply(&mut self, acks: Acks) -> io::Result<Reply<'_>> {
        let socket = self.control.socket().try_clone()?;
        self.replies.next(&mut self.control, || acknowledge(&socket, acks))
    }
}

/// Connects from an address of the loopback network.
pub(super) fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    // The port is then chosen for this one destination, which is quicker and never runs out.
    setsockopt(&socket, IpBindAddressNoPort, &true)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

fn acknowledge(stream: &TcpStream, acks: Acks) -> io::Result<()> {
    match acks {
        Acks::Ordinary => Ok(()),
        Acks::Quickack => SockRef::from(stream).set_tcp_quickack(true),
    }
}

fn unexpected(reply: Reply<'_>) -> io::Error {
    let line = String::from_utf8_lossy(reply.line);
    io::Error::other(format!("unexpected reply: {}", line.trim_end()))
}
