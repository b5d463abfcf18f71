//! The lock-free index: from a hash to the few slots that may hold the key.
//!
//! Slots come in groups of seven. One word per group tells a lookup all it needs: seven one-byte
//! tags (0 for an empty place, else seven bits of the hash), and a count of the entries that
//! wanted to live here but had to move on to a following group because this one was full. A
//! lookup starts at the hash's home group and goes on only while that count is not zero, so a
//! miss usually costs one load. Nothing ever moves, removal leaves nothing behind, and the walk
//! is bounded by the number of groups.
//!
//! The tags are also how slots are handed out: the thread that sets a tag owns the slot until it
//! clears the tag again.

use crate::sync::{AtomicU64, Ordering};

/// Slots in a group: the bytes of a word, less one for the count.
const GROUP: usize = 7;
const LOWEST_BITS: u64 = 0x0001_0101_0101_0101;
const HIGHEST_BITS: u64 = LOWEST_BITS << 7;
const COUNT_SHIFT: u32 = 56;
/// A count that got here stays: it has lost count. It only costs later lookups a step more.
const COUNT_STUCK: u64 = 0xff;

#[derive(Debug)]
pub(super) struct Index {
    groups: Box<[AtomicU64]>,
}

impl Index {
    /// An index for `capacity` entries, with two places for each. That keeps nearly every entry in
    /// its home group: not only when the index fills, but also after entries have come and gone
    /// for long, of which those that had to move on leave their counts.
    pub(super) fn new(capacity: usize) -> Self {
        let groups = (2 * capacity).div_ceil(GROUP);
        Self { groups: (0..groups).map(|_| AtomicU64::new(0)).collect() }
    }

    /// How many slots the index hands out.
    pub(super) fn slots(&self) -> usize {
        self.groups.len() * GROUP
    }

    /// Takes a free slot for a key with this hash.
    ///
    /// `None` only if more entries than the index's capacity are in at the same time.
    #[must_use = "the slot is lost unless it is given back"]
    pub(super) fn insert(&self, hash: u64) -> Option<u32> {
        let home = self.home(hash);
        for distance in 0..self.groups.len() {
            let group = self.group(home, distance);
            if let Some(place) = self.take_place(group, hash) {
                return Some((group * GROUP + place) as u32);
            }
        }
        for distance in 0..self.groups.len() {
            self.uncount(self.group(home, distance));
        }
        None
    }

    /// Gives a slot back. `hash` is the one it was taken for.
    pub(super) fn remove(&self, hash: u64, slot: u32) {
        let (group, place) = (slot as usize / GROUP, slot as usize % GROUP);
        let home = self.home(hash);
        let passed = (group + self.groups.len() - home) % self.groups.len();
        for distance in 0..passed {
            self.uncount(self.group(home, distance));
        }
        // Release: partner of the Acquire in `take_place`. The next owner writes the slot after
        // this owner's last access.
        self.groups[group].fetch_and(!(0xff << (8 * place)), Ordering::Release);
    }

    /// Calls `visit` with every slot that may hold a key with this hash, until it returns `Some`.
    pub(super) fn find<T>(&self, hash: u64, mut visit: impl FnMut(u32) -> Option<T>) -> Option<T> {
        let home = self.home(hash);
        for distance in 0..self.groups.len() {
            let group = self.group(home, distance);
            // Relaxed: a tag only says where to look; the slot's state word says what is there.
            let word = self.groups[group].load(Ordering::Relaxed);
            let mut matches = places_with(word, tag(hash));
            while matches != 0 {
                let place = matches.trailing_zeros() as usize / 8;
                if let Some(found) = visit((group * GROUP + place) as u32) {
                    return Some(found);
                }
                matches &= matches - 1;
            }
            if word >> COUNT_SHIFT == 0 {
                break;
            }
        }
        None
    }

    /// Sets the tag of an empty place, or counts that this entry has to go on.
    fn take_place(&self, group: usize, hash: u64) -> Option<usize> {
        let word = &self.groups[group];
        let mut current = word.load(Ordering::Relaxed);
        loop {
            let empty = !current & HIGHEST_BITS;
            let place = (empty != 0).then(|| empty.trailing_zeros() as usize / 8);
            let next = match place {
                Some(place) => current | tag(hash) << (8 * place),
                None if current >> COUNT_SHIFT == COUNT_STUCK => return None,
                None => current + (1 << COUNT_SHIFT),
            };
            // Acquire: partner of the Release in `remove`.
            match word.compare_exchange_weak(current, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return place,
                Err(now) => current = now,
            }
        }
    }

    fn uncount(&self, group: usize) {
        let word = &self.groups[group];
        let mut current = word.load(Ordering::Relaxed);
        // Relaxed: the count protects nothing, and a lookup for an entry that is in sees it
        // counted, because counting happened before the entry was handed out.
        while current >> COUNT_SHIFT != COUNT_STUCK {
            debug_assert_ne!(current >> COUNT_SHIFT, 0);
            let next = current - (1 << COUNT_SHIFT);
            match word.compare_exchange_weak(current, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => current = now,
            }
        }
    }

    /// The group a hash belongs to: its upper half, scaled to the number of groups.
    fn home(&self, hash: u64) -> usize {
        (((hash >> 32) * self.groups.len() as u64) >> 32) as usize
    }

    fn group(&self, home: usize, distance: usize) -> usize {
        let group = home + distance;
        if group < self.groups.len() { group } else { group - self.groups.len() }
    }
}

/// Seven bits of the hash that `home` makes no use of, and one that says the place is taken.
fn tag(hash: u64) -> u64 {
    hash & 0x7f | 0x80
}

/// The highest bit of every place that may hold `tag`. Rarely one too many, never one too few.
fn places_with(word: u64, tag: u64) -> u64 {
    let differing = word ^ (tag * LOWEST_BITS);
    differing.wrapping_sub(LOWEST_BITS) & !differing & HIGHEST_BITS
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::{Rng, RngExt, SeedableRng};
    use std::collections::HashMap;

    fn found(index: &Index, hash: u64, slot: u32) -> bool {
        index.find(hash, |candidate| (candidate == slot).then_some(())).is_some()
    }

    /// Hashes that crowd into few homes and few tags.
    fn hash() -> impl Strategy<Value = u64> {
        (0_u64..4, 0_u64..3).prop_map(|(home, tag)| home << 62 | tag)
    }

    proptest! {
        #[test]
        fn every_entry_is_found_until_it_is_removed(
            operations in prop::collection::vec((any::<bool>(), hash(), any::<prop::sample::Index>()), 1..200)
        ) {
            let index = Index::new(20);
            let mut entries: HashMap<u32, u64> = HashMap::new();
            for (insert, hash, which) in operations {
                if insert {
                    match index.insert(hash) {
                        Some(slot) => prop_assert!(entries.insert(slot, hash).is_none(), "handed out twice"),
                        None => prop_assert_eq!(entries.len(), index.slots()),
                    }
                } else if !entries.is_empty() {
                    let mut slots: Vec<u32> = entries.keys().copied().collect();
                    slots.sort_unstable();
                    let slot = slots[which.index(slots.len())];
                    index.remove(entries.remove(&slot).unwrap(), slot);
                }
                for (&slot, &hash) in &entries {
                    prop_assert!(found(&index, hash, slot));
                }
            }
            for (slot, hash) in entries {
                index.remove(hash, slot);
            }
            let left = index.groups.iter().map(|word| word.load(Ordering::Relaxed)).sum::<u64>();
            prop_assert_eq!(left, 0, "removal leaves nothing behind");
        }
    }

    #[test]
    fn a_lookup_looks_at_what_has_its_tag_alone() {
        let index = Index::new(7);
        for tag in 0..7 {
            index.insert(tag).unwrap();
        }
        for tag in 0..7 {
            let mut visited = Vec::new();
            index.find(tag, |slot| -> Option<()> {
                visited.push(slot);
                None
            });
            // One too many at most, next to the right one.
            assert!((1..=2).contains(&visited.len()), "{tag}: {visited:?}");
        }
        assert_eq!(index.find(0x7f, Some), None);
    }

    /// An entry that had to move on leaves its count where it wanted to be until it goes, also when
    /// there is room again. With too little room to spare, most lookups end up walking.
    #[test]
    fn lookups_stay_short_however_long_entries_come_and_go() {
        const CAPACITY: usize = 7_000;
        let mut random = StdRng::seed_from_u64(1);
        let index = Index::new(CAPACITY);
        let insert = |hash: u64| (hash, index.insert(hash).unwrap());
        let mut entries: Vec<_> = (0..CAPACITY).map(|_| insert(random.next_u64())).collect();
        for _ in 0..20 * CAPACITY {
            let which = random.random_range(0..CAPACITY);
            let (hash, slot) = entries[which];
            index.remove(hash, slot);
            entries[which] = insert(random.next_u64());
        }
        let counted = |word: &&AtomicU64| word.load(Ordering::Relaxed) >> COUNT_SHIFT != 0;
        let walking = index.groups.iter().filter(counted).count();
        assert!(walking < index.groups.len() / 5, "{walking} of {}", index.groups.len());
    }

    #[test]
    fn a_full_index_takes_no_more_and_forgets_the_attempt() {
        let index = Index::new(7);
        let slots: Vec<u32> = std::iter::from_fn(|| index.insert(42)).collect();
        assert_eq!(slots.len(), index.slots());
        assert_eq!(index.insert(42), None);
        for slot in slots {
            index.remove(42, slot);
        }
        assert!(index.groups.iter().all(|word| word.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn a_count_that_got_stuck_still_finds_everything() {
        let index = Index::new(700);
        let slots: Vec<u32> = (0..400).map(|_| index.insert(1).unwrap()).collect();
        for &slot in &slots[..390] {
            index.remove(1, slot);
        }
        for &slot in &slots[390..] {
            assert!(found(&index, 1, slot));
        }
    }
}
