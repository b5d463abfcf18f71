//! The control connection: command lines in, replies out.

use crate::session::reply::Reply;
use crate::session::telnet;
use crate::tls::{self, Tls};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// No command line, and no number of lines sent ahead, is longer.
pub const MAX_LINE: usize = 4096;

/// So much of a line that is too long is passed over to find its end.
const MAX_PASSED_OVER: usize = 64 * 1024;

/// How long a client may take to read a reply.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client that was told to go has to do so. Closing first may cost it the last reply.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// A peer that is gone without a word (its NAT forgot it, its power failed) is noticed after two
/// minutes of silence: 60 s, then 4 probes 15 s apart.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 4;

/// What a client has said.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A line, without its end and without what belongs to Telnet.
    Command(Vec<u8>),
    /// More than fits; what is left of it is passed over.
    TooLong,
    /// More than is passed over.
    Endless,
    /// Nothing more will come.
    End,
}

/// Why something does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// The client has said `ABOR`.
    Abort,
    /// The client has said `STAT`, and nothing behind it.
    Status,
    /// The client is gone.
    Gone,
    /// The server shuts down.
    ShuttingDown,
}

type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// A control connection, plain or protected.
#[derive(Debug)]
pub struct Control {
    /// `None` only while TLS begins or ends, and when that has failed.
    stream: Option<Stream>,
    /// What was read and not used yet.
    buffer: Vec<u8>,
    /// Whether nothing more will come.
    has_ended: bool,
    /// How much was passed over of a line that was too long, if its end is still to come.
    passed_over: Option<usize>,
}

impl Control {
    /// Takes over a control connection.
    ///
    /// # Errors
    ///
    /// When it is over already.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        // Else each reply that follows another waits for the client's delayed acknowledgement.
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        // Clients send `ABOR` as urgent data, or a part of it: it is to stay where it belongs.
        socket.set_out_of_band_inline(true)?;
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE_AFTER)
            .with_interval(KEEPALIVE_EVERY)
            .with_retries(KEEPALIVE_PROBES);
        socket.set_tcp_keepalive(&keepalive)?;
        let stream = Some(Either::Left(stream));
        Ok(Self { stream, buffer: Vec::new(), has_ended: false, passed_over: None })
    }

    /// Whether it is in TLS.
    pub fn is_protected(&self) -> bool {
        matches!(self.stream, Some(Either::Right(_)))
    }

    /// Whether more was sent already.
    pub fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next command line.
    ///
    /// # Errors
    ///
    /// When the connection fails.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: what was read is kept.
    pub async fn line(&mut self) -> io::Result<Line> {
        loop {
            let end = memchr::memchr(b'\n', &self.buffer);
            match (end, &mut self.passed_over) {
                (Some(end), None) => {
                    return Ok(Line::Command(telnet::line(self.buffer.drain(..=end).as_slice())));
                }
                (Some(end), Some(_)) => {
                    self.buffer.drain(..=end);
                    self.passed_over = None;
                    continue;
                }
                (None, Some(passed_over)) => {
                    *passed_over += self.buffer.len();
                    self.buffer.clear();
                    if *passed_over > MAX_PASSED_OVER {
                        return Ok(Line::Endless);
                    }
                }
                (None, None) if self.buffer.len() >= MAX_LINE => {
                    self.buffer.clear();
                    self.passed_over = Some(0);
                    return Ok(Line::TooLong);
                }
                (None, None) => {}
            }
            if !self.read().await? {
                return Ok(Line::End);
            }
        }
    }

    /// Waits until the client says `ABOR` or `STAT`, or is gone, while something else goes on.
    /// Other commands stay for later.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: what was read is kept.
    pub async fn interrupted(&mut self) -> Interrupt {
        loop {
            if let Some(interrupt) = self.take_interrupt() {
                return interrupt;
            }
            if self.has_ended && self.has_quit() {
                // It has said all that it has to say, and waits for the end of the transfer.
                std::future::pending::<()>().await;
            }
            if self.is_gone() {
                return Interrupt::Gone;
            }
            self.read_ahead().await;
        }
    }

    /// Waits until the client is gone, while something else goes on. Commands stay for later.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: what was read is kept.
    pub async fn gone(&mut self) {
        while !self.is_gone() {
            self.read_ahead().await;
        }
    }

    fn is_gone(&self) -> bool {
        self.has_ended || self.stream.is_none()
    }

    /// Whether `QUIT` is among the commands for later.
    fn has_quit(&self) -> bool {
        let mut lines = self.buffer.split_inclusive(|byte| *byte == b'\n');
        lines.any(|line| telnet::line(line).trim_ascii_end().eq_ignore_ascii_case(b"QUIT"))
    }

    /// Reads more, unless as much is there as may be: that must be dealt with first.
    async fn read_ahead(&mut self) {
        if self.buffer.len() >= MAX_LINE {
            std::future::pending::<()>().await;
        }
        match self.read().await {
            Ok(more) => self.has_ended = !more,
            Err(_) => self.stream = None,
        }
    }

    /// Takes the first command from the buffer that is not for later.
    fn take_interrupt(&mut self) -> Option<Interrupt> {
        let mut start = 0;
        while let Some(length) = memchr::memchr(b'\n', &self.buffer[start..]) {
            let end = start + length + 1;
            let line = telnet::line(&self.buffer[start..end]);
            let interrupt = match line.trim_ascii_end() {
                line if line.eq_ignore_ascii_case(b"ABOR") => Some(Interrupt::Abort),
                line if line.eq_ignore_ascii_case(b"STAT") => Some(Interrupt::Status),
                _ => None,
            };
            if interrupt.is_some() {
                self.buffer.drain(start..end);
                return interrupt;
            }
            start = end;
        }
        None
    }

    /// Reads more; `false` at the end.
    async fn read(&mut self) -> io::Result<bool> {
        let room = MAX_LINE - self.buffer.len().min(MAX_LINE);
        let read = match self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)? {
            Either::Left(plain) => {
                let mut piece = [0; MAX_LINE];
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

    /// Sends a reply.
    ///
    /// # Errors
    ///
    /// When the connection fails, or the client does not read.
    pub async fn reply(&mut self, reply: &Reply) -> io::Result<()> {
        self.send(reply.as_bytes()).await
    }

    /// Sends lines as they are.
    ///
    /// # Errors
    ///
    /// As [`reply`](Self::reply).
    pub async fn send(&mut self, lines: &[u8]) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        timeout(WRITE_TIMEOUT, async {
            stream.write_all(lines).await?;
            stream.flush().await
        })
        .await?
    }

    /// Begins TLS, as after the 234 reply. Afterwards the connection is protected or closed.
    ///
    /// # Errors
    ///
    /// When the handshake fails.
    pub async fn protect(&mut self, tls: &Tls, most: Duration) -> io::Result<tls::Session> {
        let Some(Either::Left(stream)) = self.stream.take() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let (stream, session) = timeout(most, tls.begin(stream)).await??;
        self.stream = Some(Either::Right(Box::new(stream)));
        Ok(session)
    }

    /// Ends TLS, as after the reply to `REIN` (RFC 4217, section 11). Afterwards the connection
    /// is plain or closed.
    ///
    /// # Errors
    ///
    /// When the client does not end it, too.
    pub async fn unprotect(&mut self) -> io::Result<()> {
        let Some(Either::Right(mut stream)) = self.stream.take() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        // What was said before the end was said in private.
        self.buffer.clear();
        timeout(WRITE_TIMEOUT, async {
            stream.get_mut().1.send_close_notify();
            stream.flush().await?;
            let (plain, protected) = stream.get_mut();
            until_its_end(plain, protected).await
        })
        .await??;
        self.stream = Some(Either::Left(stream.into_inner().0));
        Ok(())
    }

    /// Ends the connection so that the last reply arrives.
    pub async fn close(mut self) {
        let Some(mut stream) = self.stream.take() else { return };
        let _ = timeout(CLOSE_TIMEOUT, async {
            stream.shutdown().await?;
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
        })
        .await;
    }
}

/// Reads until the peer ends TLS, one record after the other: what comes behind is plain already.
async fn until_its_end(
    stream: &mut TcpStream,
    tls: &mut rustls::ServerConnection,
) -> io::Result<()> {
    const HEADER: usize = 5;
    loop {
        let mut record = vec![0; HEADER];
        stream.read_exact(&mut record).await?;
        let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
        record.resize(HEADER + length, 0);
        stream.read_exact(&mut record[HEADER..]).await?;
        let mut rest = record.as_slice();
        while !rest.is_empty() {
            tls.read_tls(&mut rest)?;
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            if state.peer_has_closed() {
                return Ok(());
            }
            if state.plaintext_bytes_to_read() > 0 {
                return Err(io::Error::other("a command behind REIN in TLS"));
            }
        }
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
