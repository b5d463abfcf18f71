//! Sockets kept back so that a lease can be revoked when there is no descriptor left.

use std::io;
use std::sync::{Mutex, PoisonError};

use socket2::{Domain, Socket};

use super::listener;

/// One ready-made, unbound socket per address family, shared by all groups of a process.
///
/// Revoking a lease takes a new listener. Out of descriptors it is made from the spare of its
/// family, which is made up for as soon as the system has a descriptor again. Lending never takes
/// a spare: it needs a descriptor for the holder anyway.
///
/// Create it after dropping privileges: a socket of another user cannot join a group.
#[derive(Debug, Default)]
pub struct Spares([Mutex<Option<Socket>>; 2]);

impl Spares {
    /// An empty store. [`Group::bind`](super::Group::bind) fills it for its address family.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn of(&self, domain: Domain) -> std::sync::MutexGuard<'_, Option<Socket>> {
        let spare = &self.0[usize::from(domain == Domain::IPV6)];
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

    /// A socket for a member: a new one, or the spare if there is no descriptor for a new one.
    pub(super) fn open(&self, domain: Domain) -> io::Result<Socket> {
        match listener::open(domain) {
            Ok(socket) => {
                // Without a descriptor for the spare the next call tries again.
                let _ = self.replenish(domain);
                Ok(socket)
            }
            Err(error) if listener::is_exhausted(&error) => {
                let spare = self.of(domain).take();
                tracing::debug!(%error, spare = spare.is_some(), "no descriptor for a listener");
                spare.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }
}
