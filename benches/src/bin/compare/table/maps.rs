//! The other designs: a map from (port, client), in which a port is found by trying one after
//! another.
//!
//! Cancelling goes by the key, as in the servers that work this way, so it may end a later
//! reservation of the same port and client. The table's identities are not asked of them.

use super::design::{Design, FIRST_PORT, Key, Payload};
use dashmap::DashMap;
use hashbrown::hash_table::{self, HashTable};
use mux_core::ClientKey;
use rand::RngExt;
use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

/// A reservation as an entry of a map.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    deadline: u64,
    payload: Payload,
}

/// The map underneath.
pub(super) trait Map {
    fn with_capacity(capacity: usize) -> Self;
    /// Whether the key was vacant.
    fn insert_if_vacant(&self, key: Key, entry: Entry) -> bool;
    fn remove_if(&self, key: Key, wanted: impl Fn(&Entry) -> bool) -> Option<Entry>;
    fn retain(&self, kept: impl FnMut(&Entry) -> bool);
}

/// A table on a map.
#[derive(Debug)]
pub(super) struct Probing<M> {
    map: M,
    width: u16,
}

impl<M: Map> Design for Probing<M> {
    type Ticket = Key;

    fn new(width: u16, capacity: usize) -> Self {
        Self { map: M::with_capacity(capacity), width }
    }

    fn reserve(&self, client: ClientKey, deadline: u64, payload: Payload) -> Option<(u16, Key)> {
        let start = rand::rng().random_range(0..self.width);
        let ports = (start..self.width).chain(0..start).map(|index| FIRST_PORT + index);
        let entry = Entry { deadline, payload };
        let free = |port: &u16| self.map.insert_if_vacant((*port, client), entry);
        ports.into_iter().find(free).map(|port| (port, (port, client)))
    }

    fn claim(&self, key: Key, now: u64) -> Option<Payload> {
        let entry = self.map.remove_if(key, |entry| entry.deadline > now)?;
        Some(entry.payload)
    }

    fn cancel(&self, key: Key) -> Option<Payload> {
        Some(self.map.remove_if(key, |_| true)?.payload)
    }

    fn expire(&self, now: u64) -> Vec<Payload> {
        let mut expired = Vec::new();
        self.map.retain(|entry| {
            let pending = entry.deadline > now;
            if !pending {
                expired.push(entry.payload);
            }
            pending
        });
        expired
    }
}

/// The hash function of the quicker ones; what `hashbrown` takes by itself.
type Fast = foldhash::fast::RandomState;

/// What is as quick as possible: no threads, no locks.
pub(super) type Floor = Probing<RefCell<Plain>>;
/// One lock around the same.
pub(super) type OneLock = Probing<Mutex<Plain>>;
/// With the standard library's hash function, as libunftp has it.
pub(super) type Dash = Probing<DashMap<Key, Entry, RandomState>>;
pub(super) type DashFast = Probing<DashMap<Key, Entry, Fast>>;
pub(super) type Papaya = Probing<papaya::HashMap<Key, Entry, Fast>>;

impl Map for RefCell<Plain> {
    fn with_capacity(capacity: usize) -> Self {
        Self::new(Plain::with_capacity(capacity))
    }

    fn insert_if_vacant(&self, key: Key, entry: Entry) -> bool {
        self.borrow_mut().insert_if_vacant(key, entry)
    }

    fn remove_if(&self, key: Key, wanted: impl Fn(&Entry) -> bool) -> Option<Entry> {
        self.borrow_mut().remove_if(key, wanted)
    }

    fn retain(&self, mut kept: impl FnMut(&Entry) -> bool) {
        self.borrow_mut().table.retain(|(_, entry)| kept(entry));
    }
}

impl Map for Mutex<Plain> {
    fn with_capacity(capacity: usize) -> Self {
        Self::new(Plain::with_capacity(capacity))
    }

    fn insert_if_vacant(&self, key: Key, entry: Entry) -> bool {
        self.lock().unwrap_or_else(PoisonError::into_inner).insert_if_vacant(key, entry)
    }

    fn remove_if(&self, key: Key, wanted: impl Fn(&Entry) -> bool) -> Option<Entry> {
        self.lock().unwrap_or_else(PoisonError::into_inner).remove_if(key, wanted)
    }

    fn retain(&self, mut kept: impl FnMut(&Entry) -> bool) {
        let mut plain = self.lock().unwrap_or_else(PoisonError::into_inner);
        plain.table.retain(|(_, entry)| kept(entry));
    }
}

/// `hashbrown`, with one lookup for each operation.
#[derive(Debug)]
pub(super) struct Plain {
    table: HashTable<(Key, Entry)>,
    hasher: Fast,
}

impl Plain {
    fn with_capacity(capacity: usize) -> Self {
        Self { table: HashTable::with_capacity(capacity), hasher: Fast::default() }
    }

    fn insert_if_vacant(&mut self, key: Key, entry: Entry) -> bool {
        let hash = |(key, _): &(Key, Entry)| self.hasher.hash_one(key);
        match self.table.entry(hash(&(key, entry)), |(other, _)| *other == key, hash) {
            hash_table::Entry::Occupied(_) => false,
            hash_table::Entry::Vacant(vacant) => {
                vacant.insert((key, entry));
                true
            }
        }
    }

    fn remove_if(&mut self, key: Key, wanted: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let found = self.table.find_entry(self.hasher.hash_one(key), |(other, _)| *other == key);
        let found = found.ok().filter(|found| wanted(&found.get().1))?;
        Some(found.remove().0.1)
    }
}

impl<S: BuildHasher + Clone + Default> Map for DashMap<Key, Entry, S> {
    fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, S::default())
    }

    fn insert_if_vacant(&self, key: Key, entry: Entry) -> bool {
        match self.entry(key) {
            dashmap::Entry::Occupied(_) => false,
            dashmap::Entry::Vacant(vacant) => {
                vacant.insert(entry);
                true
            }
        }
    }

    fn remove_if(&self, key: Key, wanted: impl Fn(&Entry) -> bool) -> Option<Entry> {
        DashMap::remove_if(self, &key, |_, entry| wanted(entry)).map(|(_, entry)| entry)
    }

    fn retain(&self, mut kept: impl FnMut(&Entry) -> bool) {
        DashMap::retain(self, |_, entry| kept(entry));
    }
}

impl<S: BuildHasher + Default> Map for papaya::HashMap<Key, Entry, S> {
    fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, S::default())
    }

    fn insert_if_vacant(&self, key: Key, entry: Entry) -> bool {
        self.pin().try_insert(key, entry).is_ok()
    }

    fn remove_if(&self, key: Key, wanted: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let pinned = self.pin();
        pinned.remove_if(&key, |_, entry| wanted(entry)).ok()?.map(|(_, entry)| *entry)
    }

    fn retain(&self, mut kept: impl FnMut(&Entry) -> bool) {
        self.pin().retain(|_, entry| kept(entry));
    }
}

#[cfg(test)]
mod tests {
    use super::super::ours::Ours;
    use super::*;
    use mux_core::ClientPrefix;
    use std::net::{IpAddr, Ipv4Addr};

    /// The same workload must have the same outcome, or the comparison is of different things.
    fn does_what_a_table_does<D: Design>() {
        let client = |last| ClientPrefix::ADDRESS.key(IpAddr::from(Ipv4Addr::new(192, 0, 2, last)));
        let table = D::new(3, 10);
        let mut ports: Vec<u16> =
            (0..3).map(|n| table.reserve(client(1), 10 + n, [n, n]).unwrap().0).collect();
        assert!(table.reserve(client(1), 10, [9, 9]).is_none(), "all ports are taken");
        let (other, ticket) = table.reserve(client(2), 10, [5, 5]).unwrap();
        assert_eq!(table.claim((ports[1], client(3)), 0), None);
        assert_eq!(table.claim((ports[1], client(1)), 0), Some([1, 1]));
        assert_eq!(table.claim((ports[1], client(1)), 0), None);
        assert_eq!(table.cancel(ticket), Some([5, 5]));
        assert_eq!(table.claim((other, client(2)), 0), None);
        assert_eq!(table.claim((ports[2], client(1)), 12), None, "its deadline has passed");
        assert_eq!(table.expire(10), [[0, 0]]);
        assert_eq!(table.expire(u64::MAX), [[2, 2]]);
        ports.sort_unstable();
        assert_eq!(ports, [FIRST_PORT, FIRST_PORT + 1, FIRST_PORT + 2]);
    }

    #[test]
    fn all_designs_do_the_same() {
        does_what_a_table_does::<Ours>();
        does_what_a_table_does::<Floor>();
        does_what_a_table_does::<OneLock>();
        does_what_a_table_does::<Dash>();
        does_what_a_table_does::<DashFast>();
        does_what_a_table_does::<Papaya>();
    }
}
