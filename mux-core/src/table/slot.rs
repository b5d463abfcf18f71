//! One place for one reservation.

use std::fmt;
use std::mem::MaybeUninit;

use super::Time;
use super::state::{State, Status, Word};
use crate::ClientKey;
use crate::sync::{AtomicU32, AtomicU64, Ordering, UnsafeCell};

/// What a slot is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A reservation that a matching connection may claim.
    Pending,
    /// A reservation that only its identity may claim.
    Held,
    /// What a matching connection may claim in place of a held reservation.
    Opening,
}

/// What a reservation is looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) client: ClientKey,
    pub(super) port: u16,
}

/// Marks a slot that is an opening of a held reservation, whose port is not its own.
const OPENING: u32 = 1 << 16;

/// Aligned so that a slot with a small payload is one cache line, and none shares one.
#[repr(align(64))]
pub(super) struct Slot<P> {
    state: State,
    // Key and deadline are atomics because a lookup may read them while the slot changes hands.
    // It then fails its exchange on the state word and forgets what it read, so Relaxed will do.
    client_high: AtomicU64,
    client_low: AtomicU64,
    deadline: AtomicU64,
    /// The port, and [`OPENING`].
    port: AtomicU32,
    /// The next slot in the shard's list of ended ones.
    pub(super) next_ended: AtomicU32,
    payload: UnsafeCell<MaybeUninit<P>>,
}

// SAFETY: the payload is the only part that is not itself `Sync`. It is written by the one who
// took the slot from the index, before `publish`, and read by the one who wins `State::end`, after
// it; no two threads ever touch it at the same time, and it moves between threads only as a whole,
// which `P: Send` allows.
unsafe impl<P: Send> Sync for Slot<P> {}

impl<P> Slot<P> {
    pub(super) fn new() -> Self {
        Self {
            state: State::new(),
            client_high: AtomicU64::new(0),
            client_low: AtomicU64::new(0),
            deadline: AtomicU64::new(0),
            port: AtomicU32::new(0),
            next_ended: AtomicU32::new(0),
            payload: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    pub(super) fn load(&self) -> Word {
        self.state.load()
    }

    /// Whether it holds a reservation that has not ended.
    pub(super) fn is_live(&self) -> bool {
        self.load().is_live()
    }

    /// The key; meaningful while the slot's generation is known not to change, or if the
    /// exchange that follows succeeds.
    pub(super) fn key(&self) -> Key {
        let high = self.client_high.load(Ordering::Relaxed);
        let low = self.client_low.load(Ordering::Relaxed);
        Key {
            client: ClientKey::from_bits(u128::from(high) << 64 | u128::from(low)),
            port: self.port.load(Ordering::Relaxed) as u16,
        }
    }

    /// Whether it is an opening of a held reservation, with the same proviso as
    /// [`key`](Self::key).
    pub(super) fn is_opening(&self) -> bool {
        self.port.load(Ordering::Relaxed) & OPENING != 0
    }

    /// The deadline, with the same proviso as [`key`](Self::key).
    pub(super) fn deadline(&self) -> Time {
        Time::from_nanos(self.deadline.load(Ordering::Relaxed))
    }

    /// Puts a reservation in and makes it visible; returns its generation.
    ///
    /// # Safety
    ///
    /// The caller took this slot from the index and has not published it since.
    pub(super) unsafe fn publish(&self, key: Key, deadline: Time, kind: Kind, payload: P) -> u64 {
        let bits = key.client.to_bits();
        self.client_high.store((bits >> 64) as u64, Ordering::Relaxed);
        self.client_low.store(bits as u64, Ordering::Relaxed);
        let mark = if kind == Kind::Opening { OPENING } else { 0 };
        self.port.store(u32::from(key.port) | mark, Ordering::Relaxed);
        self.deadline.store(deadline.as_nanos(), Ordering::Relaxed);
        self.payload.with_mut(|cell| {
            // SAFETY: the slot is the caller's alone until it is published, and its last payload
            // was moved out before the slot went back to the index.
            unsafe { cell.write(MaybeUninit::new(payload)) };
        });
        self.state.publish(match kind {
            Kind::Pending | Kind::Opening => Status::Pending,
            Kind::Held => Status::Held,
        })
    }

    /// Ends the reservation whose state word is `live`, and takes its payload, if it is still
    /// there. Then the slot is the caller's to give back.
    pub(super) fn end(&self, live: Word) -> Option<P> {
        debug_assert!(live.is_live());
        self.state.end(live).then(|| {
            self.payload.with_mut(|cell| {
                // SAFETY: `publish` wrote the payload before the word became `live`, and only
                // the one exchange that ends this generation leads here, so the payload is there
                // and nobody else reads it. A `MaybeUninit<P>` lies in memory as a `P` does.
                unsafe { cell.cast::<P>().read() }
            })
        })
    }

    /// Makes the slot free again. For the one who ended it, or took it off the ended list.
    pub(super) fn recycle(&self) {
        self.state.recycle();
    }
}

impl<P> Drop for Slot<P> {
    fn drop(&mut self) {
        let word = self.load();
        if word.is_live() {
            drop(self.end(word));
        }
    }
}

impl<P> fmt::Debug for Slot<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("state", &self.load()).finish_non_exhaustive()
    }
}
