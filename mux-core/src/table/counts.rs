//! The table's two counts, apart from everything that claims read.

use crate::sync::{AtomicUsize, Ordering};

/// How many slots are in use, and how many clients there are.
///
/// Aligned so that counting does not take away the cache lines that claims look at.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Counts {
    capacity: usize,
    /// Slots in use: reservations and openings, and those ended that were not given back yet.
    used: AtomicUsize,
    /// Clients in the shards; kept only where there is a limit to them.
    clients: AtomicUsize,
}

// Relaxed throughout: counts, which protect nothing. The index cannot overflow because a slot goes
// back to it before its room is given back.
impl Counts {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, used: AtomicUsize::new(0), clients: AtomicUsize::new(0) }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Counts one more slot, if that does not make more than the capacity.
    pub(super) fn take_room(&self) -> bool {
        count_one_more(&self.used, self.capacity)
    }

    pub(super) fn give_room(&self) {
        self.used.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts one more client, if that does not make more than `most`. For one that holds its
    /// shard's lock.
    pub(super) fn take_client(&self, most: usize) -> bool {
        count_one_more(&self.clients, most)
    }

    pub(super) fn give_client(&self) {
        self.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

fn count_one_more(count: &AtomicUsize, most: usize) -> bool {
    let one_more = |count| (count < most).then_some(count + 1);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
}
