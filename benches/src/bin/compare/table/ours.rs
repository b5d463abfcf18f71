//! The table of `mux-core`.

use super::design::{Design, FIRST_PORT, Key, Payload};
use mux_core::table::{Matching, ReservationId, Table, Time};
use mux_core::{ClientKey, PortSet};

pub(super) type Ours = Table<Payload>;

impl Design for Ours {
    type Ticket = ReservationId;

    fn new(width: u16, capacity: usize) -> Self {
        let ports = PortSet::new([FIRST_PORT..=FIRST_PORT + (width - 1)]);
        Table::new(ports.expect("a range of ports"), capacity)
    }

    fn reserve(
        &self,
        client: ClientKey,
        deadline: u64,
        payload: Payload,
    ) -> Option<(u16, ReservationId)> {
        let deadline = Time::from_nanos(deadline);
        let reserved = self.reserve(client, deadline, Matching::Address, payload).ok()?;
        Some((reserved.port, reserved.id))
    }

    fn claim(&self, (port, client): Key, now: u64) -> Option<Payload> {
        self.claim(port, client, Time::from_nanos(now))
    }

    fn cancel(&self, ticket: ReservationId) -> Option<Payload> {
        self.end(ticket).ok()
    }

    fn expire(&self, now: u64) -> Vec<Payload> {
        let expired = self.expire(Time::from_nanos(now));
        expired.into_iter().map(|expired| expired.payload).collect()
    }
}
