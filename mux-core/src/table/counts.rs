//! The table's two counts, apart from everything that claims read.

use super::SHARDS;
use crate::sync::{AtomicUsize, Ordering};

/// How much room a shard takes at a time where there is plenty, so that the shards seldom meet at
/// the one count.
const BATCH: usize = 8;
/// How much a shard may have left over.
const LEFT_OVER: usize = 12;
/// Where less than this is left, nobody takes more than is needed at once or keeps any: it is what
/// all shards may have left over, which somebody else may be in need of.
const SCARCE: usize = SHARDS * LEFT_OVER;

/// How many slots the shards have room for, and how many clients there are.
///
/// Aligned so that counting does not take away the cache lines that claims look at.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Counts {
    capacity: usize,
    /// Slots in use (reservations and openings, and those ended that were not given back yet), and
    /// what the shards have left over.
    granted: AtomicUsize,
    /// Clients in the shards; kept only where there is a limit to them.
    clients: AtomicUsize,
}

/// A shard's room for slots, left over from what it was granted. Under the shard's lock.
#[derive(Debug, Default)]
pub(super) struct Room(usize);

// Relaxed throughout: counts, which protect nothing. The index cannot overflow because a slot goes
// back to it before its room is given back.
impl Counts {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, granted: AtomicUsize::new(0), clients: AtomicUsize::new(0) }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Sees to it that there is room for one more slot, if that does not make more than the
    /// capacity.
    pub(super) fn make_room(&self, room: &mut Room) -> bool {
        if room.0 == 0 {
            let batch = |granted| if self.is_scarce(granted + BATCH) { 1 } else { BATCH };
            let more = |granted| (granted < self.capacity).then(|| granted + batch(granted));
            let before = self.granted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
            room.0 = before.map_or(0, batch);
        }
        room.0 > 0
    }

    /// Gives back the room of one slot.
    pub(super) fn give_room(&self, room: &mut Room) {
        room.0 += 1;
        if room.0 > LEFT_OVER {
            self.give_back(room, BATCH);
        } else if self.is_scarce(self.granted.load(Ordering::Relaxed)) {
            self.give_all_room(room);
        }
    }

    /// Gives back all that is left over.
    pub(super) fn give_all_room(&self, room: &mut Room) {
        self.give_back(room, room.0);
    }

    fn give_back(&self, room: &mut Room, slots: usize) {
        room.0 -= slots;
        self.granted.fetch_sub(slots, Ordering::Relaxed);
    }

    fn is_scarce(&self, granted: usize) -> bool {
        granted + SCARCE > self.capacity
    }

    /// Counts one more client, if that does not make more than `most`. For one who holds its
    /// shard's lock.
    pub(super) fn take_client(&self, most: usize) -> bool {
        let one_more = |count| (count < most).then_some(count + 1);
        self.clients.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    pub(super) fn give_client(&self) {
        self.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Room {
    /// Uses the room for one slot that [`Counts::make_room`] has made.
    pub(super) fn take(&mut self) {
        self.0 -= 1;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;

    /// How much a table uses, and what the shards have left over of what was granted to them.
    struct Grants {
        counts: Counts,
        rooms: Vec<Room>,
        used: Vec<usize>,
    }

    impl Grants {
        fn new(capacity: usize) -> Self {
            let rooms = (0..SHARDS).map(|_| Room::default()).collect();
            Self { counts: Counts::new(capacity), rooms, used: vec![0; SHARDS] }
        }

        fn take(&mut self, shard: usize) -> bool {
            let taken = self.counts.make_room(&mut self.rooms[shard]);
            if taken {
                self.rooms[shard].take();
                self.used[shard] += 1;
            }
            taken
        }

        fn give(&mut self, shard: usize) {
            self.used[shard] -= 1;
            self.counts.give_room(&mut self.rooms[shard]);
        }

        fn give_all(&mut self) {
            self.rooms.iter_mut().for_each(|room| self.counts.give_all_room(room));
        }

        fn left_over(&self) -> usize {
            self.rooms.iter().map(|room| room.0).sum()
        }

        fn used(&self) -> usize {
            self.used.iter().sum()
        }

        fn granted(&self) -> usize {
            self.counts.granted.load(Ordering::Relaxed)
        }
    }

    proptest! {
        /// Nothing is granted twice or lost, and whoever is refused gets it once the others have
        /// given back what they have left over, if it is there at all.
        #[test]
        fn all_room_is_there_to_be_had(
            capacity in prop_oneof![1_usize..40, SCARCE..SCARCE + 40 * BATCH],
            steps in prop::collection::vec((any::<Index>(), -60_isize..80), 1..400),
        ) {
            let mut grants = Grants::new(capacity);
            for (shard, times) in steps {
                // Few of the shards, so that some come to the brim.
                let shard = shard.index(SHARDS.min(5)) * (SHARDS / 5);
                for _ in 0..times {
                    if !grants.take(shard) {
                        prop_assert_eq!(grants.granted(), capacity);
                        grants.give_all();
                        let is_there = grants.used() < capacity;
                        prop_assert_eq!(grants.take(shard), is_there);
                    }
                }
                for _ in 0..-times.max(-(grants.used[shard] as isize)) {
                    grants.give(shard);
                }
                prop_assert_eq!(grants.granted(), grants.used() + grants.left_over());
                prop_assert!(grants.granted() <= capacity);
                prop_assert!(grants.rooms.iter().all(|room| room.0 <= LEFT_OVER));
            }
        }
    }

    #[test]
    fn where_there_is_plenty_the_one_count_is_seldom_touched() {
        let mut grants = Grants::new(2 * SCARCE);
        let mut changes = 0;
        let mut last = grants.granted();
        let mut noted = |granted| {
            changes += usize::from(granted != last);
            last = granted;
        };
        // Some stay, others come and go, and at last all go.
        for round in 0..1_000 {
            assert!(grants.take(0));
            noted(grants.granted());
            if round >= 100 {
                grants.give(0);
                noted(grants.granted());
            }
        }
        for _ in 0..100 {
            grants.give(0);
            noted(grants.granted());
        }
        assert!(changes <= 2 * 100 / BATCH, "{changes}");
    }

    #[test]
    fn where_it_is_scarce_nothing_is_left_over() {
        for capacity in [1, BATCH, SCARCE] {
            let mut grants = Grants::new(capacity);
            for shard in 0..SHARDS.min(capacity) {
                assert!(grants.take(shard));
                assert_eq!(grants.left_over(), 0);
            }
            grants.give(0);
            assert_eq!(grants.left_over(), 0);
        }
    }

    /// What was left over from better times goes back with the next that is given back.
    #[test]
    fn once_it_is_scarce_what_is_left_over_goes_back() {
        let mut grants = Grants::new(SCARCE + BATCH);
        assert!(grants.take(0) && grants.take(1));
        assert_eq!(grants.granted(), BATCH + 1);
        grants.give(0);
        assert_eq!(grants.left_over(), 0);
    }
}
