//! The clock that the table does without.

use tokio::time::Instant;

use crate::table::Time;

/// Turns the runtime's time into the table's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    pub(super) fn now(self) -> Time {
        Time::ZERO + self.origin.elapsed()
    }

    /// The moment `time` stands for; `None` if it is too far away to be one.
    pub(super) fn instant(self, time: Time) -> Option<Instant> {
        self.origin.checked_add(time.saturating_since(Time::ZERO))
    }
}
