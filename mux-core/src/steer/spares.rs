//! What the groups of a process share so that descriptors suffice: spare sockets, and a count.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::{Domain, Socket};

use super::listener;

/// One ready-made, unbound socket per address family, and the count of steered listeners, shared
/// by all groups of a process.
///
/// Revoking a lease takes a new listener. Out of descriptors it is made from the spare of its
/// family, which is made up for as soon as the system has a descriptor again. Lending never takes
/// a spare: it needs a descriptor for the holder anyway.
///
/// A steered listener that nobody holds stays for its client's next lease, which it makes cheap.
/// Once there are *plenty* of them in all, a new client gets an idle one's place rather than one
/// more, wherever its group has an idle one.
///
/// Create it after dropping privileges: a socket of another user cannot join a group.
#[derive(Debug)]
pub struct Spares {
    sockets: [Mutex<Option<Socket>>; 2],
    listeners: AtomicUsize,
    plenty: usize,
}

impl Default for Spares {
    fn default() -> Self {
        Self::new()
    }
}

impl Spares {
    /// An empty store, for any number of steered listeners. [`Group::bind`](super::Group::bind)
    /// fills it for its address family.
    #[must_use]
    pub fn new() -> Self {
        Self::with_plenty(usize::MAX)
    }

    /// As [`new`](Self::new), where `plenty` steered listeners in all are as many as the process
    /// can well spare descriptors for.
    #[must_use]
    pub fn with_plenty(plenty: usize) -> Self {
        Self { sockets: Default::default(), listeners: AtomicUsize::new(0), plenty }
    }

    /// Whether there are plenty of steered listeners.
    pub(super) fn has_plenty(&self) -> bool {
        self.listeners.load(Relaxed) >= self.plenty
    }

    /// Counts one more steered listener, until the result is dropped.
    pub(super) fn count(self: &Arc<Self>) -> Counted {
        self.listeners.fetch_add(1, Relaxed);
        Counted(Arc::clone(self))
    }

    fn of(&self, domain: Domain) -> MutexGuard<'_, Option<Socket>> {
        let spare = &self.sockets[usize::from(domain == Domain::IPV6)];
        spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes up for a missing spare.
    pub(super) fn replenish(&self, domain: Domain) -> io::Result<()> {
        let mut spare = self.of(domain);
        if spare.is_none() {
            *spare = Some(listener::open(domain)?);
        }
        Ok(())
    }

    /// A socket for a member: a new one, or the spare if the system has none to give.
    pub(super) fn open(&self, domain: Domain) -> io::Result<Socket> {
        match listener::open(domain) {
            Ok(socket) => {
                // Without a descriptor for the spare the next call tries again.
                let _ = self.replenish(domain);
                Ok(socket)
            }
            Err(error) => {
                let spare = self.of(domain).take();
                tracing::debug!(%error, spare = spare.is_some(), "no new socket for a listener");
                spare.ok_or(error)
            }
        }
    }
}

/// One steered listener, as [`Spares`] counts them.
#[derive(Debug)]
pub(super) struct Counted(Arc<Spares>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.listeners.fetch_sub(1, Relaxed);
    }
}
