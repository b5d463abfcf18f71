//! The deadlines of one shard's reservations, earliest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{ReservationId, Time};

/// A reservation and when it ends by itself.
///
/// The generation is cut short to keep entries at 16 bytes: that a wrong one of the same slot
/// matches takes four billion reservations of it within one deadline, and all it could do is
/// look at that slot's own deadline once too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) deadline: Time,
    pub(super) slot: u32,
    pub(super) generation: u32,
}

impl Entry {
    pub(super) fn new(deadline: Time, id: ReservationId) -> Self {
        Self { deadline, slot: id.slot, generation: id.generation as u32 }
    }
}

/// A heap in which reservations that ended early stay behind until they are the most, and are
/// then swept out together: constant work per reservation, memory bounded by the pending ones.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    heap: BinaryHeap<Reverse<Entry>>,
    stale: usize,
}

/// Below this it is not worth sweeping.
const SWEEP_FROM: usize = 32;

impl Deadlines {
    pub(super) fn push(&mut self, entry: Entry) {
        self.heap.push(Reverse(entry));
    }

    /// Notes that one reservation whose entry is still in has ended; sweeps when it is time.
    pub(super) fn ended_early(&mut self, is_live: impl Fn(&Entry) -> bool) {
        self.stale += 1;
        if self.stale > SWEEP_FROM && self.stale > self.heap.len() / 2 {
            self.heap.retain(|Reverse(entry)| is_live(entry));
            self.heap.shrink_to(2 * self.heap.len() + SWEEP_FROM);
            self.stale = 0;
        }
    }

    /// Takes out the earliest entry if it is due. It may be that of a reservation which ended
    /// early; the caller says so with [`was_stale`](Self::was_stale).
    pub(super) fn pop_due(&mut self, now: Time) -> Option<Entry> {
        let due = self.heap.peek()?.0.deadline <= now;
        if due { self.heap.pop().map(|Reverse(entry)| entry) } else { None }
    }

    pub(super) fn was_stale(&mut self) {
        self.stale = self.stale.saturating_sub(1);
    }

    /// The earliest deadline of a live entry. Those before it that are not live are let go of.
    pub(super) fn earliest(&mut self, is_live: impl Fn(&Entry) -> bool) -> Option<Time> {
        loop {
            let Reverse(first) = self.heap.peek()?;
            if is_live(first) {
                return Some(first.deadline);
            }
            self.heap.pop();
            self.was_stale();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn entry(deadline: u64, slot: u32) -> Entry {
        let id = ReservationId { slot, generation: 0 };
        Entry::new(Time::from_nanos(deadline), id)
    }

    #[test]
    fn due_entries_come_earliest_first_and_no_others() {
        let mut deadlines = Deadlines::default();
        for deadline in [5, 1, 9, 3] {
            deadlines.push(entry(deadline, 0));
        }
        let now = Time::from_nanos(5);
        let due: Vec<u64> =
            std::iter::from_fn(|| deadlines.pop_due(now)).map(|e| e.deadline.as_nanos()).collect();
        assert_eq!(due, [1, 3, 5]);
        assert_eq!(deadlines.earliest(|_| true), Some(Time::from_nanos(9)));
        assert_eq!(deadlines.earliest(|_| false), None);
    }

    #[test]
    fn what_ended_early_does_not_pile_up() {
        let mut deadlines = Deadlines::default();
        deadlines.push(entry(1, 0));
        for slot in 1..100_000 {
            deadlines.push(entry(2, slot));
            deadlines.ended_early(|entry| entry.slot == 0);
            assert!(deadlines.heap.len() <= 2 * SWEEP_FROM + 2);
        }
        assert!(deadlines.heap.capacity() < 10 * SWEEP_FROM);
        assert_eq!(deadlines.pop_due(Time::MAX), Some(entry(1, 0)));
    }
}
