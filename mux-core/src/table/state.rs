//! The life of one slot, in one atomic word: a generation and a status.
//!
//! ```text
//!            publish                    end                    recycle
//!  Free(g) ───────────► Pending(g) ───────────► Ended(g) ───────────────► Free(g + 1)
//!          └──────────► Held(g) ──────────────┘
//! ```
//!
//! Every transition is a read-modify-write. `end` is a compare-exchange on the whole word, so of
//! all who try to claim, cancel or expire one generation exactly one succeeds, and an identity
//! from an earlier generation never matches.

use crate::sync::{AtomicU64, Ordering};

const STATUS_BITS: u32 = 2;
const STATUS_MASK: u64 = (1 << STATUS_BITS) - 1;

/// Where a slot is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Belongs to the index, holds nothing.
    Free = 0,
    /// Holds a reservation that a matching connection may claim.
    Pending = 1,
    /// Holds a reservation that only its identity may claim.
    Held = 2,
    /// Its reservation was claimed, cancelled or expired; its port is not given back yet.
    Ended = 3,
}

/// One value of the state word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u64);

impl Word {
    pub(super) const fn new(generation: u64, status: Status) -> Self {
        Self(generation << STATUS_BITS | status as u64)
    }

    pub(super) const fn status(self) -> Status {
        match self.0 & STATUS_MASK {
            0 => Status::Free,
            1 => Status::Pending,
            2 => Status::Held,
            _ => Status::Ended,
        }
    }

    /// Counts the reservations this slot has had; 62 bits, which nobody lives to see wrap.
    pub(super) const fn generation(self) -> u64 {
        self.0 >> STATUS_BITS
    }

    /// Whether a reservation is there that has not ended.
    pub(super) const fn is_live(self) -> bool {
        matches!(self.status(), Status::Pending | Status::Held)
    }
}

#[derive(Debug)]
pub(super) struct State(AtomicU64);

impl State {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(Word::new(0, Status::Free).0))
    }

    pub(super) fn load(&self) -> Word {
        // Acquire: partner of the Release in `publish`. A thread that sees a live generation sees
        // its key and deadline.
        Word(self.0.load(Ordering::Acquire))
    }

    /// Free → Pending or Held. Only for the one who took the slot from the index.
    #[must_use = "the generation is the reservation's identity"]
    pub(super) fn publish(&self, status: Status) -> u64 {
        // Release: partner of the Acquire in `load`. Makes key, deadline and payload visible
        // with the new generation.
        let before = Word(self.0.fetch_add(status as u64, Ordering::Release));
        debug_assert_eq!(before.status(), Status::Free);
        before.generation()
    }

    /// A live word → Ended of the same generation. Whether it was this call that ended it.
    #[must_use = "only the winner may touch the payload"]
    pub(super) fn end(&self, live: Word) -> bool {
        let ended = Word::new(live.generation(), Status::Ended);
        // Relaxed: a claim has acquired the publication with its `load`; everybody else comes with
        // an identity, which reached them after it. The slot is handed on by the list of ended
        // ones or by the shard's lock.
        self.0.compare_exchange(live.0, ended.0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Ended → Free of the next generation. Only for the one who gives the slot back.
    pub(super) fn recycle(&self) {
        // Relaxed: the index's Release hands the slot to its next owner; a lookup that still
        // sees the old generation fails its exchange.
        let before = Word(self.0.fetch_add(1, Ordering::Relaxed));
        debug_assert_eq!(before.status(), Status::Ended);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_pack_and_unpack(generation in 0_u64..1 << 62, status in 0_usize..4) {
            let status = [Status::Free, Status::Pending, Status::Held, Status::Ended][status];
            let word = Word::new(generation, status);
            prop_assert_eq!(word.generation(), generation);
            prop_assert_eq!(word.status(), status);
            prop_assert_eq!(word.is_live(), status == Status::Pending || status == Status::Held);
        }
    }

    #[test]
    fn one_life_after_another() {
        let state = State::new();
        for generation in 0..3 {
            assert_eq!(state.publish(Status::Pending), generation);
            let live = state.load();
            assert_eq!(live, Word::new(generation, Status::Pending));
            assert!(!state.end(Word::new(generation, Status::Held)));
            assert!(state.end(live));
            assert!(!state.end(live), "ended twice");
            state.recycle();
            assert_eq!(state.load(), Word::new(generation + 1, Status::Free));
        }
    }
}
