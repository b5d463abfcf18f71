//! Whose turn it is to accept on a listener.
//!
//! The accept path and a session that gives up its reservation accept from one listener. Each
//! keeps its turn from before a connection is accepted until it is delivered: so connections are
//! delivered in the order in which they came, and when a session has its turn, none is on its way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Somebody's turn at one listener, or nobody's.
#[derive(Debug, Default)]
pub(super) struct Turn(AtomicBool);

/// Having the turn; it is over when this is dropped.
#[derive(Debug)]
pub(super) struct Taken<'a>(&'a Turn);

impl Turn {
    /// Takes the turn if nobody has it: for the accept path, which waits for no session.
    pub(super) fn try_take(&self) -> Option<Taken<'_>> {
        // Acquire: partner of the Release in `drop`. What the one before has delivered is seen.
        let free = self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        // Made only then: dropping it gives the turn back.
        free.is_ok().then(|| Taken(self))
    }

    /// Takes the turn as soon as whoever has it is through: for sessions. Who has it never waits,
    /// and takes a bounded number of connections.
    pub(super) fn take(&self) -> Taken<'_> {
        loop {
            match self.try_take() {
                Some(taken) => break taken,
                None => thread::yield_now(),
            }
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        // Release: partner of the Acquire in `try_take`.
        self.0.0.store(false, Ordering::Release);
    }
}
