//! When a data connection is given up: its peer neither sends nor acknowledges anything.

use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// An uploading client that is gone without a word is noticed after two minutes of silence.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 4;

/// In so many parts the time is cut; when nothing happened in any of them, it is over.
const PARTS: u32 = 4;

/// Watches over one data connection.
///
/// A socket with room tells that the peer has acknowledged something, but one without does not
/// tell that it has not: it says so only when a third of its buffer is free, which takes a slow
/// reader minutes. So what is not acknowledged yet is looked at.
///
/// It costs nothing until the connection has to be waited for: most transfers of small files never
/// wait.
#[derive(Debug)]
pub(super) struct Idle {
    patience: Duration,
    /// When to look again, once something was waited for.
    tick: Option<Pin<Box<Sleep>>>,
    moved: bool,
    unacknowledged: Option<usize>,
    silent_parts: u32,
}

impl Idle {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, tick: None, moved: false, unacknowledged: None, silent_parts: 0 }
    }

    /// Something was sent or received.
    pub(super) fn moved(&mut self) {
        self.moved = true;
    }

    /// To be polled while nothing can be sent or received: ready when it took too long.
    pub(super) fn poll_over(&mut self, context: &mut Context<'_>, stream: &TcpStream) -> Poll<()> {
        let part = (self.patience / PARTS).max(Duration::from_millis(1));
        let tick = self.tick.get_or_insert_with(|| {
            // Whatever cannot be set, the transfer will tell.
            let _ = watch(stream);
            Box::pin(sleep(part))
        });
        loop {
            ready!(tick.as_mut().poll(context));
            tick.as_mut().reset(Instant::now() + part);
            let unacknowledged = unacknowledged(stream);
            if std::mem::take(&mut self.moved) || unacknowledged != self.unacknowledged {
                self.silent_parts = 0;
            } else {
                self.silent_parts += 1;
                if self.silent_parts >= PARTS {
                    return Poll::Ready(());
                }
            }
            self.unacknowledged = unacknowledged;
        }
    }
}

/// Has the kernel notice a peer that is gone without a word.
fn watch(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY)
        .with_retries(KEEPALIVE_PROBES);
    // No `TCP_USER_TIMEOUT`: while the peer's window is small, the kernel counts it from the first
    // probe on, however steadily a slow reader goes on.
    socket.set_tcp_keepalive(&keepalive)
}

/// How many bytes the peer has not acknowledged yet.
#[cfg(target_os = "linux")]
fn unacknowledged(stream: &TcpStream) -> Option<usize> {
    use std::os::fd::AsRawFd;
    mod system {
        nix::ioctl_read_bad!(outq, nix::libc::TIOCOUTQ, nix::libc::c_int);
    }
    let mut bytes = 0;
    // SAFETY: the descriptor is open as long as `stream` is borrowed, and for a TCP socket this
    // call writes one `c_int`, which `bytes` is.
    unsafe { system::outq(stream.as_raw_fd(), &mut bytes) }.ok()?;
    usize::try_from(bytes).ok()
}

#[cfg(not(target_os = "linux"))]
fn unacknowledged(_stream: &TcpStream) -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::net::TcpListener;

    async fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (listener.accept().await.unwrap().0, there)
    }

    #[tokio::test]
    async fn silence_ends_it() {
        let (here, _there) = connected().await;
        let mut idle = Idle::new(Duration::from_millis(200));
        idle.moved();
        poll_fn(|context| idle.poll_over(context, &here)).await;
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_is_not_acknowledged_is_counted() {
        let (here, there) = connected().await;
        assert_eq!(unacknowledged(&here), Some(0));
        socket2::SockRef::from(&there).set_recv_buffer_size(4096).unwrap();
        while here.try_write(&[0; 65536]).is_ok() {}
        assert!(unacknowledged(&here).unwrap() > 0);
    }
}
