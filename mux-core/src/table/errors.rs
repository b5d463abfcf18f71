//! What the table refuses, and why.

use std::fmt;

use crate::ReserveError;

/// Why [`Table::reserve`](super::Table::reserve) made no reservation. The payload comes back.
#[derive(thiserror::Error)]
#[error("{reason}")]
pub struct Rejected<P> {
    /// What stood in the way: a free port, a limit or room, never a queue.
    pub reason: ReserveError,
    /// The payload that was to be reserved for.
    pub payload: P,
}

impl<P> fmt::Debug for Rejected<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected").field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// Why [`Table::open`](super::Table::open) opened nothing. The payload comes back.
#[derive(thiserror::Error)]
#[error("{reason}")]
pub struct OpenError<P> {
    /// What stood in the way.
    pub reason: NotOpened,
    /// The payload that the next connection was to get.
    pub payload: P,
}

impl<P> fmt::Debug for OpenError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// What stood in the way of opening a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotOpened {
    /// The reservation has ended.
    #[error("the reservation has already ended")]
    Stale,
    /// Connections find the reservation by themselves, or it is open already.
    #[error("the reservation is open to the next connection already")]
    Open,
    /// The table holds as many reservations and openings as it was built for.
    #[error("the reservation table is full: build it with a larger capacity")]
    TableFull,
}

/// The identity is that of a reservation that has ended before; nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reservation has already ended")]
pub struct Stale;
