//! A memory of fixed size for counts that end.

use std::time::{Duration, Instant};

const SETS: usize = 1024;
const WAYS: usize = 8;

/// What is counted, hashed with a secret, so that nobody can choose whom to push out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(pub(crate) u64);

/// Counts by key, 8192 of them at most.
#[derive(Debug)]
pub struct Memory(Box<[[Option<Entry>; WAYS]]>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: Key,
    count: u32,
    /// From then on it is as if it had never been.
    ends: Instant,
}

impl Memory {
    /// How often `key` counts now.
    pub fn count(&self, now: Instant, key: Key) -> u32 {
        let set = &self.0[place(key)];
        let entry = set.iter().flatten().find(|entry| entry.is(key, now));
        entry.map_or(0, |entry| entry.count)
    }

    /// Counts `key` once more. The count ends after `window`, and anew when it reaches `most`.
    pub fn add(&mut self, now: Instant, key: Key, window: Duration, most: u32) {
        let set = &mut self.0[place(key)];
        let known = set.iter_mut().flatten().find(|entry| entry.is(key, now));
        if let Some(entry) = known {
            entry.count = entry.count.saturating_add(1);
            if entry.count >= most {
                entry.ends = now + window;
            }
            return;
        }
        let ends = |entry: &Option<Entry>| entry.map(|entry| entry.ends.max(now));
        let first = (0..WAYS).min_by_key(|way| ends(&set[*way])).unwrap_or(0);
        set[first] = Some(Entry { key, count: 1, ends: now + window });
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self(vec![[None; WAYS]; SETS].into_boxed_slice())
    }
}

impl Entry {
    fn is(&self, key: Key, now: Instant) -> bool {
        self.key == key && now < self.ends
    }
}

fn place(key: Key) -> usize {
    (key.0 >> 32) as usize % SETS
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_one_that_ends_first_gives_way() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        // All in the same set.
        for number in 0..=WAYS {
            memory.add(now + MINUTE * number as u32, Key(number as u64), 1000 * MINUTE, 9);
        }
        let later = now + 20 * MINUTE;
        assert_eq!(memory.count(later, Key(0)), 0);
        assert!((1..=WAYS).all(|number| memory.count(later, Key(number as u64)) == 1));
    }

    #[test]
    fn what_has_ended_gives_way_before_what_counts() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        memory.add(now, Key(0), MINUTE, 9);
        for number in 1..WAYS {
            memory.add(now, Key(number as u64), 10 * MINUTE, 9);
        }
        memory.add(now + 2 * MINUTE, Key(99), MINUTE, 9);
        assert!((1..WAYS).all(|number| memory.count(now + 2 * MINUTE, Key(number as u64)) == 1));
        assert_eq!(memory.count(now + 2 * MINUTE, Key(0)), 0);
    }
}
