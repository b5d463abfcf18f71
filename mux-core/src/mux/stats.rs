//! Counters, and snapshots of them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::preface::PrefaceStats;
use crate::{PortSet, ReserveError};

/// What is going on, and what has happened since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Reservations pending now.
    pub pending: usize,
    /// Clients that have reservations pending now.
    pub clients: usize,
    /// Requests that wait for a port now.
    pub waiting: usize,
    /// Reservations made.
    pub reserved: u64,
    /// Reservations that got their connection.
    pub claimed: u64,
    /// Connections shown to a session that verifies them first, whatever became of them.
    pub candidates: u64,
    /// Reservations whose deadline passed.
    pub expired: u64,
    /// Reservations given up by their session.
    pub cancelled: u64,
    /// Requests for a reservation that were refused, by reason.
    pub refused: Refused,
    /// Connections that matched no pending reservation and were reset.
    pub strangers: u64,
    /// Connections that had to show a preface first.
    pub prefaces: PrefaceStats,
    /// Strangers by port, in ascending order.
    pub ports: Vec<PortStats>,
}

/// Refused requests by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused([u64; ReserveError::ALL.len()]);

impl Refused {
    /// How many were refused for this reason.
    #[must_use]
    pub const fn by(&self, reason: ReserveError) -> u64 {
        self.0[reason as usize]
    }

    /// Every reason, and how many were refused for it.
    pub fn iter(&self) -> impl Iterator<Item = (ReserveError, u64)> {
        ReserveError::ALL.into_iter().zip(self.0)
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// What happened on one port since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortStats {
    /// The port.
    pub port: u16,
    /// Reservations made on it.
    pub reserved: u64,
    /// Reservations on it that got their connection.
    pub claimed: u64,
    /// Connections to it that matched no pending reservation.
    pub strangers: u64,
}

#[derive(Debug)]
pub(super) struct Counters {
    candidates: AtomicU64,
    expired: AtomicU64,
    cancelled: AtomicU64,
    refused: [AtomicU64; ReserveError::ALL.len()],
    ports: Box<[PortCounters]>,
}

/// Aligned so that ports do not slow each other down.
#[derive(Debug, Default)]
#[repr(align(64))]
struct PortCounters {
    reserved: AtomicU64,
    claimed: AtomicU64,
    strangers: AtomicU64,
}

impl Counters {
    pub(super) fn new(ports: &PortSet) -> Self {
        Self {
            candidates: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            refused: Default::default(),
            ports: ports.iter().map(|_| PortCounters::default()).collect(),
        }
    }

    pub(super) fn reserved(&self, port_index: u16) {
        self.ports[usize::from(port_index)].reserved.fetch_add(1, Relaxed);
    }

    pub(super) fn claimed(&self, port_index: u16) {
        self.ports[usize::from(port_index)].claimed.fetch_add(1, Relaxed);
    }

    pub(super) fn strangers(&self, port_index: u16, count: u64) {
        self.ports[usize::from(port_index)].strangers.fetch_add(count, Relaxed);
    }

    pub(super) fn candidate(&self) {
        self.candidates.fetch_add(1, Relaxed);
    }

    pub(super) fn expired(&self) {
        self.expired.fetch_add(1, Relaxed);
    }

    pub(super) fn cancelled(&self) {
        self.cancelled.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self, error: ReserveError) {
        self.refused[error as usize].fetch_add(1, Relaxed);
    }

    /// What has happened; what is going on now is the caller's to fill in.
    pub(super) fn snapshot(&self, ports: &PortSet) -> Stats {
        let ports: Vec<PortStats> = ports
            .iter()
            .zip(&self.ports)
            .map(|(port, counters)| PortStats {
                port,
                reserved: counters.reserved.load(Relaxed),
                claimed: counters.claimed.load(Relaxed),
                strangers: counters.strangers.load(Relaxed),
            })
            .collect();
        Stats {
            reserved: ports.iter().map(|port| port.reserved).sum(),
            claimed: ports.iter().map(|port| port.claimed).sum(),
            candidates: self.candidates.load(Relaxed),
            expired: self.expired.load(Relaxed),
            cancelled: self.cancelled.load(Relaxed),
            refused: Refused(self.refused.each_ref().map(|count| count.load(Relaxed))),
            strangers: ports.iter().map(|port| port.strangers).sum(),
            ports,
            ..Stats::default()
        }
    }
}
