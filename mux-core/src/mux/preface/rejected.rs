//! Why connections get no further than the stage: counted, and told.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Why a connection that had to show a preface was reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PrefaceError {
    /// The hook has rejected what it began with, or wanted more bytes than it may see.
    #[error("what it began with is no valid preface")]
    Invalid,
    /// Its preface was not whole in time.
    #[error("its preface did not come in time")]
    Late,
    /// More connections waited, or came at once, than may, and it was the one to give way.
    #[error("too many connections wait for their preface")]
    TooMany,
}

impl PrefaceError {
    /// Every reason, in the order of their declaration.
    pub const ALL: [Self; 3] = [Self::Invalid, Self::Late, Self::TooMany];

    /// The reason as one word for logs and metrics: `too_many`, for example.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Late => "late",
            Self::TooMany => "too_many",
        }
    }
}

/// Connections that had to show a preface. All are zero where none has to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrefaceStats {
    /// Connections that wait for theirs to come now.
    pub waiting: usize,
    /// Connections that were reset for theirs since the start. Those that ended by themselves, and
    /// those of which the hook said that they are nobody's, are counted nowhere.
    rejected: [u64; PrefaceError::ALL.len()],
}

impl PrefaceStats {
    /// How many connections were reset for this reason.
    #[must_use]
    pub const fn rejected_by(&self, reason: PrefaceError) -> u64 {
        self.rejected[reason as usize]
    }

    /// Every reason, and how many connections were reset for it.
    pub fn rejected(&self) -> impl Iterator<Item = (PrefaceError, u64)> {
        PrefaceError::ALL.into_iter().zip(self.rejected)
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) waiting: AtomicUsize,
    rejected: [AtomicU64; PrefaceError::ALL.len()],
}

impl Counts {
    pub(super) fn rejected(&self, reason: PrefaceError) {
        self.rejected[reason as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn snapshot(&self) -> PrefaceStats {
        PrefaceStats {
            waiting: self.waiting.load(Relaxed),
            rejected: self.rejected.each_ref().map(|count| count.load(Relaxed)),
        }
    }
}

/// How often the operator is told the same.
const INTERVAL: Duration = Duration::from_secs(60);

/// When the operator was last told.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<Option<Instant>>);

impl Told {
    /// Whether it is time to tell, which it then is not for a while.
    pub(super) fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| last.elapsed() >= INTERVAL);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counters are indexed by the reason.
    #[test]
    fn every_reason_stands_at_its_own_place() {
        for (place, reason) in PrefaceError::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_operator_is_told_once_a_minute() {
        let told = Told::default();
        assert!(told.is_due() && !told.is_due());
        tokio::time::advance(INTERVAL / 2).await;
        assert!(!told.is_due());
        tokio::time::advance(INTERVAL / 2).await;
        assert!(told.is_due() && !told.is_due());
    }
}
