//! The deadlines of one shard's reservations, earliest first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

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

/// A reservation that ended early is taken out if it is among the latest, as most are: a client
/// connects within moments. Others stay behind until three in four have ended, and are then swept
/// out together: constant work per reservation, memory bounded by the pending ones.
///
/// Where all reservations live equally long, each deadline is the latest so far, and a queue will
/// do. Only those that come out of order take the heap and its sorting.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    in_order: VecDeque<Entry>,
    others: BinaryHeap<Reverse<Entry>>,
    stale: usize,
}

/// Below this it is not worth sweeping.
const SWEEP_FROM: usize = 32;
/// How many of the latest are looked through for one that has ended: two cache lines.
const LATEST: usize = 8;

impl Deadlines {
    pub(super) fn push(&mut self, entry: Entry) {
        match self.in_order.back() {
            Some(latest) if latest.deadline > entry.deadline => self.others.push(Reverse(entry)),
            _ => self.in_order.push_back(entry),
        }
    }

    /// Notes that the reservation in `slot`, whose entry is still in, has ended; sweeps when it is
    /// time. Of several entries with that slot, all but the latest ended before.
    pub(super) fn ended_early(&mut self, slot: u32, is_live: impl Fn(&Entry) -> bool) {
        let mut latest = self.in_order.iter().rev().take(LATEST);
        if let Some(after) = latest.position(|entry| entry.slot == slot) {
            self.in_order.remove(self.in_order.len() - 1 - after);
            self.give_memory_back();
            return;
        }
        self.stale += 1;
        if self.stale > SWEEP_FROM && self.stale > self.len() / 4 * 3 {
            self.in_order.retain(&is_live);
            self.others.retain(|Reverse(entry)| is_live(entry));
            self.stale = 0;
            self.give_memory_back();
        }
    }

    /// Shrinks when a crowd has gone. Seldom enough to cost next to nothing per reservation.
    fn give_memory_back(&mut self) {
        let most = |length: usize| SWEEP_FROM + 4 * length;
        if self.in_order.capacity() > most(self.in_order.len()) {
            self.in_order.shrink_to(2 * self.in_order.len());
        }
        if self.others.capacity() > most(self.others.len()) {
            self.others.shrink_to(2 * self.others.len());
        }
    }

    /// The entries that are due, in no order. Among them may be those of reservations which ended
    /// early.
    pub(super) fn due(&self, now: Time) -> impl Iterator<Item = &Entry> {
        let in_order = self.in_order.iter().take_while(move |entry| entry.deadline <= now);
        let others = self.others.iter().map(|Reverse(entry)| entry);
        in_order.chain(others.filter(move |entry| entry.deadline <= now))
    }

    /// Takes out the earliest entry if it is due. It may be that of a reservation which ended
    /// early; the caller says so with [`was_stale`](Self::was_stale).
    pub(super) fn pop_due(&mut self, now: Time) -> Option<Entry> {
        let due = self.first()?.deadline <= now;
        if due { self.pop() } else { None }
    }

    pub(super) fn was_stale(&mut self) {
        self.stale = self.stale.saturating_sub(1);
    }

    /// The earliest deadline of a live entry. Those before it that are not live are let go of.
    pub(super) fn earliest(&mut self, is_live: impl Fn(&Entry) -> bool) -> Option<Time> {
        loop {
            let first = self.first()?;
            if is_live(&first) {
                return Some(first.deadline);
            }
            self.pop();
            self.was_stale();
        }
    }

    fn len(&self) -> usize {
        self.in_order.len() + self.others.len()
    }

    fn first(&self) -> Option<Entry> {
        let other = self.others.peek().map(|Reverse(entry)| entry);
        self.in_order.front().into_iter().chain(other).min_by_key(|entry| entry.deadline).copied()
    }

    fn pop(&mut self) -> Option<Entry> {
        let first = match (self.in_order.front(), self.others.peek()) {
            (Some(in_order), Some(Reverse(other))) if in_order.deadline <= other.deadline => {
                self.in_order.pop_front()
            }
            (_, Some(_)) => self.others.pop().map(|Reverse(entry)| entry),
            (_, None) => self.in_order.pop_front(),
        };
        self.give_memory_back();
        first
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;
    use std::cell::Cell;
    use std::collections::HashSet;

    fn entry(deadline: u64, slot: u32) -> Entry {
        let id = ReservationId { slot, generation: 0 };
        Entry::new(Time::from_nanos(deadline), id)
    }

    proptest! {
        /// Whatever order they come in, and whatever is swept out in between.
        #[test]
        fn they_come_earliest_first(
            steps in prop::collection::vec((0_u64..50, prop::option::weighted(0.9, any::<Index>())), 1..300),
        ) {
            let mut deadlines = Deadlines::default();
            let mut live = Vec::new();
            for (slot, (deadline, ends)) in (0..).zip(steps) {
                deadlines.push(entry(deadline, slot));
                live.push((deadline, slot));
                if let Some(which) = ends {
                    let (_, ended) = live.swap_remove(which.index(live.len()));
                    deadlines.ended_early(ended, |entry| live.contains(&(entry.deadline.as_nanos(), entry.slot)));
                }
            }
            live.sort_unstable();
            for (deadline, slot) in live.iter().copied() {
                let is_live = |entry: &Entry| live.contains(&(entry.deadline.as_nanos(), entry.slot));
                prop_assert_eq!(deadlines.earliest(is_live), Some(Time::from_nanos(deadline)));
                let mut first = deadlines.pop_due(Time::from_nanos(deadline)).unwrap();
                while !is_live(&first) {
                    first = deadlines.pop_due(Time::from_nanos(deadline)).unwrap();
                }
                prop_assert_eq!(first.deadline.as_nanos(), deadline, "slot {}", slot);
            }
            prop_assert_eq!(deadlines.earliest(|entry| live.iter().any(|it| it.1 == entry.slot)), None);
        }
    }

    #[test]
    fn what_comes_in_order_is_not_sorted() {
        let mut deadlines = Deadlines::default();
        for deadline in [1, 1, 2, 3, 3] {
            deadlines.push(entry(deadline, 0));
        }
        assert_eq!(deadlines.others.len(), 0);
        deadlines.push(entry(2, 0));
        assert_eq!(deadlines.others.len(), 1);
    }

    #[test]
    fn due_entries_come_earliest_first_and_no_others() {
        let mut deadlines = Deadlines::default();
        for deadline in [5, 1, 9, 3] {
            deadlines.push(entry(deadline, 0));
        }
        let now = Time::from_nanos(5);
        assert_eq!(deadlines.due(now).count(), 3);
        let due: Vec<u64> =
            std::iter::from_fn(|| deadlines.pop_due(now)).map(|e| e.deadline.as_nanos()).collect();
        assert_eq!(due, [1, 3, 5]);
        assert_eq!(deadlines.earliest(|_| true), Some(Time::from_nanos(9)));
        assert_eq!(deadlines.earliest(|_| false), None);
    }

    /// Whether in order or not: at every length no more than a few times the memory that it takes,
    /// and seldom another allocation on the way.
    #[test]
    fn a_crowd_that_expired_gives_its_memory_back() {
        for out_of_order in [false, true] {
            let mut deadlines = Deadlines::default();
            deadlines.push(entry(1, 0));
            for slot in 0..10_000 {
                deadlines.push(entry(u64::from(!out_of_order), slot));
            }
            let mut capacities = HashSet::new();
            while deadlines.pop_due(Time::MAX).is_some() {
                let [in_order, others] =
                    [&deadlines.in_order.len(), &deadlines.others.len()].map(|it| 32 + 4 * it);
                assert!(deadlines.in_order.capacity() <= in_order);
                assert!(deadlines.others.capacity() <= others);
                capacities.insert((deadlines.in_order.capacity(), deadlines.others.capacity()));
            }
            assert!(capacities.len() < 15, "{capacities:?}");
        }
    }

    /// However many are pending, whether their deadlines come in order or not, and whether what
    /// has ended is swept out or falls due.
    #[test]
    fn sweeping_costs_each_reservation_little() {
        const ROUNDS: u32 = 50_000;
        /// After how many others a reservation ends, so that it is not found among the latest.
        const LATER: u32 = 2 * LATEST as u32;
        for (pending, out_of_order) in [(0, false), (1_000, false), (1_000, true)] {
            let mut deadlines = Deadlines::default();
            deadlines.push(entry(9, 0));
            for slot in 1..pending {
                deadlines.push(entry(8 + u64::from(!out_of_order), slot));
            }
            let looks = Cell::new(0);
            for round in 0..ROUNDS {
                deadlines.push(entry(7 + 2 * u64::from(!out_of_order), pending + round));
                let Some(ended) = round.checked_sub(LATER) else { continue };
                deadlines.ended_early(pending + ended, |entry| {
                    looks.set(looks.get() + 1);
                    entry.slot < pending || entry.slot > pending + ended
                });
                let most = SWEEP_FROM + 4 * (pending + LATER + 1) as usize + 4;
                assert!(deadlines.len() <= most, "{} in round {round}", deadlines.len());
            }
            let looks = f64::from(looks.get()) / f64::from(ROUNDS);
            assert!(looks < 1.5, "{looks} looks for each");
        }
    }

    #[test]
    fn what_is_stale_is_swept_out_once_the_rest_has_fallen_due() {
        let mut deadlines = Deadlines::default();
        for slot in 0..200 {
            deadlines.push(entry(1, slot));
        }
        for slot in 200..310 {
            deadlines.push(entry(2, slot));
        }
        for slot in 200..300 {
            deadlines.ended_early(slot, |_| unreachable!("a sweep"));
        }
        while deadlines.pop_due(Time::from_nanos(1)).is_some() {}
        assert_eq!(deadlines.len(), 110);
        deadlines.ended_early(300, |entry| entry.slot > 300);
        assert_eq!(deadlines.len(), 9);
    }

    /// Nothing is looked at, and nothing left behind, where a client connects before a few others
    /// have come.
    #[test]
    fn what_ends_soon_is_taken_out_at_once() {
        let mut deadlines = Deadlines::default();
        for slot in 0..10_000 {
            deadlines.push(entry(9, slot));
            if let Some(ended) = slot.checked_sub(LATEST as u32 - 1).filter(|ended| *ended > 0) {
                deadlines.ended_early(ended, |_| unreachable!("a sweep"));
            }
            assert!(deadlines.len() <= LATEST + 1);
        }
        assert_eq!(deadlines.pop_due(Time::MAX), Some(entry(9, 0)));
    }

    /// A slot that is in use again, while the entry of its last reservation is still in.
    #[test]
    fn of_two_entries_with_one_slot_the_latest_is_taken_out() {
        let again = Entry { generation: 1, ..entry(5, 0) };
        let mut deadlines = Deadlines::default();
        deadlines.push(entry(3, 0));
        deadlines.push(again);
        deadlines.ended_early(0, |_| unreachable!("a sweep"));
        assert_eq!(deadlines.pop_due(Time::MAX), Some(entry(3, 0)));
        assert_eq!(deadlines.pop_due(Time::MAX), None);
    }

    /// What has fallen due is no reason to sweep any more.
    #[test]
    fn what_falls_due_is_not_counted_as_stale() {
        let mut deadlines = Deadlines::default();
        for slot in 0..10 {
            deadlines.push(entry(9, slot));
        }
        for _ in 0..1_000 {
            deadlines.push(entry(1, 10));
            deadlines.ended_early(10, |_| unreachable!("a sweep"));
            assert!(deadlines.pop_due(Time::from_nanos(1)).is_some());
            deadlines.was_stale();
        }
    }

    #[test]
    fn what_ended_early_does_not_pile_up() {
        let mut deadlines = Deadlines::default();
        deadlines.push(entry(1, 0));
        for slot in 1..100_000 {
            deadlines.push(entry(2, slot));
            let Some(ended) = slot.checked_sub(2 * LATEST as u32).filter(|ended| *ended > 0) else {
                continue;
            };
            deadlines.ended_early(ended, |entry| entry.slot == 0 || entry.slot > ended);
            assert!(deadlines.len() <= 2 * SWEEP_FROM + 8 * LATEST + 4);
        }
        assert!(deadlines.in_order.capacity() < 10 * SWEEP_FROM);
        assert_eq!(deadlines.pop_due(Time::MAX), Some(entry(1, 0)));
    }
}
