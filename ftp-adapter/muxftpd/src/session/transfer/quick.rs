//! A plain connection on a thread that may wait for the disk, for as long as its client is quick.
//!
//! A client that takes or sends without a pause keeps one thread busy, as if the server had a
//! thread for each. One that pauses gives its thread back at once, so however many of them there
//! are, none holds a thread.

use socket2::SockRef;
use std::io;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// How long a thread waits for a client.
const PAUSE_TIMEOUT: Duration = Duration::from_millis(2);

/// How long a thread stays with one client while others wait for a thread.
const TURN: Duration = Duration::from_millis(500);

/// A connection while a thread has it. Its calls wait, but not for long: then they fail with
/// [`WouldBlock`](io::ErrorKind::WouldBlock).
#[derive(Debug)]
pub(super) struct Quick {
    pub(super) stream: TcpStream,
    until: Instant,
    /// Goes when the transfer is aborted.
    alive: Weak<()>,
    moved: Arc<AtomicU64>,
}

impl Quick {
    pub(super) fn new(
        stream: TcpStream,
        alive: &Arc<()>,
        moved: Arc<AtomicU64>,
    ) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        let socket = SockRef::from(&stream);
        socket.set_read_timeout(Some(PAUSE_TIMEOUT))?;
        socket.set_write_timeout(Some(PAUSE_TIMEOUT))?;
        let until = Instant::now() + TURN;
        Ok(Self { stream, until, alive: Arc::downgrade(alive), moved })
    }

    /// So much was sent or received; whether the thread stays.
    pub(super) fn goes_on(&self, bytes: usize) -> bool {
        self.moved.fetch_add(bytes as u64, Relaxed);
        self.alive.strong_count() > 0 && Instant::now() < self.until
    }

    /// The connection, for the runtime again.
    pub(super) fn into_stream(self) -> io::Result<TcpStream> {
        self.stream.set_nonblocking(true)?;
        Ok(self.stream)
    }
}
