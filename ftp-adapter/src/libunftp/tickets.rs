//! Tickets for resuming TLS sessions.

use rustls::server::ProducesTickets;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many tickets rustls sends on a connection.
const OF_ONE_CONNECTION: usize = 2;

/// The tickets of one session, for its first connection, the control connection, alone.
///
/// Many clients that upload read nothing on the data connection. A ticket that waited there when
/// they close would make the kernel reset it, and their last bytes might be lost. Without, a client
/// that uses tickets once resumes nothing after the first transfer; so where data connections must
/// resume, this is not for them.
#[derive(Debug)]
pub(super) struct FirstConnectionOnly {
    tickets: Arc<dyn ProducesTickets>,
    left: AtomicUsize,
}

impl FirstConnectionOnly {
    pub(super) fn new(tickets: Arc<dyn ProducesTickets>) -> Self {
        Self { tickets, left: AtomicUsize::new(OF_ONE_CONNECTION) }
    }
}

impl ProducesTickets for FirstConnectionOnly {
    fn enabled(&self) -> bool {
        self.tickets.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.tickets.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).ok()?;
        self.tickets.encrypt(plain)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.tickets.decrypt(ticket)
    }
}
