//! Counters, and snapshots of them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::ReserveError;
use crate::PortSet;

/// What is going on, and what has happened since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Reservations pending now.
    pub pending: usize,
    /// Clients that have reservations pending now.
    pub clients: usize,
    /// Those who wait in line for a port now.
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
    /// The same by port, in ascending order.
    pub ports: Vec<PortStats>,
}

/// Refused requests by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// Every port was taken by the client, also after waiting as long as allowed.
    pub no_free_port: u64,
    /// The client had as many pending reservations as it may have, also after waiting.
    pub pending_limit: u64,
    /// Too many of the client waited already.
    pub client_queue_full: u64,
    /// Too many waited already, over all clients.
    pub queue_full: u64,
    /// Too many clients had reservations.
    pub too_many_clients: u64,
    /// The table was at its capacity.
    pub table_full: u64,
}

impl Refused {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self {
            no_free_port,
            pending_limit,
            client_queue_full,
            queue_full,
            too_many_clients,
            table_full,
        } = self;
        no_free_port
            + pending_limit
            + client_queue_full
            + queue_full
            + too_many_clients
            + table_full
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
    refused: RefusedCounters,
    ports: Box<[PortCounters]>,
}

#[derive(Debug, Default)]
struct RefusedCounters {
    no_free_port: AtomicU64,
    pending_limit: AtomicU64,
    client_queue_full: AtomicU64,
    queue_full: AtomicU64,
    too_many_clients: AtomicU64,
    table_full: AtomicU64,
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
            refused: RefusedCounters::default(),
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
        let counter = match error {
            ReserveError::NoFreePort => &self.refused.no_free_port,
            ReserveError::PendingLimit => &self.refused.pending_limit,
            ReserveError::ClientQueueFull => &self.refused.client_queue_full,
            ReserveError::QueueFull => &self.refused.queue_full,
            ReserveError::TooManyClients => &self.refused.too_many_clients,
            ReserveError::TableFull => &self.refused.table_full,
            ReserveError::ShutDown => return,
        };
        counter.fetch_add(1, Relaxed);
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
            refused: Refused {
                no_free_port: self.refused.no_free_port.load(Relaxed),
                pending_limit: self.refused.pending_limit.load(Relaxed),
                client_queue_full: self.refused.client_queue_full.load(Relaxed),
                queue_full: self.refused.queue_full.load(Relaxed),
                too_many_clients: self.refused.too_many_clients.load(Relaxed),
                table_full: self.refused.table_full.load(Relaxed),
            },
            strangers: ports.iter().map(|port| port.strangers).sum(),
            ports,
            ..Stats::default()
        }
    }
}
