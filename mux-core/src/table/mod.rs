//! The reservation table: who may claim the next connection from which client to which port.
//!
//! The table is sans-I/O. It knows no sockets, no runtime and no clock: `now` is an argument, and
//! what a reservation carries (its *payload*, say the sending half of a channel) is up to the
//! caller.
//!
//! ```
//! use std::time::Duration;
//! use mux_core::table::{Matching, Table, Time};
//! use mux_core::{ClientPrefix, PortSet};
//!
//! let ports: PortSet = "8192-8200".parse()?;
//! let table = Table::new(ports, 1024);
//! let client = ClientPrefix::ADDRESS.key("192.0.2.1".parse::<std::net::IpAddr>()?);
//! let now = Time::ZERO;
//!
//! let deadline = now + Duration::from_secs(15);
//! let reserved = table.reserve(client, deadline, Matching::Address, "session 7")?;
//!
//! // A connection from that client to that port is session 7's, once.
//! assert_eq!(table.claim(reserved.port, client, now), Some("session 7"));
//! assert_eq!(table.claim(reserved.port, client, now), None);
//! // The identity of a reservation that has ended does nothing, and says so.
//! assert!(table.end(reserved.id).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it works
//!
//! A reservation lives in a *slot*, whose state word carries a generation and a status and changes
//! only by read-modify-write: of all who try to end one reservation, one succeeds, and it alone
//! gets the payload. A lock-free index leads from (port, client) to the slot. Claims use
//! nothing else; they take no lock and allocate nothing.
//!
//! Reserving and giving back also need to know which ports a client has taken. That, and the
//! deadlines, stand in *shards*, each under a short lock of its own. A claim leaves its slot on
//! the shard's list of ended ones, without a lock, and the next call that takes the shard's lock gives
//! those ports back first; so a port is free again as soon as the claim has returned.
//!
//! # Memory
//!
//! All slots are allocated at the start, for `capacity` reservations. Clients and deadlines take
//! memory only while they have reservations.

mod counts;
mod errors;
mod hash;
mod index;
mod limits;
#[cfg(test)]
mod models;
mod opening;
#[cfg(any(test, feature = "oracle"))]
pub mod oracle;
mod port_picker;
mod random;
mod shard;
mod slot;
mod state;
mod time;

use std::fmt;

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng, TryRng};

pub use errors::{NotOpened, OpenError, Rejected, Stale};
pub use limits::ReservationLimits;
pub use shard::MAX_OPENINGS;
pub use time::Time;

use crate::sync::{MutexGuard, Ordering, lock};
use crate::{ClientKey, PortSet, ReserveError};
use counts::Counts;
use hash::{ClientHash, Hasher};
use index::Index;
use random::Random;
use shard::{Clients, NONE, Shard};
use slot::{Key, Kind, Slot};
use state::{Status, Word};

#[cfg(not(loom))]
const SHARDS: usize = 64;
/// Models have few threads, and every object costs them time.
#[cfg(loom)]
const SHARDS: usize = 2;

/// The reservation table. See the [module documentation](self).
pub struct Table<P> {
    ports: PortSet,
    limits: ReservationLimits,
    counts: Counts,
    hasher: Hasher,
    index: Index,
    slots: Box<[Slot<P>]>,
    shards: Box<[Shard]>,
}

/// Which reservation of a table, of all it has ever had. It outlives the reservation and then
/// matches nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReservationId {
    slot: u32,
    generation: u64,
}

impl ReservationId {
    /// The identity as a number, different for every reservation a table has ever had.
    #[must_use]
    pub const fn to_bits(self) -> u128 {
        (self.generation as u128) << 32 | self.slot as u128
    }

    /// The inverse of [`to_bits`](Self::to_bits). Any other number gives an identity that is
    /// stale or not yet in use, never one that is unsafe.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self { slot: bits as u32, generation: (bits >> 32) as u64 }
    }
}

/// What [`Table::reserve`] has reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// The port, one of the table's set.
    pub port: u16,
    /// The reservation's identity.
    pub id: ReservationId,
}

/// How a reservation finds its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// [`Table::claim`] finds it by port and client.
    Address,
    /// The caller sees to it that its connection arrives (the kernel, when a listening socket
    /// is lent); it takes its port but only [`Table::end`] finds it.
    Identity,
}

/// A reservation whose deadline has passed.
#[derive(Debug)]
pub struct Expired<P> {
    /// The identity it had.
    pub id: ReservationId,
    /// The port it had.
    pub port: u16,
    /// The client it was for.
    pub client: ClientKey,
    /// What it carried.
    pub payload: P,
}

impl<P> Table<P> {
    /// A table for `ports` that can hold `capacity` reservations at the same time.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0 or above two billion, or the system has no randomness to give.
    #[must_use]
    pub fn new(ports: PortSet, capacity: usize) -> Self {
        let seed = SysRng.try_next_u64().expect("the system's random number source");
        Self::with_random(ports, capacity, seed, || Random::Thread)
    }

    /// A table whose choice of ports repeats from run to run: for tests and simulations, never
    /// for a server.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0 or above two billion.
    #[must_use]
    pub fn with_seed(ports: PortSet, capacity: usize, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let hashes = random.next_u64();
        let seeded = || Random::Seeded(Box::new(StdRng::from_rng(&mut random)));
        Self::with_random(ports, capacity, hashes, seeded)
    }

    fn with_random(
        ports: PortSet,
        capacity: usize,
        hashes: u64,
        mut random: impl FnMut() -> Random,
    ) -> Self {
        assert!((1..=2_000_000_000).contains(&capacity), "capacity must be 1 to 2,000,000,000");
        let index = Index::new(capacity);
        Self {
            slots: (0..index.slots()).map(|_| Slot::new()).collect(),
            shards: (0..SHARDS).map(|_| Shard::new(random())).collect(),
            ports,
            limits: ReservationLimits::default(),
            counts: Counts::new(capacity),
            hasher: Hasher::new(hashes),
            index,
        }
    }

    /// The same table with limits.
    ///
    /// # Panics
    ///
    /// If a limit is 0.
    #[must_use]
    pub fn with_limits(self, limits: ReservationLimits) -> Self {
        assert!(limits.pending_per_client > 0 && limits.clients > 0, "limits must be at least 1");
        Self { limits, ..self }
    }

    /// The ports it reserves.
    #[must_use]
    pub fn ports(&self) -> &PortSet {
        &self.ports
    }

    /// How many reservations it can hold at the same time.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.counts.capacity()
    }

    /// How many reservations are there that have not ended. Looks at every shard in turn.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.shards.iter().map(|shard| self.enter(shard).pending).sum()
    }

    /// How many clients have reservations that have not ended. Looks at every shard in turn.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.shards.iter().map(|shard| self.enter(shard).len()).sum()
    }

    /// Reserves a port for `client` until `deadline`, which may be any time. The port is a
    /// random one of those on which the client has no reservation.
    ///
    /// # Errors
    ///
    /// [`ReserveError::NoFreePort`] when the client has a reservation on every port,
    /// [`ReserveError::PendingLimit`] and [`ReserveError::TooManyClients`] at the [`ReservationLimits`], and
    /// [`ReserveError::TableFull`] when the table is at its capacity. The payload comes back.
    pub fn reserve(
        &self,
        client: ClientKey,
        deadline: Time,
        matching: Matching,
        payload: P,
    ) -> Result<Reserved, Rejected<P>> {
        self.reserve_until(client, || deadline, matching, payload)
    }

    /// As [`reserve`](Self::reserve), with a deadline that is asked for when a port was found. What
    /// had that port before is over by then: where every reservation lives equally long, its
    /// deadline tells [`claim_due_before`](Self::claim_due_before) when it was made.
    ///
    /// `deadline` is called under a lock, so it must be quick, and must not use the table.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn reserve_until(
        &self,
        client: ClientKey,
        deadline: impl FnOnce() -> Time,
        matching: Matching,
        payload: P,
    ) -> Result<Reserved, Rejected<P>> {
        let hash = self.hasher.client(client);
        let (mut clients, port) = match self.take_port(client, hash) {
            Ok(taken) => taken,
            Err(reason) => return Err(Rejected { reason, payload }),
        };
        let key = Key { client, port };
        let Some(slot) = self.index.insert(hash.with_port(port)) else {
            self.give_port(&mut clients, key, hash);
            self.counts.give_room();
            return Err(Rejected { reason: ReserveError::TableFull, payload });
        };
        let deadline = deadline();
        let kind = match matching {
            Matching::Address => Kind::Pending,
            Matching::Identity => Kind::Held,
        };
        // SAFETY: `insert` has just handed the slot out, and nobody else publishes it.
        let generation = unsafe { self.slots[slot as usize].publish(key, deadline, kind, payload) };
        let id = ReservationId { slot, generation };
        clients.deadlines.insert((deadline, slot));
        drop(clients);
        Ok(Reserved { port, id })
    }

    /// Claims the reservation for a connection from `client` to `port`, and returns its payload.
    ///
    /// Lock-free and bounded: takes no lock, allocates nothing, and its steps are bounded by the
    /// table's capacity (nearly always there is one). A reservation whose deadline is not after
    /// `now` is not claimed, whether or not [`expire`](Self::expire) has seen it yet.
    #[must_use = "the payload is the claimed reservation's"]
    pub fn claim(&self, port: u16, client: ClientKey, now: Time) -> Option<P> {
        self.claim_where(port, client, |deadline| deadline > now)
    }

    /// As [`claim`](Self::claim), but a reservation whose deadline is not before `due` is not
    /// claimed either. It is for a connection that came some time ago, and must not get what was
    /// reserved since.
    #[must_use = "the payload is the claimed reservation's"]
    pub fn claim_due_before(
        &self,
        port: u16,
        client: ClientKey,
        now: Time,
        due: Time,
    ) -> Option<P> {
        self.claim_where(port, client, |deadline| deadline > now && deadline < due)
    }

    fn claim_where(
        &self,
        port: u16,
        client: ClientKey,
        is_meant: impl Fn(Time) -> bool,
    ) -> Option<P> {
        let key = Key { client, port };
        let hash = self.hasher.client(client);
        self.index.find(hash.with_port(port), |number| {
            let slot = &self.slots[number as usize];
            let word = slot.load();
            if word.status() != Status::Pending || slot.key() != key || !is_meant(slot.deadline()) {
                return None;
            }
            let payload = slot.end(word)?;
            self.shard_of(hash).push_ended(number, &slot.next_ended);
            Some(payload)
        })
    }

    /// Ends every reservation whose deadline is not after `now`, and returns them. Their ports
    /// are free when this returns.
    #[must_use = "those who wait for the expired reservations want to be told"]
    pub fn expire(&self, now: Time) -> Vec<Expired<P>> {
        let mut expired = Vec::new();
        let mut openings = Vec::new();
        for shard in &self.shards {
            let mut clients = self.enter(shard);
            while let Some(&(deadline, number)) = clients.deadlines.first()
                && deadline <= now
            {
                clients.deadlines.pop_first();
                // Until this shard gives the slot back, its generation stays what it is.
                let slot = &self.slots[number as usize];
                let word = slot.load();
                // If a claim came first, the slot is yet to come off the list of ended ones.
                let Some(payload) = word.is_live().then(|| slot.end(word)).flatten() else {
                    continue;
                };
                let id = ReservationId { slot: number, generation: word.generation() };
                let Key { client, port } = slot.key();
                openings.extend(self.end_openings(&mut clients, number));
                self.free_slot(&mut clients, number);
                expired.push(Expired { id, port, client, payload });
            }
        }
        expired
    }

    /// The ports, in ascending order, of the reservations that [`expire`](Self::expire) would end
    /// at `now`: for who has something to do there first.
    #[must_use]
    pub fn due(&self, now: Time) -> Vec<u16> {
        let mut ports = Vec::new();
        for shard in &self.shards {
            let clients = self.enter(shard);
            let due = clients.deadlines.iter().take_while(|(deadline, _)| *deadline <= now);
            let live = due.map(|&(_, slot)| &self.slots[slot as usize]).filter(|it| it.is_live());
            ports.extend(live.map(|slot| slot.key().port));
        }
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// The earliest deadline of a pending reservation; `None` if there is no reservation.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        let earliest = |shard| {
            let clients = self.enter(shard);
            let is_live = |slot: &u32| self.slots[*slot as usize].is_live();
            clients.deadlines.iter().find(|(_, slot)| is_live(slot)).map(|&(deadline, _)| deadline)
        };
        self.shards.iter().filter_map(earliest).min()
    }

    /// Takes a port for `client`, and returns it and the lock that it was taken under.
    fn take_port(
        &self,
        client: ClientKey,
        hash: ClientHash,
    ) -> Result<(MutexGuard<'_, Clients>, u16), ReserveError> {
        // Another session of the client may come first.
        let counted = |clients: &Clients| {
            self.limits.clients == usize::MAX
                || clients.has(client, hash)
                || self.counts.take_client(self.limits.clients)
        };
        let mut clients = self.enter_where(self.shard_of(hash), |clients| {
            if !self.counts.take_room() {
                return Err(ReserveError::TableFull);
            }
            if !counted(clients) {
                self.counts.give_room();
                return Err(ReserveError::TooManyClients);
            }
            Ok(())
        })?;
        let most = self.limits.pending_per_client;
        let taken = clients.take(client, hash, &self.hasher, self.ports.len(), most);
        let index = taken.inspect_err(|_| self.counts.give_room())?;
        let port = self.ports.port_at(index).expect("an index within the set's width");
        Ok((clients, port))
    }

    /// Gives a port back, under the lock of its client's shard.
    fn give_port(&self, clients: &mut Clients, key: Key, hash: ClientHash) {
        let index = self.ports.index_of(key.port).expect("a port of the set");
        let last = clients.give_back(key.client, index, hash, &self.hasher, self.ports.len());
        if last && self.limits.clients != usize::MAX {
            self.counts.give_client();
        }
    }

    /// Whether the reservation has not ended, as of now.
    #[must_use]
    pub fn is_pending(&self, id: ReservationId) -> bool {
        self.slots.get(id.slot as usize).is_some_and(|slot| {
            let word = slot.load();
            word.generation() == id.generation && word.is_live()
        })
    }

    /// Ends a reservation by its identity, however it matches, and returns its payload. Whether it
    /// is claimed or cancelled that way is the caller's to say. Its port is free when this returns.
    ///
    /// # Errors
    ///
    /// [`Stale`] if it has ended before.
    pub fn end(&self, id: ReservationId) -> Result<P, Stale> {
        let slot = self.slots.get(id.slot as usize).ok_or(Stale)?;
        // Either status may be what the identity's generation has; a third word is another
        // generation's, or that of the end.
        let payload = [Status::Pending, Status::Held]
            .into_iter()
            .find_map(|status| slot.end(Word::new(id.generation, status)))
            .ok_or(Stale)?;
        let shard = self.shard_of(self.hasher.client(slot.key().client));
        let mut clients = self.enter(shard);
        let openings = self.end_openings(&mut clients, id.slot);
        self.free_slot(&mut clients, id.slot);
        drop(clients);
        drop(openings);
        Ok(payload)
    }

    /// Locks a shard and gives back the ports of the slots on its list of ended ones.
    fn enter<'a>(&self, shard: &'a Shard) -> MutexGuard<'a, Clients> {
        let mut clients = lock(&shard.clients);
        let mut ended = shard.take_ended();
        while ended != NONE {
            // Relaxed: `take_ended` has acquired what the list is made of.
            let next = self.slots[ended as usize].next_ended.load(Ordering::Relaxed);
            self.free_slot(&mut clients, ended);
            ended = next;
        }
        clients
    }

    /// Gives back an ended slot and its port, under the lock of its client's shard.
    fn free_slot(&self, clients: &mut Clients, number: u32) {
        let slot = &self.slots[number as usize];
        let key = slot.key();
        let hash = self.hasher.client(key.client);
        if !slot.is_opening() {
            self.give_port(clients, key, hash);
            clients.deadlines.remove(&(slot.deadline(), number));
        }
        slot.recycle();
        self.index.remove(hash.with_port(key.port), number);
        self.counts.give_room();
    }

    /// Locks a shard in which something `is_there`, looking once more after giving back what has
    /// ended anywhere.
    fn enter_where<'a, E>(
        &self,
        shard: &'a Shard,
        is_there: impl Fn(&Clients) -> Result<(), E>,
    ) -> Result<MutexGuard<'a, Clients>, E> {
        let clients = self.enter(shard);
        if is_there(&clients).is_ok() {
            return Ok(clients);
        }
        drop(clients);
        for shard in &self.shards {
            drop(self.enter(shard));
        }
        let clients = self.enter(shard);
        is_there(&clients).map(|()| clients)
    }

    fn shard_of(&self, hash: ClientHash) -> &Shard {
        &self.shards[hash.shard(SHARDS)]
    }
}

impl<P> fmt::Debug for Table<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("ports", &self.ports)
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
