//! A data connection, plain or in TLS.

use crate::session::transfer::Broken;
use crate::session::transfer::idle::Idle;
use crate::session::transfer::quick::Quick;
use std::future::poll_fn;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncWrite;
#[cfg(target_os = "linux")]
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::server::TlsStream;
use tokio_util::io::poll_read_buf;
use tokio_util::task::TaskTracker;

/// A connection as it was opened.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// A thread has it, or had it when it failed.
    Lent,
}

/// A data connection that is given up when its peer is silent for too long.
#[derive(Debug)]
pub(super) struct Data {
    stream: Stream,
    idle: Idle,
    /// Whether an end of TLS must come before that of the connection.
    strict_close: bool,
    moved: Arc<AtomicU64>,
    threads: TaskTracker,
}

impl Data {
    /// What it does on `threads` may go on for a moment when this was dropped.
    pub(super) fn new(
        stream: Stream,
        patience: Duration,
        strict_close: bool,
        moved: Arc<AtomicU64>,
        threads: &TaskTracker,
    ) -> Self {
        let threads = threads.clone();
        Self { stream, idle: Idle::new(patience), strict_close, moved, threads }
    }

    /// Does something for the transfer on a thread that may wait for the disk.
    pub(super) fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        self.threads.spawn_blocking(work)
    }

    /// Whether nothing is between the socket and what is sent.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.stream, Stream::Plain(_))
    }

    /// Lends a plain connection to a thread that may wait for the disk. If this is dropped, the
    /// thread soon ends.
    pub(super) async fn on_thread<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Quick) -> T + Send + 'static,
    ) -> Result<T, Broken> {
        let stream = match std::mem::replace(&mut self.stream, Stream::Lent) {
            Stream::Plain(stream) => stream.into_std().map_err(Broken::Connection)?,
            _ => return Err(Broken::Connection(lent())),
        };
        let before = self.moved.load(Relaxed);
        let alive = Arc::new(());
        let quick = Quick::new(stream, &alive, Arc::clone(&self.moved));
        let quick = quick.map_err(Broken::Connection)?;
        let turn = self.beside(move || {
            let done = work(&quick);
            (quick.into_stream(), done)
        });
        let (stream, done) = turn.await.map_err(io::Error::other).map_err(Broken::File)?;
        let stream = stream.and_then(TcpStream::from_std).map_err(Broken::Connection)?;
        self.stream = Stream::Plain(stream);
        if self.moved.load(Relaxed) != before {
            self.idle.moved();
        }
        Ok(done)
    }

    /// So much was sent or received.
    pub(super) fn has_moved(&mut self, bytes: usize) {
        self.idle.moved();
        self.moved.fetch_add(bytes as u64, Relaxed);
    }

    /// Sends all of `bytes`.
    pub(super) async fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let written = poll_fn(|context| {
                let polled = match &mut self.stream {
                    Stream::Plain(stream) => poll_write(stream, context, bytes),
                    Stream::Tls(stream) => Pin::new(&mut **stream).poll_write(context, bytes),
                    Stream::Lent => Poll::Ready(Err(lent())),
                };
                self.unless_idle(context, polled)
            })
            .await?;
            if written == 0 {
                return Err(Broken::Connection(io::ErrorKind::WriteZero.into()));
            }
            self.has_moved(written);
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Sends the last of it, and says that it was all: in as few segments as it takes, so that
    /// the peer learns of both at once.
    pub(super) async fn write_last(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let sent = match &mut self.stream {
            // The kernel keeps what is in a last segment until the connection is closed.
            #[cfg(target_os = "linux")]
            Stream::Plain(stream) => {
                let flags = nix::libc::MSG_MORE | nix::libc::MSG_NOSIGNAL;
                let send = || socket2::SockRef::from(&*stream).send_with_flags(bytes, flags);
                stream.try_io(Interest::WRITABLE, send).unwrap_or(0)
            }
            // It is encrypted, and goes out with what `finish` adds.
            Stream::Tls(stream) => stream.get_mut().1.writer().write(bytes).unwrap_or(0),
            _ => 0,
        };
        self.has_moved(sent);
        self.write_all(&bytes[sent..]).await?;
        self.finish().await
    }

    /// Waits until the socket has room.
    #[cfg(target_os = "linux")]
    pub(super) async fn writable(&mut self) -> Result<(), Broken> {
        poll_fn(|context| {
            let polled = self.socket().map(|socket| socket.poll_write_ready(context));
            self.unless_idle(context, polled.unwrap_or_else(|error| Poll::Ready(Err(error))))
        })
        .await
    }

    /// Waits until the socket has something, or its end.
    pub(super) async fn readable(&mut self) -> Result<(), Broken> {
        poll_fn(|context| {
            let polled = self.socket().map(|socket| socket.poll_read_ready(context));
            self.unless_idle(context, polled.unwrap_or_else(|error| Poll::Ready(Err(error))))
        })
        .await
    }

    fn socket(&self) -> io::Result<&TcpStream> {
        match &self.stream {
            Stream::Plain(stream) => Ok(stream),
            Stream::Tls(stream) => Ok(stream.get_ref().0),
            Stream::Lent => Err(lent()),
        }
    }

    /// Says that this was all. Over TLS this tells the end of a file from a cut.
    pub(super) async fn finish(&mut self) -> Result<(), Broken> {
        poll_fn(|context| {
            let polled = match &mut self.stream {
                Stream::Tls(stream) => {
                    stream.get_mut().1.send_close_notify();
                    Pin::new(&mut **stream).poll_flush(context)
                }
                // The kernel does the rest when the connection is closed.
                Stream::Plain(_) | Stream::Lent => Poll::Ready(Ok(())),
            };
            self.unless_idle(context, polled)
        })
        .await
    }

    /// Reads what is there, once there is something, as far as `into` has room. Whether the end
    /// has come, too.
    pub(super) async fn fill(&mut self, into: &mut Vec<u8>) -> Result<bool, Broken> {
        let before = into.len();
        let ended = poll_fn(|context| {
            let polled = self.poll_fill(context, into, before);
            self.unless_idle(context, polled)
        })
        .await?;
        self.has_moved(into.len() - before);
        Ok(ended)
    }

    fn poll_fill(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<u8>,
        before: usize,
    ) -> Poll<io::Result<bool>> {
        while into.len() < into.capacity() {
            let polled = match &mut self.stream {
                Stream::Plain(stream) => poll_read(stream, context, into),
                Stream::Tls(stream) => poll_read_buf(Pin::new(&mut **stream), context, into),
                Stream::Lent => Poll::Ready(Err(lent())),
            };
            match polled {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(true)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error))
                    if error.kind() == io::ErrorKind::UnexpectedEof && !self.strict_close =>
                {
                    // The end of the connection without that of TLS before it.
                    return Poll::Ready(Ok(true));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if into.len() > before => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(false))
    }

    fn unless_idle<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<Result<T, Broken>> {
        match polled {
            Poll::Ready(result) => Poll::Ready(result.map_err(Broken::Connection)),
            Poll::Pending => {
                let Self { stream, idle, .. } = self;
                let socket = match stream {
                    Stream::Plain(stream) => &*stream,
                    Stream::Tls(stream) => stream.get_ref().0,
                    Stream::Lent => return Poll::Ready(Err(Broken::Connection(lent()))),
                };
                ready!(idle.poll_over(context, socket));
                Poll::Ready(Err(Broken::Idle))
            }
        }
    }
}

/// The caller that lends a connection waits for it, so it is there whenever somebody looks.
fn lent() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

fn poll_write(
    stream: &TcpStream,
    context: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_write_ready(context))?;
        match stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => return Poll::Ready(written),
        }
    }
}

fn poll_read(
    stream: &TcpStream,
    context: &mut Context<'_>,
    into: &mut Vec<u8>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_read_ready(context))?;
        match stream.try_read_buf(into) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return Poll::Ready(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_thread_is_waited_for_after_the_transfer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _there = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (here, _) = listener.accept().await.unwrap();
        let threads = TaskTracker::new();
        let patience = Duration::from_secs(60);
        let mut data = Data::new(Stream::Plain(here), patience, false, Arc::default(), &threads);
        let (go_on, told) = mpsc::channel();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let turn = data.on_thread(move |_| {
            started.send(()).unwrap();
            told.recv().unwrap();
        });
        tokio::select! {
            biased;
            _ = turn => panic!("it waits to be told"),
            _ = has_started => {}
        }
        drop(data);
        threads.close();
        let brief = Duration::from_millis(50);
        assert!(timeout(brief, threads.wait()).await.is_err(), "the thread is still at it");
        go_on.send(()).unwrap();
        threads.wait().await;
    }
}
