//! What the table must do, said plainly: a list of reservations and loops over it.
//!
//! [`Run`] drives a [`Table`] and the plain list with the same [`Operation`]s and panics where
//! they differ. The property tests and the fuzz targets share it.

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use super::{
    MAX_OPENINGS, Matching, NotOpened, ReservationId, ReservationLimits, Reserved, Table, Time,
};
use crate::{ClientKey, ClientPrefix, PortSet, ReserveError};

/// One step of a run. Small numbers stand for clients and earlier reservations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say it")]
pub enum Operation {
    /// A client reserves.
    Reserve { client: u8, lifetime: u8, matching: Matching },
    /// A connection arrives from some client at some port, of the set or not.
    Connect { client: u8, port: u8 },
    /// A connection arrives where the `nth` latest reservation is, or was.
    Claim { nth: u8 },
    /// The same, for a connection that may only have what is due soon.
    ClaimDue { nth: u8, within: u8 },
    /// The `nth` latest reservation is opened to the next connection.
    Open { nth: u8 },
    /// The `nth` latest reservation is ended by its identity.
    End { nth: u8 },
    /// Time goes on.
    Advance { by: u8 },
    /// What is due is expired.
    Expire,
}

impl Operation {
    /// The operation that three bytes stand for; every three bytes stand for one.
    #[must_use]
    pub fn from_bytes([kind, first, second]: [u8; 3]) -> Self {
        let matching = if kind & 0x80 == 0 { Matching::Address } else { Matching::Identity };
        match kind & 0x7f {
            0..40 => Self::Reserve { client: first, lifetime: second, matching },
            40..56 => Self::Connect { client: first, port: second },
            56..80 => Self::Claim { nth: first },
            84..88 => Self::Open { nth: first },
            80..112 => Self::End { nth: first },
            112..120 => Self::Advance { by: first },
            124.. => Self::ClaimDue { nth: first, within: second },
            _ => Self::Expire,
        }
    }
}

/// One reservation, as the plain list has it. The table carries the other reference to `token`.
struct Entry {
    reserved: Reserved,
    client: ClientKey,
    deadline: Time,
    matching: Matching,
    live: bool,
    token: Arc<()>,
    /// What the next connections get, if it is a held reservation that is open.
    openings: Vec<Opening>,
}

struct Opening {
    id: ReservationId,
    token: Arc<()>,
}

/// A table and the plain list beside it.
pub struct Run {
    table: Table<Arc<()>>,
    now: Time,
    entries: Vec<Entry>,
    limits: ReservationLimits,
}

/// How many ended reservations are remembered, to be tried again.
const REMEMBERED: usize = 64;

impl Run {
    /// A run on `ports`, with the table's capacity and the seed for its choices.
    #[must_use]
    pub fn new(ports: PortSet, capacity: usize, seed: u64) -> Self {
        Self {
            table: Table::with_seed(ports, capacity, seed),
            now: Time::ZERO,
            entries: vec![],
            limits: ReservationLimits::default(),
        }
    }

    /// The same run with limits.
    #[must_use]
    pub fn with_limits(self, limits: ReservationLimits) -> Self {
        Self { table: self.table.with_limits(limits), limits, ..self }
    }

    /// Does one step on both.
    ///
    /// # Panics
    ///
    /// If they differ.
    pub fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Reserve { client, lifetime, matching } => {
                self.reserve(address(client), lifetime, matching);
            }
            Operation::Connect { client, port } => {
                let first = self.table.ports().port_at(0).expect("a first port");
                let port = first.saturating_sub(1).saturating_add(port.into());
                self.connect(address(client), port, None);
            }
            Operation::Claim { nth } => {
                if let Some(at) = self.nth(nth) {
                    let Entry { client, reserved, .. } = self.entries[at];
                    self.connect(client, reserved.port, None);
                }
            }
            Operation::ClaimDue { nth, within } => {
                if let Some(at) = self.nth(nth) {
                    let Entry { client, reserved, .. } = self.entries[at];
                    self.connect(client, reserved.port, Some(self.now + ticks(within)));
                }
            }
            Operation::Open { nth } => {
                if let Some(at) = self.nth(nth) {
                    self.open(at);
                }
            }
            Operation::End { nth } => {
                if let Some(at) = self.nth(nth) {
                    let result = self.table.end(self.entries[at].reserved.id);
                    self.ended_by_id(at, result.ok());
                }
            }
            Operation::Advance { by } => self.now = self.now + ticks(by),
            Operation::Expire => self.expire(),
        }
        assert_eq!(self.table.pending(), self.live().count(), "pending");
        assert_eq!(self.table.clients(), self.clients(), "clients");
        self.forget();
    }

    /// Drops the table and checks that it gave every payload back.
    ///
    /// # Panics
    ///
    /// If one is left.
    pub fn finish(self) {
        drop(self.table);
        let openings = self.entries.iter().flat_map(|entry| &entry.openings);
        let tokens = self.entries.iter().map(|entry| &entry.token);
        for token in tokens.chain(openings.map(|opening| &opening.token)) {
            assert_eq!(Arc::strong_count(token), 1, "a payload was lost or kept");
        }
    }

    fn reserve(&mut self, client: ClientKey, lifetime: u8, matching: Matching) {
        let (deadline, token) = (self.now + ticks(lifetime), Arc::new(()));
        let taken = self.live().filter(|entry| entry.client == client).count();
        let result = self.table.reserve(client, deadline, matching, Arc::clone(&token));
        match result {
            Err(error) => {
                let known = self.live().any(|entry| entry.client == client);
                let expected = if self.used() == self.table.capacity() {
                    ReserveError::TableFull
                } else if !known && self.clients() == self.limits.clients {
                    ReserveError::TooManyClients
                } else if taken == self.table.ports().len() {
                    ReserveError::NoFreePort
                } else {
                    let limit = self.limits.pending_per_client;
                    assert_eq!(taken, limit, "refused while a port is free");
                    ReserveError::PendingLimit
                };
                assert_eq!(error.reason, expected);
                assert!(Arc::ptr_eq(&error.payload, &token));
            }
            Ok(reserved) => {
                assert!(self.table.ports().contains(reserved.port), "a port outside the set");
                for entry in self.live() {
                    let same = (entry.client, entry.reserved.port) == (client, reserved.port);
                    assert!(!same, "two reservations of one (port, client)");
                }
                assert!(self.entries.iter().all(|entry| entry.reserved.id != reserved.id));
                assert!(taken < self.limits.pending_per_client, "more than one client may have");
                assert!(self.used() < self.table.capacity(), "more than the capacity");
                let (live, openings) = (true, Vec::new());
                self.entries.push(Entry {
                    reserved,
                    client,
                    deadline,
                    matching,
                    live,
                    token,
                    openings,
                });
                assert!(self.clients() <= self.limits.clients, "more clients than there may be");
            }
        }
    }

    fn connect(&mut self, client: ClientKey, port: u16, due: Option<Time>) {
        let expected = self.entries.iter().position(|entry| {
            entry.live
                && (entry.client, entry.reserved.port) == (client, port)
                && (entry.matching == Matching::Address || !entry.openings.is_empty())
                && entry.deadline > self.now
                && due.is_none_or(|due| entry.deadline < due)
        });
        let claimed = match due {
            None => self.table.claim(port, client, self.now),
            Some(due) => self.table.claim_due_before(port, client, self.now, due),
        };
        match (claimed, expected) {
            (None, None) => {}
            (Some(payload), Some(at)) => {
                let openings = &mut self.entries[at].openings;
                if openings.is_empty() {
                    return self.ended(at, &payload);
                }
                // Any of them.
                let own = openings.iter().position(|it| Arc::ptr_eq(&payload, &it.token));
                let opening = openings.swap_remove(own.expect("somebody else's payload"));
                assert!(!self.table.is_pending(opening.id));
            }
            (claimed, _) => panic!("claimed {claimed:?}, expected {expected:?}"),
        }
    }

    fn open(&mut self, at: usize) {
        let token = Arc::new(());
        let entry = &self.entries[at];
        let result = self.table.open(entry.reserved.id, Arc::clone(&token));
        let expected = if !entry.live {
            Some(NotOpened::Stale)
        } else if entry.matching == Matching::Address || entry.openings.len() == MAX_OPENINGS {
            Some(NotOpened::Open)
        } else {
            None
        };
        match (result, expected) {
            (Ok(id), None) => {
                assert!(self.entries.iter().all(|entry| entry.reserved.id != id));
                self.entries[at].openings.push(Opening { id, token });
            }
            (Err(error), Some(reason)) if error.reason == reason => {}
            (Err(error), _) => {
                assert_eq!(error.reason, NotOpened::TableFull);
                assert_eq!(self.used(), self.table.capacity(), "full while there is room");
            }
            (Ok(_), Some(reason)) => panic!("opened, expected: {reason}"),
        }
    }

    fn expire(&mut self) {
        let earliest = self.live().map(|entry| entry.deadline).min();
        assert_eq!(self.table.next_deadline(), earliest, "the next deadline");
        let due = self.live().filter(|entry| entry.deadline <= self.now);
        let ports: BTreeSet<u16> = due.map(|entry| entry.reserved.port).collect();
        assert_eq!(self.table.due(self.now), Vec::from_iter(ports), "the ports of what is due");
        for expired in self.table.expire(self.now) {
            let key = (expired.client, expired.port);
            let at = self
                .entries
                .iter()
                .position(|entry| entry.live && (entry.client, entry.reserved.port) == key)
                .expect("only what is live expires");
            assert!(self.entries[at].deadline <= self.now, "expired before its deadline");
            self.ended(at, &expired.payload);
        }
        assert!(self.live().all(|entry| entry.deadline > self.now), "not expired");
    }

    fn ended_by_id(&mut self, at: usize, payload: Option<Arc<()>>) {
        assert_eq!(payload.is_some(), self.entries[at].live, "a stale identity did something");
        if let Some(payload) = payload {
            self.ended(at, &payload);
        }
    }

    fn ended(&mut self, at: usize, payload: &Arc<()>) {
        let entry = &mut self.entries[at];
        assert!(Arc::ptr_eq(payload, &entry.token), "somebody else's payload");
        entry.live = false;
        for opening in entry.openings.drain(..) {
            assert!(!self.table.is_pending(opening.id), "an opening outlives its reservation");
            assert_eq!(Arc::strong_count(&opening.token), 1, "an opening's payload is kept");
        }
    }

    fn forget(&mut self) {
        let ended = self.entries.iter().filter(|entry| !entry.live).count();
        for _ in REMEMBERED..ended {
            let oldest = self.entries.iter().position(|entry| !entry.live).expect("one of them");
            assert_eq!(Arc::strong_count(&self.entries.remove(oldest).token), 1);
        }
    }

    fn live(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.live)
    }

    /// How many slots are in use.
    fn used(&self) -> usize {
        self.live().map(|entry| 1 + entry.openings.len()).sum()
    }

    fn clients(&self) -> usize {
        self.live().map(|entry| entry.client).collect::<HashSet<_>>().len()
    }

    fn nth(&self, nth: u8) -> Option<usize> {
        (self.entries.len().checked_sub(1)?).checked_sub(usize::from(nth) % self.entries.len())
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("table", &self.table).field("now", &self.now).finish()
    }
}

fn ticks(count: u8) -> Duration {
    Duration::from_nanos(count.into())
}

/// A handful of clients; 0 and 4 are one, seen as IPv4 and as IPv4-mapped IPv6.
fn address(client: u8) -> ClientKey {
    let v4 = |last| Ipv4Addr::new(192, 0, 2, last);
    let ip: IpAddr = match client % 8 {
        last @ 0..4 => v4(last).into(),
        4 => v4(0).to_ipv6_mapped().into(),
        last => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()).into(),
    };
    ClientPrefix::ADDRESS.key(ip)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn operation() -> impl Strategy<Value = Operation> {
        let matching = prop_oneof![3 => Just(Matching::Address), 1 => Just(Matching::Identity)];
        let nth = 0_u8..12;
        prop_oneof![
            8 => (0_u8..8, 0_u8..40, matching).prop_map(|(client, lifetime, matching)| {
                Operation::Reserve { client, lifetime, matching }
            }),
            3 => (0_u8..8, 0_u8..12).prop_map(|(client, port)| Operation::Connect { client, port }),
            4 => nth.clone().prop_map(|nth| Operation::Claim { nth }),
            2 => (nth.clone(), 0_u8..40)
                .prop_map(|(nth, within)| Operation::ClaimDue { nth, within }),
            3 => nth.clone().prop_map(|nth| Operation::Open { nth }),
            4 => nth.prop_map(|nth| Operation::End { nth }),
            1 => (0_u8..30).prop_map(|by| Operation::Advance { by }),
            1 => Just(Operation::Expire),
        ]
    }

    fn ports() -> impl Strategy<Value = &'static str> {
        prop_oneof![
            Just("7"),
            Just("8192-8193"),
            Just("8192-8200"),
            Just("1,3,5-6,65535"),
            Just("2000-2079"),
            Just("10000-26383"),
        ]
    }

    fn limits() -> impl Strategy<Value = ReservationLimits> {
        let limit = || prop_oneof![1 => Just(usize::MAX), 1 => 1_usize..6];
        (limit(), limit()).prop_map(|(pending_per_client, clients)| ReservationLimits {
            pending_per_client,
            clients,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
        #[test]
        fn the_table_does_what_the_plain_list_does(
            ports in ports(),
            capacity in 1_usize..60,
            limits in limits(),
            seed: u64,
            operations in prop::collection::vec(operation(), 1..600),
        ) {
            let mut run = Run::new(ports.parse().unwrap(), capacity, seed).with_limits(limits);
            for operation in operations {
                run.apply(operation);
            }
            run.finish();
        }
    }

    #[test]
    fn every_kind_of_operation_has_bytes() {
        let mut kinds = [false; 8];
        for kind in 0..=255 {
            let place = match Operation::from_bytes([kind, 0, 0]) {
                Operation::Reserve { .. } => 0,
                Operation::Connect { .. } => 1,
                Operation::Claim { .. } => 2,
                Operation::End { .. } => 4,
                Operation::Advance { .. } => 5,
                Operation::Expire => 6,
                Operation::Open { .. } => 3,
                Operation::ClaimDue { .. } => 7,
            };
            kinds[place] = true;
        }
        assert_eq!(kinds, [true; 8]);
    }
}
