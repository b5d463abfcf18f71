//! Where the choice of ports comes from.

use std::convert::Infallible;

use rand::rngs::StdRng;
use rand::{Rng, TryRng};

/// A shard's source of random numbers.
#[derive(Debug)]
pub(super) enum Random {
    /// The thread's own cryptographic generator, which the system seeds: no thread waits for
    /// another's state to cross over.
    Thread,
    /// One that repeats from run to run.
    Seeded(Box<StdRng>),
}

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(match self {
            Self::Thread => rand::rng().next_u32(),
            Self::Seeded(random) => random.next_u32(),
        })
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(match self {
            Self::Thread => rand::rng().next_u64(),
            Self::Seeded(random) => random.next_u64(),
        })
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        match self {
            Self::Thread => rand::rng().fill_bytes(bytes),
            Self::Seeded(random) => random.fill_bytes(bytes),
        }
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use std::collections::HashSet;

    fn seeded(seed: u64) -> Random {
        Random::Seeded(Box::new(StdRng::seed_from_u64(seed)))
    }

    fn numbers(random: &mut Random) -> Vec<u64> {
        let mut bytes = [0; 8];
        random.fill_bytes(&mut bytes);
        vec![random.next_u64(), random.next_u32().into(), u64::from_ne_bytes(bytes)]
    }

    #[test]
    fn a_seed_repeats_and_a_thread_does_not() {
        assert_eq!(numbers(&mut seeded(1)), numbers(&mut seeded(1)));
        let mut all = HashSet::new();
        for random in &mut [seeded(1), seeded(2), Random::Thread, Random::Thread] {
            for _ in 0..10 {
                all.extend(numbers(random));
            }
        }
        assert_eq!(all.len(), 4 * 10 * 3, "no number twice");
    }

    #[test]
    fn every_port_is_as_likely_as_any_other() {
        for mut random in [seeded(1), Random::Thread] {
            let mut counts = [0_u32; 9];
            for _ in 0..9_000 {
                counts[random.random_range(0..9_usize)] += 1;
            }
            // Six standard deviations are about 180.
            assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
        }
    }
}
