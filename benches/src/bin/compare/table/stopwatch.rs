//! What time is measured by.

use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// A clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch(ClockId);

impl Stopwatch {
    /// A thread by itself is measured by the processor time it takes, so that whatever else the
    /// machine does counts as little as it can. With several, time is what it is on the wall:
    /// waiting for each other is part of it.
    pub(super) fn for_threads(threads: usize) -> Self {
        Self(if threads == 1 { ClockId::CLOCK_THREAD_CPUTIME_ID } else { ClockId::CLOCK_MONOTONIC })
    }

    /// The time since some moment.
    pub(super) fn now(self) -> Duration {
        clock_gettime(self.0).expect("a clock that every Linux has").into()
    }
}
