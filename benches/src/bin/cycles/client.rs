//! One client: an address, a session, and cycles on it.

use crate::options::Acks;
use crate::reply::{Replies, Reply};
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// No server that works is silent for so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// The file that is fetched; it has one byte.
pub(crate) const FILE: &str = "byte";

#[derive(Debug)]
pub(crate) struct Client {
    address: Ipv4Addr,
    server: SocketAddr,
    epsv: bool,
    control: TcpStream,
    replies: Replies,
}

/// How a cycle ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cycle {
    Done,
    /// The server had no port.
    Refused,
}

impl Client {
    /// Connects from `address` and logs in.
    pub(crate) fn log_in(address: Ipv4Addr, server: SocketAddr, epsv: bool) -> io::Result<Self> {
        let control = connect(address, server)?;
        control.set_nodelay(true)?;
        let mut client = Self { address, server, epsv, control, replies: Replies::new() };
        client.expect(220, Acks::Ordinary)?;
        for (command, code) in
            [("USER anonymous\r\n", 331), ("PASS guest@example.org\r\n", 230), ("TYPE I\r\n", 200)]
        {
            client.control.write_all(command.as_bytes())?;
            client.expect(code, Acks::Ordinary)?;
        }
        Ok(client)
    }

    /// Starts over after an error, which leaves a session in an unknown state.
    pub(crate) fn renew(&mut self) -> io::Result<()> {
        *self = Self::log_in(self.address, self.server, self.epsv)?;
        Ok(())
    }

    /// Fetches the file once.
    pub(crate) fn cycle(&mut self, acks: Acks) -> io::Result<Cycle> {
        let (command, code) = if self.epsv { ("EPSV\r\n", 229) } else { ("PASV\r\n", 227) };
        self.control.write_all(command.as_bytes())?;
        let reply = self.reply(acks)?;
        if reply.code == 425 {
            return Ok(Cycle::Refused);
        }
        let port = reply.port().filter(|_| reply.code == code).ok_or_else(|| unexpected(reply))?;
        let mut data = connect(self.address, SocketAddr::new(self.server.ip(), port))?;
        self.control.write_all(b"RETR byte\r\n")?;
        self.expect(150, acks)?;

        let mut bytes = [0; 64];
        let mut received = 0;
        loop {
            let count = data.read(&mut bytes)?;
            acknowledge(&data, acks)?;
            if count == 0 {
                break;
            }
            received += count;
        }
        drop(data);
        self.expect(226, acks)?;
        if received == 1 { Ok(Cycle::Done) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    fn expect(&mut self, code: u16, acks: Acks) -> io::Result<()> {
        let reply = self.reply(acks)?;
        if reply.code == code { Ok(()) } else { Err(unexpected(reply)) }
    }

    fn reply(&mut self, acks: Acks) -> io::Result<Reply<'_>> {
        self.replies.next(&self.control, || acknowledge(&self.control, acks))
    }
}

fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
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
