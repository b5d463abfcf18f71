//! Counters, and snapshots of them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::PortSet;

/// What is going on, and what has happened since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Reservations pending now.
    pub pending: usize,
    /// Those who wait in line for a port now.
    pub waiting: usize,
    /// Reservations made.
    pub reserved: u64,
    /// Reservations that got their connection.
    pub claimed: u64,
    /// Reservations whose deadline passed.
    pub expired: u64,
    /// Reservations given up by their session.
    pub cancelled: u64,
    /// Requests for a reservation that were refused, by reason.
    pub refused: Refused,
    /// Connections that matched no pending reservation and were reset.
    pub strangers: u64,
    /// The same by port, in ascending order.
    pub ports: Vec<PortStats>,
}

/// Refused requests by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// Every port was taken by the client, also after waiting as long as allowed.
    pub no_free_port: u64,
    /// Too many waited already.
    pub line_full: u64,
    /// The table was at its capacity.
    pub table_full: u64,
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
    expired: AtomicU64,
    cancelled: AtomicU64,
    no_free_port: AtomicU64,
    line_full: AtomicU64,
    table_full: AtomicU64,
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
            expired: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            no_free_port: AtomicU64::new(0),
            line_full: AtomicU64::new(0),
            table_full: AtomicU64::new(0),
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

    pub(super) fn expired(&self) {
        self.expired.fetch_add(1, Relaxed);
    }

    pub(super) fn cancelled(&self) {
        self.cancelled.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self, error: super::ReserveError) {
        match error {
            super::ReserveError::NoFreePort => self.no_free_port.fetch_add(1, Relaxed),
            super::ReserveError::LineFull => self.line_full.fetch_add(1, Relaxed),
            super::ReserveError::TableFull => self.table_full.fetch_add(1, Relaxed),
            super::ReserveError::ShutDown => 0,
        };
    }

    pub(super) fn snapshot(&self, ports: &PortSet, pending: usize, waiting: usize) -> Stats {
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
            pending,
            waiting,
            reserved: ports.iter().map(|port| port.reserved).sum(),
            claimed: ports.iter().map(|port| port.claimed).sum(),
            expired: self.expired.load(Relaxed),
            cancelled: self.cancelled.load(Relaxed),
            refused: Refused {
                no_free_port: self.no_free_port.load(Relaxed),
                line_full: self.line_full.load(Relaxed),
                table_full: self.table_full.load(Relaxed),
            },
            strangers: ports.iter().map(|port| port.strangers).sum(),
            ports,
        }
    }
}
