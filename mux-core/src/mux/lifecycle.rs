//! The life of a reservation: what is counted, told and woken when one is made and when it ends.
//!
//! A reservation is made once and ends once: claimed, cancelled or expired. Everything that brings
//! that about goes through here, so every end is counted, and wakes the client's wait queue once
//! the port is free.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use super::alarm::Alarm;
use super::clock::Clock;
use super::errors::AcceptError;
use super::stats::{Counters, Stats};
use super::strangers::Strangers;
use super::wait_queue::{Freed, QueueLimits, WaitQueue};
use crate::table::{
    Expired, Matching, NotOpened, Rejected, ReservationId, ReservationLimits, Reserved, Table, Time,
};
use crate::{Client, ClientKey, ClientPrefix, PortSet, ReserveError};

/// What a reservation carries: where its connection, or its end, is to be delivered.
#[derive(Debug)]
pub(super) enum Delivery {
    /// To the session that waits in [`Reservation::accept`](super::Reservation::accept).
    Stream(oneshot::Sender<Result<TcpStream, AcceptError>>),
    /// To the task that verifies it. The reservation goes on.
    Candidate(mpsc::Sender<TcpStream>),
    /// To that task: only the end of its reservation.
    End(oneshot::Sender<AcceptError>),
    /// By the kernel, to the holder of the listening socket lent to `client` on the address of
    /// that index.
    #[cfg_attr(
        not(all(feature = "steering", target_os = "linux")),
        expect(dead_code, reason = "nothing is lent without steering")
    )]
    Listener { address: u16, client: Client },
}

/// How reservations are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) ttl: Duration,
    /// How long a request may wait for a port.
    pub(super) wait: Duration,
    pub(super) limits: ReservationLimits,
    pub(super) queue: QueueLimits,
    pub(super) client_prefix: ClientPrefix,
    /// How many reservations there is room for.
    pub(super) capacity: usize,
}

/// Longer than anybody waits. Deadlines must not reach the end of time, where all are equal.
const MAX_TTL: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// All reservations of a mux.
#[derive(Debug)]
pub(super) struct Reservations {
    table: Table<Delivery>,
    clock: Clock,
    counters: Counters,
    recent: Strangers,
    ttl: Duration,
    client_prefix: ClientPrefix,
    pub(super) wait_queue: WaitQueue,
    pub(super) alarm: Alarm,
}

impl Reservations {
    pub(super) fn new(ports: PortSet, terms: Terms) -> (Self, Freed) {
        let (wait_queue, freed) = WaitQueue::new(terms.queue);
        let reservations = Self {
            counters: Counters::new(&ports),
            recent: Strangers::new(&ports),
            table: Table::new(ports, terms.capacity).with_limits(terms.limits),
            clock: Clock::start(),
            ttl: terms.ttl.min(MAX_TTL),
            client_prefix: terms.client_prefix,
            wait_queue,
            alarm: Alarm::new(),
        };
        (reservations, freed)
    }

    pub(super) fn ports(&self) -> &PortSet {
        self.table.ports()
    }

    /// The index of a port of the set.
    pub(super) fn index_of(&self, port: u16) -> u16 {
        self.ports().index_of(port).expect("a port of the set")
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// What the table and the wait queue know `client` by.
    pub(super) fn key(&self, client: Client) -> ClientKey {
        self.client_prefix.key(client)
    }

    /// Reserves a port, if one is free for the client. Counted is only what
    /// [`answered`](Self::answered) is told.
    pub(super) fn reserve(
        &self,
        client: Client,
        matching: Matching,
        delivery: Delivery,
    ) -> Result<Reserved, Rejected<Delivery>> {
        let mut deadline = Time::MAX;
        let ask = || {
            deadline = self.clock.now() + self.ttl;
            deadline
        };
        let reserved = self.table.reserve_until(self.key(client), ask, matching, delivery)?;
        self.alarm.deadline_set(deadline);
        Ok(reserved)
    }

    /// Takes back what was reserved just now, as if it had not been.
    pub(super) fn withdraw(&self, id: ReservationId) {
        drop(self.table.end(id));
    }

    /// Counts the answer to a request for a reservation.
    pub(super) fn answered(&self, client: Client, answer: Result<u16, ReserveError>) {
        match answer {
            Ok(port) => {
                self.counters.reserved(self.index_of(port));
                debug!(%client, port, "reserved");
            }
            Err(error) => {
                self.counters.refused(error);
                debug!(%client, %error, "reservation refused");
            }
        }
    }

    /// Opens a held reservation to one connection.
    pub(super) fn open(
        &self,
        id: ReservationId,
        candidates: &mpsc::Sender<TcpStream>,
    ) -> Result<(), NotOpened> {
        let opened = self.table.open(id, Delivery::Candidate(candidates.clone()));
        opened.map(drop).map_err(|error| error.reason)
    }

    pub(super) fn is_pending(&self, id: ReservationId) -> bool {
        self.table.is_pending(id)
    }

    /// Claims the reservation that a connection from `client` to `port` matches. A connection that
    /// matches none is a stranger. Waits for no lock and no session.
    pub(super) fn claim(&self, port: u16, client: Client) -> Option<Delivery> {
        let key = self.key(client);
        self.count_claim(port, client, self.table.claim(port, key, self.clock.now()))
    }

    /// As [`claim`](Self::claim), for a connection that came at `arrived` and was identified since.
    /// What was reserved since is not its.
    pub(super) fn claim_identified(
        &self,
        port: u16,
        client: Client,
        arrived: Time,
    ) -> Option<Delivery> {
        // Every reservation lives for as long, so this is when one made at `arrived` would be due.
        let (key, due) = (self.key(client), arrived + self.ttl);
        let delivery = self.table.claim_due_before(port, key, self.clock.now(), due);
        self.count_claim(port, client, delivery)
    }

    fn count_claim(
        &self,
        port: u16,
        client: Client,
        delivery: Option<Delivery>,
    ) -> Option<Delivery> {
        match &delivery {
            Some(Delivery::Candidate(_)) => self.counters.candidate(),
            Some(_) => self.claimed(port, self.key(client)),
            None => {
                self.strangers(port, 1);
                self.recent.record(self.index_of(port), client);
            }
        }
        delivery
    }

    /// Claims a reservation whose connection was found in another way. Whether it was pending.
    pub(super) fn claim_by_id(&self, id: ReservationId, port: u16, client: Client) -> bool {
        let claimed = self.table.end(id).is_ok();
        if claimed {
            self.claimed(port, self.key(client));
        }
        claimed
    }

    /// Cancels a reservation. Whether it was pending.
    pub(super) fn cancel(&self, id: ReservationId, client: Client) -> bool {
        let cancelled = self.table.end(id).is_ok();
        if cancelled {
            self.counters.cancelled();
            self.wait_queue.port_freed(self.key(client));
        }
        cancelled
    }

    /// Ends what is due at `now`, and tells each one's session with `tell`.
    pub(super) fn expire(&self, now: Time, mut tell: impl FnMut(ReservationId, u16, Delivery)) {
        for Expired { id, port, client: key, payload } in self.table.expire(now) {
            debug!(client = %key, port, "expired");
            self.counters.expired();
            tell(id, port, payload);
            self.wait_queue.port_freed(key);
        }
    }

    /// The ports of the reservations that are due at `now`.
    pub(super) fn due(&self, now: Time) -> Vec<u16> {
        self.table.due(now)
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.table.next_deadline()
    }

    /// Counts connections that matched no reservation.
    pub(super) fn strangers(&self, port: u16, count: u64) {
        self.counters.strangers(self.index_of(port), count);
    }

    /// The clients that were last turned away on `port`, at `since` or later, the last one first.
    pub(super) fn recent_strangers(&self, port: u16, since: Instant) -> Vec<Client> {
        let index = self.ports().index_of(port);
        index.map_or_else(Vec::new, |index| self.recent.since(index, since))
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            pending: self.table.pending(),
            clients: self.table.clients(),
            waiting: self.wait_queue.waiting(),
            ..self.counters.snapshot(self.table.ports())
        }
    }

    fn claimed(&self, port: u16, key: ClientKey) {
        self.counters.claimed(self.index_of(port));
        self.wait_queue.port_freed(key);
    }
}
