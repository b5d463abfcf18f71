//! A plain connection on a thread that may wait for the disk, for as long as its client is quick.
//!
//! A client that takes or sends without a pause keeps one thread busy, as if the server had a
//! thread for each. One that pauses gives its thread back at once, so however many of them there
//! are, none holds a thread.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// How long a thread waits for a client.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };

/// How long a thread stays with one client while others wait for a thread.
const TURN: Duration = Duration::from_millis(500);

/// A connection while a thread has it.
#[derive(Debug)]
pub(super) struct Quick {
    pub(super) stream: TcpStream,
    until: Instant,
    /// Goes when the transfer is aborted.
    alive: Weak<()>,
    moved: Arc<AtomicU64>,
}

impl Quick {
    pub(super) fn new(stream: TcpStream, alive: &Arc<()>, moved: Arc<AtomicU64>) -> Self {
        let until = Instant::now() + TURN;
        Self { stream, until, alive: Arc::downgrade(alive), moved }
    }

    /// So much was sent or received; whether the thread stays.
    pub(super) fn goes_on(&self, bytes: usize) -> bool {
        self.moved.fetch_add(bytes as u64, Relaxed);
        self.alive.strong_count() > 0 && Instant::now() < self.until
    }

    /// Waits until there is something to do, but not for long; whether there is.
    pub(super) fn is_soon(&self, what: PollFlags) -> bool {
        let mut polled = [PollFd::new(&self.stream, what)];
        matches!(poll(&mut polled, Some(&PAUSE)), Ok(1))
    }
}
