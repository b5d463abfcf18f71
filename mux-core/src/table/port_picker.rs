//! The ports one client has taken, and the choice of the next one.
//!
//! Ports stand as indexes into the port set. Most clients have one reservation at a time, so one
//! port takes no allocation. A client with a few has a short sorted list, whatever the width of
//! the set; one with many has a bitmap with a summary on top, in which a free port is found by
//! looking at words, not at ports.

use rand::{Rng, RngExt};
use smallvec::{SmallVec, smallvec};

/// How many taken ports the sorted list holds without a second allocation.
const INLINE: usize = 12;

#[derive(Debug)]
pub(super) enum PortPicker {
    None,
    One(u16),
    Few(Box<SmallVec<[u16; INLINE]>>),
    Many(Box<Bitmap>),
}

impl PortPicker {
    pub(super) fn new() -> Self {
        Self::None
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Few(taken) => taken.len(),
            Self::Many(bitmap) => bitmap.taken,
        }
    }

    /// Takes a free port out of `width`, starting the search at a random one: a port that can be
    /// predicted can be stolen (RFC 2577, section 8).
    pub(super) fn take(&mut self, width: usize, random: &mut impl Rng) -> Option<u16> {
        let free = width - self.len();
        if free == 0 {
            return None;
        }
        match self {
            Self::None => {
                let port = random.random_range(0..free) as u16;
                *self = Self::One(port);
                Some(port)
            }
            &mut Self::One(first) => {
                let mut taken = smallvec![first];
                let port = take_from_list(&mut taken, free, random);
                *self = Self::Few(Box::new(taken));
                Some(port)
            }
            Self::Few(taken) => {
                let port = take_from_list(taken, free, random);
                if taken.len() > few(width) {
                    *self = Self::Many(Bitmap::new(width, taken));
                }
                Some(port)
            }
            Self::Many(bitmap) => bitmap.take_from(random.random_range(0..width)),
        }
    }

    /// Gives a taken port back.
    pub(super) fn give_back(&mut self, port: u16, width: usize) {
        match self {
            Self::One(taken) if *taken == port => *self = Self::None,
            Self::None | Self::One(_) => debug_assert!(false, "port {port} was not taken"),
            Self::Few(taken) => match taken.binary_search(&port) {
                Ok(position) => {
                    taken.remove(position);
                }
                Err(_) => debug_assert!(false, "port {port} was not taken"),
            },
            Self::Many(bitmap) => {
                bitmap.give_back(port);
                // Well below where the bitmap began, so that a client at the border does not go
                // to and fro.
                if bitmap.taken <= few(width) / 4 {
                    *self = Self::Few(Box::new(bitmap.iter().collect()));
                }
            }
        }
    }
}

/// Up to how many taken ports a sorted list is the smaller of the two.
fn few(width: usize) -> usize {
    INLINE.max(width / 256)
}

/// Takes one of the `free` ports that are not in the sorted list.
fn take_from_list(taken: &mut SmallVec<[u16; INLINE]>, free: usize, random: &mut impl Rng) -> u16 {
    let rank = random.random_range(0..free);
    let below = ports_below(taken, rank);
    let port = (rank + below) as u16;
    taken.insert(below, port);
    port
}

/// How many of the `taken` ports lie below the free port of that rank.
fn ports_below(taken: &[u16], rank: usize) -> usize {
    let (mut low, mut high) = (0, taken.len());
    while low < high {
        let middle = low.midpoint(high);
        // So many free ports lie below this taken one.
        if usize::from(taken[middle]) - middle <= rank {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// One bit per port, and on top of it one bit per word of those: set means no port of it is free.
#[derive(Debug)]
pub(super) struct Bitmap {
    words: Box<[u64]>,
    full: Box<[u64]>,
    taken: usize,
}

impl Bitmap {
    fn new(width: usize, taken: &[u16]) -> Box<Self> {
        let mut words = bits(width);
        let full = bits(words.len());
        for &port in taken {
            set(&mut words, port.into());
        }
        let mut bitmap = Self { words, full, taken: taken.len() };
        for word in 0..bitmap.words.len() {
            bitmap.summarise(word);
        }
        Box::new(bitmap)
    }

    fn take_from(&mut self, start: usize) -> Option<u16> {
        let port = self.free_from(start).or_else(|| self.free_from(0))?;
        set(&mut self.words, port);
        self.summarise(port / 64);
        self.taken += 1;
        Some(port as u16)
    }

    /// The first free port at `start` or after it.
    fn free_from(&self, start: usize) -> Option<usize> {
        if let Some(bit) = first_zero_from(self.words[start / 64], start % 64) {
            return Some(start / 64 * 64 + bit);
        }
        let after = start / 64 + 1;
        let word = (after / 64..self.full.len()).find_map(|summary| {
            let from = if summary == after / 64 { after % 64 } else { 0 };
            first_zero_from(self.full[summary], from).map(|bit| summary * 64 + bit)
        })?;
        Some(word * 64 + self.words[word].trailing_ones() as usize)
    }

    fn give_back(&mut self, port: u16) {
        let (word, bit) = (usize::from(port) / 64, port % 64);
        debug_assert_ne!(self.words[word] & 1 << bit, 0, "port {port} was not taken");
        self.words[word] &= !(1 << bit);
        self.summarise(word);
        self.taken -= 1;
    }

    fn summarise(&mut self, word: usize) {
        let bit = 1 << (word % 64);
        match self.words[word] {
            u64::MAX => self.full[word / 64] |= bit,
            _ => self.full[word / 64] &= !bit,
        }
    }

    /// The taken ports, ascending. The bits beyond the width belong to no port.
    fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        let ports = self.words.iter().enumerate().flat_map(|(position, &word)| {
            (0..64).filter(move |bit| word & 1 << bit != 0).map(move |bit| position * 64 + bit)
        });
        ports.take(self.taken).map(|port| port as u16)
    }
}

/// A bitmap of `width` bits, none of them set but those that fill up the last word.
fn bits(width: usize) -> Box<[u64]> {
    let mut words = vec![0; width.div_ceil(64)];
    if let (Some(last), rest @ 1..) = (words.last_mut(), width % 64) {
        *last = u64::MAX << rest;
    }
    words.into()
}

fn set(words: &mut [u64], bit: usize) {
    words[bit / 64] |= 1 << (bit % 64);
}

fn first_zero_from(word: u64, from: usize) -> Option<usize> {
    let zeros = !word & u64::MAX << from;
    (zeros != 0).then(|| zeros.trailing_zeros() as usize)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use std::collections::BTreeSet;

    fn random(seed: u64) -> StdRng {
        StdRng::seed_from_u64(seed)
    }

    fn widths() -> impl Strategy<Value = usize> {
        prop_oneof![1_usize..200, Just(4096), Just(16_384), Just(65_535)]
    }

    proptest! {
        #[test]
        fn takes_every_port_once_and_none_outside(width in widths(), seed: u64) {
            let mut random = random(seed);
            let mut taken = PortPicker::new();
            let mut seen = BTreeSet::new();
            while let Some(port) = taken.take(width, &mut random) {
                prop_assert!(usize::from(port) < width);
                prop_assert!(seen.insert(port), "port {} taken twice", port);
            }
            prop_assert_eq!(seen.len(), width);
        }

        #[test]
        fn behaves_like_a_set(
            width in widths(),
            seed: u64,
            steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..600),
        ) {
            let mut random = random(seed);
            let mut taken = PortPicker::new();
            let mut expected: Vec<u16> = Vec::new();
            for (take, which) in steps {
                if take {
                    match taken.take(width, &mut random) {
                        Some(port) => {
                            prop_assert!(usize::from(port) < width && !expected.contains(&port));
                            expected.push(port);
                        }
                        None => prop_assert_eq!(expected.len(), width),
                    }
                } else if !expected.is_empty() {
                    taken.give_back(expected.swap_remove(which.index(expected.len())), width);
                }
                prop_assert_eq!(taken.is_empty(), expected.is_empty());
            }
        }
    }

    #[test]
    fn goes_to_a_bitmap_and_back() {
        for width in [64, 100, 16_384, 65_535] {
            let mut random = random(width as u64);
            let mut taken = PortPicker::new();
            let mut ports: Vec<u16> =
                (0..few(width) + 1).map(|_| taken.take(width, &mut random).unwrap()).collect();
            assert!(matches!(taken, PortPicker::Many(_)));
            while ports.len() > few(width) / 4 {
                assert!(matches!(taken, PortPicker::Many(_)));
                taken.give_back(ports.pop().unwrap(), width);
            }
            ports.sort_unstable();
            match &taken {
                PortPicker::Few(few) => assert_eq!(few.as_slice(), ports),
                other => panic!("not a list: {other:?}"),
            }
        }
    }

    #[test]
    fn the_first_free_port_from_anywhere_is_found() {
        for width in [1, 64, 65, 4_096, 4_097, 16_384] {
            let last = width - 1;
            for free in [vec![], vec![0], vec![last], vec![width / 2], vec![0, width / 3, last]] {
                let taken = (0..width).filter(|port| !free.contains(port));
                let taken: Vec<u16> = taken.map(|port| port as u16).collect();
                let bitmap = Bitmap::new(width, &taken);
                for start in (0..width).step_by(61).chain(free.clone()).chain([last]) {
                    let expected = free.iter().copied().find(|&port| port >= start);
                    assert_eq!(bitmap.free_from(start), expected, "{start} of {width}: {free:?}");
                }
            }
        }
    }

    #[test]
    fn every_port_is_as_likely_as_any_other() {
        let mut random = random(1);
        let mut counts = [0_u32; 9];
        for _ in 0..9_000 {
            let mut taken = PortPicker::new();
            let first = taken.take(9, &mut random).unwrap();
            let second = taken.take(9, &mut random).unwrap();
            counts[usize::from(first)] += 1;
            counts[usize::from(second)] += 1;
        }
        // 2,000 each; five standard deviations are about 200.
        assert!(counts.iter().all(|count| (1_800..2_200).contains(count)), "{counts:?}");
    }
}
