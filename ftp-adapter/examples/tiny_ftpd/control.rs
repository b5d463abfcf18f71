//! The control connection: command lines in, replies out.

use crate::tls::{self, Tls};
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// No command line, and no number of lines sent ahead, is longer.
const LONGEST: usize = 4096;

/// How long a client may take to read a reply.
const TO_READ: Duration = Duration::from_secs(30);

/// How long a client that was told to go has to do so. Closing first may cost it the last reply.
const TO_GO: Duration = Duration::from_millis(300);

/// What a client has said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Command(String),
    /// Something that is not UTF-8.
    Unreadable,
    /// More than fits.
    TooLong,
    /// Nothing more will come.
    End,
}

/// Why something did not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// The client has said `ABOR`.
    Abort,
    /// The client is gone.
    Gone,
    /// The server shuts down.
    ShuttingDown,
}

/// A control connection, plain or protected.
#[derive(Debug)]
pub(crate) struct Control {
    /// `None` only while TLS begins.
    stream: Option<Either<TcpStream, Box<TlsStream<TcpStream>>>>,
    /// What was read and not used yet.
    buffer: Vec<u8>,
}

impl Control {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        // Else each reply that follows another waits for the client's delayed acknowledgement.
        stream.set_nodelay(true)?;
        Ok(Self { stream: Some(Either::Left(stream)), buffer: Vec::new() })
    }

    pub(crate) fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        let stream = match self.stream.as_ref().ok_or(io::ErrorKind::NotConnected)? {
            Either::Left(plain) => plain,
            Either::Right(protected) => protected.get_ref().0,
        };
        Ok((stream.peer_addr()?, stream.local_addr()?))
    }

    pub(crate) fn is_protected(&self) -> bool {
        matches!(self.stream, Some(Either::Right(_)))
    }

    /// Whether more commands were sent already.
    pub(crate) fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next command line. Cancel-safe.
    pub(crate) async fn line(&mut self) -> io::Result<Line> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                return Ok(text(self.buffer.drain(..=end).as_slice()));
            }
            if self.buffer.len() >= LONGEST {
                return Ok(Line::TooLong);
            }
            if !self.read().await? {
                return Ok(Line::End);
            }
        }
    }

    /// Waits until the client says `ABOR` or is gone, while something else goes on. Other
    /// commands stay for later. Cancel-safe.
    pub(crate) async fn interrupted(&mut self) -> Interrupt {
        loop {
            if let Some((start, end)) = self.abort() {
                self.buffer.drain(start..end);
                return Interrupt::Abort;
            }
            if self.buffer.len() >= LONGEST {
                // What is ahead must be dealt with first.
                std::future::pending::<()>().await;
            }
            if !matches!(self.read().await, Ok(true)) {
                return Interrupt::Gone;
            }
        }
    }

    /// Where an `ABOR` stands in the buffer.
    fn abort(&self) -> Option<(usize, usize)> {
        let mut start = 0;
        for line in self.buffer.split_inclusive(|byte| *byte == b'\n') {
            let end = start + line.len();
            let is_abort = |line: &str| line.eq_ignore_ascii_case("ABOR");
            if line.ends_with(b"\n") && matches!(text(line), Line::Command(line) if is_abort(&line))
            {
                return Some((start, end));
            }
            start = end;
        }
        None
    }

    /// Reads more; `false` at the end.
    async fn read(&mut self) -> io::Result<bool> {
        let room = LONGEST - self.buffer.len().min(LONGEST);
        let read = match self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)? {
            Either::Left(plain) => {
                let mut piece = [0; LONGEST];
                let read = available(plain, &mut piece[..room]).await?;
                self.buffer.extend_from_slice(&piece[..read]);
                read
            }
            Either::Right(protected) => {
                protected.take(room as u64).read_buf(&mut self.buffer).await?
            }
        };
        Ok(read > 0)
    }

    /// Sends a reply. The text is everything after the code.
    pub(crate) async fn reply(&mut self, code: u16, text: impl Display) -> io::Result<()> {
        self.send(&format!("{code} {text}\r\n")).await
    }

    /// Sends a line, or several, as they are.
    pub(crate) async fn send(&mut self, lines: &str) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        timeout(TO_READ, async {
            stream.write_all(lines.as_bytes()).await?;
            stream.flush().await
        })
        .await?
    }

    /// Begins TLS, as after the 234 reply. Afterwards the connection is protected or closed.
    pub(crate) async fn protect(&mut self, tls: &Tls) -> io::Result<tls::Session> {
        let Some(Either::Left(stream)) = self.stream.take() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let (stream, session) = tls.begin(stream).await?;
        self.stream = Some(Either::Right(Box::new(stream)));
        Ok(session)
    }

    /// Ends the connection so that the last reply arrives.
    pub(crate) async fn close(mut self) {
        let Some(mut stream) = self.stream.take() else { return };
        let _ = timeout(TO_GO, async {
            stream.shutdown().await?;
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
        })
        .await;
    }
}

/// Reads what is there, once there is something. Of `ABOR` a part may be urgent (RFC 959, section
/// 4.1.3), and a read ends before that part, though there is more: what `AsyncRead` takes for the
/// sign that it must wait.
async fn available(stream: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        match stream.try_read(into) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}

/// Reads a line without its end. Before `ABOR`, clients send signs of the Telnet protocol, which
/// are no part of the command (RFC 959, section 4.1.3).
fn text(line: &[u8]) -> Line {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let signs = line.iter().take_while(|byte| **byte >= 0xf0).count();
    match str::from_utf8(&line[signs..]) {
        Ok(line) if !line.contains(['\0', '\r']) => Line::Command(line.to_owned()),
        _ => Line::Unreadable,
    }
}
