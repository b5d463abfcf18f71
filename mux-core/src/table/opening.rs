//! Openings: letting connections through to a held reservation.
//!
//! A reservation ends with its connection, because nothing at accept time tells whether that is
//! the right one. Where something later can tell (a TLS handshake shows it), the reservation has
//! to outlive the connections that turn out to be wrong, its candidates. So it is *held*: it keeps
//! its port whatever is claimed, and each opening lets one connection through.
//!
//! An opening is a slot of its own with the same key and deadline. It takes room in the table but
//! no port, and it never outlives its reservation: the end of that ends the openings as well,
//! under the same lock. A reservation has a few at a time, so that connections which come close
//! upon each other are all let through.

use super::errors::{NotOpened, OpenError};
use super::shard::{Clients, MAX_OPENINGS};
use super::slot::{Kind, Slot};
use super::state::{Status, Word};
use super::{ReservationId, Table};

impl<P> Table<P> {
    /// Opens a reservation made with [`Matching::Identity`](super::Matching::Identity) to one
    /// connection: one [`claim`](Self::claim) from its client to its port, before its deadline,
    /// gets `payload`. The reservation itself stays as it is and keeps its port. It can have
    /// [`MAX_OPENINGS`] at a time, which end with it.
    ///
    /// Returns the identity of the opening, which is not that of the reservation.
    ///
    /// # Errors
    ///
    /// [`NotOpened::Stale`] if the reservation has ended, [`NotOpened::Open`] if it has
    /// [`MAX_OPENINGS`] or was made with [`Matching::Address`](super::Matching::Address),
    /// [`NotOpened::TableFull`] when the table is at its capacity. The payload comes back.
    pub fn open(&self, id: ReservationId, payload: P) -> Result<ReservationId, OpenError<P>> {
        if let Err(reason) = self.check(id) {
            return Err(OpenError { reason, payload });
        }
        let held = &self.slots[id.slot as usize];
        // If the slot changes hands before the lock is there, it is another shard's lock; but
        // then the generation has changed as well.
        let key = held.key();
        let hash = self.hasher.client(key.client);
        let has_room =
            |_: &Clients| self.counts.take_room().then_some(()).ok_or(NotOpened::TableFull);
        let mut clients = match self.enter_where(self.shard_of(hash), has_room) {
            Ok(clients) => clients,
            Err(reason) => return Err(OpenError { reason, payload }),
        };
        let opened = self.check(id).and_then(|()| {
            let openings = clients.openings.entry(id.slot).or_default();
            openings.retain(|opening| self.is_pending(*opening));
            if openings.len() == MAX_OPENINGS {
                return Err(NotOpened::Open);
            }
            self.index.insert(hash.with_port(key.port)).ok_or(NotOpened::TableFull)
        });
        let slot = match opened {
            Ok(slot) => slot,
            Err(reason) => {
                self.counts.give_room();
                return Err(OpenError { reason, payload });
            }
        };
        let deadline = held.deadline();
        // SAFETY: `insert` has just handed the slot out, and nobody else publishes it.
        let generation =
            unsafe { self.slots[slot as usize].publish(key, deadline, Kind::Opening, payload) };
        let opening = ReservationId { slot, generation };
        clients.openings.entry(id.slot).or_default().push(opening);
        Ok(opening)
    }

    /// Whether it is held. Under its shard's lock, an end that comes after this is yet to come for
    /// the opening.
    fn check(&self, id: ReservationId) -> Result<(), NotOpened> {
        let word = self.slots.get(id.slot as usize).map(Slot::load);
        match word.filter(|word| word.generation() == id.generation).map(Word::status) {
            Some(Status::Held) => Ok(()),
            Some(Status::Pending) => Err(NotOpened::Open),
            Some(Status::Free | Status::Ended) | None => Err(NotOpened::Stale),
        }
    }

    /// Ends the openings of the reservation that was in that slot. The payloads are to be dropped
    /// after the lock: their drop is the caller's code.
    pub(super) fn end_openings(&self, clients: &mut Clients, held: u32) -> Vec<P> {
        if clients.openings.is_empty() {
            return Vec::new();
        }
        let openings = clients.openings.remove(&held).unwrap_or_default();
        let end = |opening: ReservationId| {
            let slot = &self.slots[opening.slot as usize];
            let payload = slot.end(Word::new(opening.generation, Status::Pending))?;
            self.free_slot(clients, opening.slot);
            Some(payload)
        };
        openings.into_iter().filter_map(end).collect()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::{Matching, Time};
    use super::*;
    use crate::{ClientKey, ClientPrefix};
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    const DEADLINE: Time = Time::from_nanos(10);

    fn client() -> ClientKey {
        ClientPrefix::ADDRESS.key(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)))
    }

    fn table(capacity: usize) -> Table<Arc<str>> {
        Table::with_seed("8192".parse().unwrap(), capacity, 1)
    }

    fn hold(table: &Table<Arc<str>>) -> ReservationId {
        table.reserve(client(), DEADLINE, Matching::Identity, "held".into()).unwrap().id
    }

    fn claim(table: &Table<Arc<str>>) -> Option<Arc<str>> {
        table.claim(8192, client(), Time::ZERO)
    }

    #[test]
    fn one_connection_after_the_other_and_the_port_stays_taken() {
        let table = table(3);
        let held = hold(&table);
        assert_eq!(claim(&table), None, "not open yet");
        for name in ["first", "second"] {
            table.open(held, name.into()).unwrap();
            assert_eq!(claim(&table).as_deref(), Some(name));
            assert_eq!(claim(&table), None);
            let refused = table.reserve(client(), DEADLINE, Matching::Address, "other".into());
            assert!(refused.is_err(), "the port is the held reservation's");
            assert_eq!(table.pending(), 1);
        }
        assert_eq!(table.end(held).as_deref(), Ok("held"));
        assert_eq!(table.open(held, "late".into()).unwrap_err().reason, NotOpened::Stale);
        table.reserve(client(), DEADLINE, Matching::Address, "next".into()).unwrap();
        assert_eq!(claim(&table).as_deref(), Some("next"));
    }

    #[test]
    fn a_few_connections_at_a_time_and_no_more() {
        let table = table(1 + MAX_OPENINGS + 1);
        let held = hold(&table);
        for _ in 0..3 {
            for _ in 0..MAX_OPENINGS {
                table.open(held, "it".into()).unwrap();
            }
            let error = table.open(held, "one too many".into()).unwrap_err();
            assert_eq!((error.reason, &*error.payload), (NotOpened::Open, "one too many"));
            for _ in 0..MAX_OPENINGS {
                assert_eq!(claim(&table).as_deref(), Some("it"));
            }
            assert_eq!(claim(&table), None);
        }
    }

    #[test]
    fn an_opening_ends_with_its_reservation_whichever_way_it_ends() {
        type End = fn(&Table<Arc<str>>, ReservationId);
        let ends: [End; 3] = [
            |table, held| drop(table.end(held).unwrap()),
            |table, held| drop(table.end(held).unwrap()),
            |table, held| {
                let expired = table.expire(DEADLINE);
                assert_eq!(expired.iter().map(|it| it.id).collect::<Vec<_>>(), [held]);
            },
        ];
        for end in ends {
            let table = table(2);
            let held = hold(&table);
            let payload: Arc<str> = "opening".into();
            let opening = table.open(held, Arc::clone(&payload)).unwrap();
            end(&table, held);
            assert_eq!(Arc::strong_count(&payload), 1, "its payload is dropped");
            assert!(!table.is_pending(opening));
            assert_eq!(claim(&table), None);
            assert_eq!((table.pending(), table.next_deadline()), (0, None));
            // All room is back.
            hold(&table);
        }
    }

    #[test]
    fn an_opening_is_not_claimed_after_the_deadline() {
        let table = table(2);
        table.open(hold(&table), "opening".into()).unwrap();
        assert_eq!(table.claim(8192, client(), DEADLINE), None);
    }

    #[test]
    fn an_opening_takes_room_and_an_address_reservation_takes_none() {
        let table = table(1);
        let held = hold(&table);
        assert_eq!(table.open(held, "it".into()).unwrap_err().reason, NotOpened::TableFull);
        drop(table.end(held).unwrap());
        let open = table.reserve(client(), DEADLINE, Matching::Address, "it".into()).unwrap().id;
        assert_eq!(table.open(open, "it".into()).unwrap_err().reason, NotOpened::Open);
    }

    #[test]
    fn an_opening_can_be_taken_back() {
        let table = table(2);
        let held = hold(&table);
        let opening = table.open(held, "first".into()).unwrap();
        assert_eq!(table.end(opening).as_deref(), Ok("first"));
        assert_eq!(claim(&table), None);
        table.open(held, "second".into()).unwrap();
        assert_eq!(claim(&table).as_deref(), Some("second"));
    }
}
