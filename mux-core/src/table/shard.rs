//! One part of the table's clients, and what is done under its lock.

use std::collections::{BTreeSet, HashMap};

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use smallvec::SmallVec;

use super::hash::{ClientHash, Hasher};
use super::port_picker::PortPicker;
use super::random::Random;
use super::{ReservationId, Time};
use crate::sync::{AtomicU32, Mutex, Ordering};
use crate::{ClientKey, ReserveError};

/// How many openings a reservation has at most that were not claimed yet.
pub const MAX_OPENINGS: usize = 4;

pub(super) type Openings = SmallVec<[ReservationId; MAX_OPENINGS]>;

/// The end of the list of ended slots.
pub(super) const NONE: u32 = u32::MAX;

/// Aligned so that two shards never share a cache line.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Shard {
    /// Slots whose reservation was claimed, linked by `Slot::next_ended`: pushed by claims
    /// without a lock, taken off all at once under the shard's lock.
    ended: AtomicU32,
    pub(super) clients: Mutex<Clients>,
}

/// What a shard's lock protects.
///
/// In this order: what every reservation needs lies in as few cache lines as possible, because
/// each of them may have to come from another processor.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Clients {
    /// Reservations that have not ended, as far as this lock has heard.
    pub(super) pending: usize,
    /// The clients that have reservations, and the ports those take.
    taken: HashTable<(ClientKey, PortPicker)>,
    /// The deadline and the slot of each reservation that was not given back yet.
    pub(super) deadlines: BTreeSet<(Time, u32)>,
    random: Random,
    /// The openings of each held reservation that has had one, by the number of its slot. Some may
    /// have been claimed.
    pub(super) openings: HashMap<u32, Openings, RandomState>,
}

impl Shard {
    pub(super) fn new(random: Random) -> Self {
        Self {
            ended: AtomicU32::new(NONE),
            clients: Mutex::new(Clients {
                pending: 0,
                taken: HashTable::new(),
                deadlines: BTreeSet::new(),
                random,
                openings: HashMap::default(),
            }),
        }
    }

    /// Puts an ended slot on the list. Lock-free; the caller must have won the slot's end.
    pub(super) fn push_ended(&self, slot: u32, next_ended: &AtomicU32) {
        let mut head = self.ended.load(Ordering::Relaxed);
        loop {
            next_ended.store(head, Ordering::Relaxed);
            // Release: partner of the Acquire in `take_ended`. Makes the link, and that the
            // payload was moved out, visible to the call that takes the list.
            match self.ended.compare_exchange_weak(head, slot, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => break,
                Err(now) => head = now,
            }
        }
    }

    /// Takes the whole list of ended slots and returns its first, or [`NONE`]. Only under the
    /// shard's lock. That the list is only ever taken whole is what keeps it free of ABA.
    pub(super) fn take_ended(&self) -> u32 {
        if self.ended.load(Ordering::Relaxed) == NONE {
            return NONE;
        }
        // Acquire: partner of the Release in `push_ended`.
        self.ended.swap(NONE, Ordering::Acquire)
    }
}

impl Clients {
    /// How many clients there are.
    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }

    pub(super) fn has(&self, client: ClientKey, hash: ClientHash) -> bool {
        self.taken.find(hash.in_shard(), |(other, _)| *other == client).is_some()
    }

    /// Takes a port out of `width` for a client that may have `most`, and returns its index.
    pub(super) fn take(
        &mut self,
        client: ClientKey,
        hash: ClientHash,
        hasher: &Hasher,
        width: usize,
        most: usize,
    ) -> Result<u16, ReserveError> {
        let same = |(other, _): &(ClientKey, PortPicker)| *other == client;
        let entry =
            self.taken.entry(hash.in_shard(), same, |(other, _)| hasher.client(*other).in_shard());
        let mut entry = match entry {
            Entry::Occupied(there) => there,
            Entry::Vacant(new) => new.insert((client, PortPicker::new())),
        };
        let (_, ports) = entry.get_mut();
        if ports.len() >= most.min(width) {
            return Err(if ports.len() == width {
                ReserveError::NoFreePort
            } else {
                ReserveError::PendingLimit
            });
        }
        let port = ports.take(width, &mut self.random).expect("a port is free");
        self.pending += 1;
        Ok(port)
    }

    /// Gives the port with this index back to its client, and forgets the client with its last
    /// one. Whether it was the last one.
    #[must_use = "a client that is forgotten is to be uncounted"]
    pub(super) fn give_back(
        &mut self,
        client: ClientKey,
        port: u16,
        hash: ClientHash,
        hasher: &Hasher,
        width: usize,
    ) -> bool {
        self.pending -= 1;
        let same = |(other, _): &(ClientKey, PortPicker)| *other == client;
        let Ok(mut entry) = self.taken.find_entry(hash.in_shard(), same) else { return false };
        let (_, ports) = entry.get_mut();
        ports.give_back(port, width);
        let last = ports.is_empty();
        if last {
            entry.remove();
            self.give_memory_back(hasher);
        }
        last
    }

    /// Shrinks the map when a crowd has gone. Seldom enough to cost next to nothing per client.
    fn give_memory_back(&mut self, hasher: &Hasher) {
        let clients = self.taken.len();
        if self.taken.capacity() > 64 + 8 * clients {
            self.taken.shrink_to(2 * clients, |(other, _)| hasher.client(*other).in_shard());
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// At every length the map takes no more than a few times what it needs, and seldom another
    /// allocation on the way.
    #[test]
    fn a_crowd_that_leaves_gives_its_memory_back() {
        let hasher = Hasher::new(1);
        let shard = Shard::new(Random::Thread);
        let mut clients = shard.clients.lock().unwrap();
        let crowd: Vec<ClientKey> = (0..10_000).map(ClientKey::from_bits).collect();
        for &client in &crowd {
            let port = clients.take(client, hasher.client(client), &hasher, 1, 1);
            assert_eq!(port, Ok(0));
        }
        let mut capacities = HashSet::new();
        for &client in &crowd {
            assert!(clients.give_back(client, 0, hasher.client(client), &hasher, 1));
            // A map is a power of two in size, and seven eighths of it are used.
            let most = (64 + 8 * clients.len()).next_power_of_two();
            assert!(clients.taken.capacity() <= most, "{}", clients.taken.capacity());
            capacities.insert(clients.taken.capacity().next_power_of_two());
        }
        assert!((2..10).contains(&capacities.len()), "{capacities:?}");
    }
}
