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
