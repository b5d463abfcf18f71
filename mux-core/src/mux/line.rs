//! Waiting in line for a port: first come, first served, each client in a line of its own.
//!
//! Only the first in a line tries to reserve. It is woken when a port of its client is freed, and
//! whoever leaves the line, served or not, wakes the one who is first then. Newcomers join
//! behind; they never overtake.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::{Notify, mpsc};

use crate::Client;

/// The lines of all clients.
#[derive(Debug)]
pub(super) struct Line {
    lines: DashMap<Client, VecDeque<Arc<Notify>>>,
    waiting: AtomicUsize,
    freed: mpsc::UnboundedSender<Client>,
    limits: Limits,
}

/// How many may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) per_client: usize,
    pub(super) overall: usize,
}

/// A place in a line; dropping it leaves the line.
#[derive(Debug)]
pub(super) struct Place<'a> {
    line: &'a Line,
    client: Client,
    turn: Arc<Notify>,
}

/// There is no room: in the client's own line, or in all lines together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Client,
    Overall,
}

/// The clients of whom a port was freed, for [`Line::serve`].
pub(super) type Freed = mpsc::UnboundedReceiver<Client>;

impl Line {
    pub(super) fn new(limits: Limits) -> (Self, Freed) {
        let (freed, receiver) = mpsc::unbounded_channel();
        let line = Self { lines: DashMap::new(), waiting: AtomicUsize::new(0), freed, limits };
        (line, receiver)
    }

    /// How many wait, over all clients.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether somebody of this client waits already.
    pub(super) fn has(&self, client: Client) -> bool {
        self.waiting() > 0 && self.lines.contains_key(&client)
    }

    /// Joins the end of the client's line.
    pub(super) fn join(&self, client: Client) -> Result<Place<'_>, Full> {
        // Counting first keeps the bound exact however many join at once.
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.limits.overall {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::Overall);
        }
        let turn = Arc::new(Notify::new());
        {
            let mut line = self.lines.entry(client).or_default();
            if line.len() >= self.limits.per_client {
                drop(line);
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                return Err(Full::Client);
            }
            line.push_back(turn.clone());
        }
        // Partner of the fence in `freed`: either that one sees us waiting, or our next attempt
        // sees the port it freed.
        fence(Ordering::SeqCst);
        Ok(Place { line: self, client, turn })
    }

    /// Says that a port was freed for `client`. Takes no lock, so that the accept path may.
    pub(super) fn freed(&self, client: Client) {
        // Partner of the fence in `join`.
        fence(Ordering::SeqCst);
        if self.waiting() > 0 {
            // Without a receiver the mux is shut down, and nobody is served any more.
            let _ = self.freed.send(client);
        }
    }

    /// Wakes the first of a client's line, each time a port of the client is freed.
    pub(super) async fn serve(&self, mut freed: Freed) {
        while let Some(client) = freed.recv().await {
            self.wake_first(client);
        }
    }

    fn wake_first(&self, client: Client) {
        if let Some(first) = self.lines.get(&client).and_then(|line| line.front().cloned()) {
            first.notify_one();
        }
    }
}

impl Place<'_> {
    /// Whether everybody who came before has left.
    pub(super) fn is_first(&self) -> bool {
        self.line
            .lines
            .get(&self.client)
            .and_then(|line| line.front().map(|first| Arc::ptr_eq(first, &self.turn)))
            .unwrap_or(false)
    }

    /// Waits until there is a reason to try (again). A wake-up that came before is not lost.
    pub(super) async fn turn(&self) {
        self.turn.notified().await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut line) = self.line.lines.entry(self.client) {
            line.get_mut().retain(|turn| !Arc::ptr_eq(turn, &self.turn));
            match line.get().front() {
                Some(first) => first.notify_one(),
                None => {
                    line.remove();
                }
            }
        }
        self.line.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn client(last: u8) -> Client {
        std::net::IpAddr::from(Ipv4Addr::new(192, 0, 2, last)).into()
    }

    fn line(per_client: usize, overall: usize) -> (Line, Freed) {
        Line::new(Limits { per_client, overall })
    }

    #[tokio::test]
    async fn the_first_leaves_and_the_next_is_first() {
        let (line, _freed) = line(9, 9);
        let one = line.join(client(1)).unwrap();
        let two = line.join(client(1)).unwrap();
        let other = line.join(client(2)).unwrap();
        assert!(one.is_first() && !two.is_first() && other.is_first());
        drop(one);
        two.turn().await;
        assert!(two.is_first());
        assert!(line.has(client(1)));
        drop((two, other));
        assert!(!line.has(client(1)));
        assert_eq!(line.waiting(), 0);
        assert!(line.lines.is_empty(), "lines nobody stands in are forgotten");
    }

    #[tokio::test]
    async fn a_freed_port_wakes_the_first_also_if_it_was_not_listening_yet() {
        let (line, freed) = line(9, 9);
        let one = line.join(client(1)).unwrap();
        line.freed(client(1));
        tokio::select! {
            () = line.serve(freed) => unreachable!("serves as long as the line lives"),
            () = one.turn() => {}
        }
    }

    #[test]
    fn the_bounds_hold() {
        let (line, _freed) = line(2, 3);
        let _one = line.join(client(1)).unwrap();
        let two = line.join(client(1)).unwrap();
        assert_eq!(line.join(client(1)).err(), Some(Full::Client));
        let _three = line.join(client(2)).unwrap();
        assert_eq!(line.join(client(3)).err(), Some(Full::Overall));
        drop(two);
        assert!(line.join(client(3)).is_ok());
        assert_eq!(line.waiting(), 2);
    }
}
