//! Data connections as a client opens them, and the ways they end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use crate::guard::HANG;

/// How a connection that carried no data ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nobody listened.
    Refused,
    /// The server reset it.
    Reset,
    /// The server closed it in order.
    Closed,
}

/// A data connection.
#[derive(Debug)]
pub struct Data {
    stream: TcpStream,
}

impl Data {
    /// Connects from `source` to `to`.
    ///
    /// # Errors
    ///
    /// Those of `connect`.
    pub fn connect(source: IpAddr, to: SocketAddr) -> io::Result<Self> {
        Ok(Self { stream: connect(source, to, None)? })
    }

    /// Connects with a receive buffer that does not grow, so that a server with several megabytes
    /// to send must wait for its reader.
    ///
    /// # Errors
    ///
    /// Those of `connect`.
    pub fn connect_narrow(source: IpAddr, to: SocketAddr) -> io::Result<Self> {
        Self::connect_with_window(source, to, 64 << 10)
    }

    /// Connects with a receive buffer of so many bytes, which does not grow.
    ///
    /// # Errors
    ///
    /// Those of `connect`.
    pub fn connect_with_window(source: IpAddr, to: SocketAddr, bytes: usize) -> io::Result<Self> {
        Ok(Self { stream: connect(source, to, Some(bytes))? })
    }

    /// All that comes, to the end.
    ///
    /// # Errors
    ///
    /// When the connection does not end in order.
    pub fn read_to_end(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// All that comes, to the end, whatever that is.
    #[must_use]
    pub fn all_that_comes(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // What came before an error is there.
        let _ = self.stream.read_to_end(&mut bytes);
        bytes
    }

    /// Exactly `count` bytes.
    ///
    /// # Errors
    ///
    /// When the connection ends first.
    pub fn read_some(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Sends `bytes`, and more may follow.
    ///
    /// # Errors
    ///
    /// When the connection is lost first.
    pub fn write_some(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends `bytes`, then ends the connection in order.
    ///
    /// # Errors
    ///
    /// When the connection is lost first.
    pub fn write_all(mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.shutdown(Shutdown::Write)
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        reset(self.stream);
    }

    /// Whether neither a byte nor the end has come so far.
    ///
    /// # Panics
    ///
    /// When the socket cannot be looked at.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        is_silent(&self.stream)
    }
}

/// Waits for the end of a connection that must not be served.
///
/// # Panics
///
/// When a byte arrives, or neither byte nor end within [`HANG`].
#[track_caller]
#[must_use]
pub fn unserved(connection: io::Result<Data>) -> Ending {
    let mut bytes = Vec::new();
    let error = match connection {
        Ok(mut data) => data.stream.read_to_end(&mut bytes).err(),
        Err(error) => Some(error),
    };
    assert!(bytes.is_empty(), "got {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
    match error.as_ref().map(io::Error::kind) {
        None => Ending::Closed,
        Some(ErrorKind::ConnectionReset) => Ending::Reset,
        Some(ErrorKind::ConnectionRefused) => Ending::Refused,
        Some(_) => panic!("neither served nor ended: {error:?}"),
    }
}

/// A connection from `source` to `to`, with [`HANG`] as the guard of every later read and write.
pub(crate) fn connect(
    source: IpAddr,
    to: SocketAddr,
    receive_buffer: Option<usize>,
) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    // Before connect, because the window is agreed on there.
    if let Some(size) = receive_buffer {
        socket.set_recv_buffer_size(size)?;
    }
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect_timeout(&to.into(), HANG)?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(HANG))?;
    stream.set_write_timeout(Some(HANG))?;
    Ok(stream)
}

/// Closes `stream` with a reset instead of a FIN.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("the linger time can be set");
    drop(stream);
}

/// Whether `stream` has neither a byte to read nor an end.
pub(crate) fn is_silent(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("the socket can be switched");
    let peeked = stream.peek(&mut [0]);
    stream.set_nonblocking(false).expect("the socket can be switched");
    matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
}
