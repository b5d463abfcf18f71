//! How often an operator is told of what any client can cause.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(60);

/// When the operator was last told. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Told(Arc<Mutex<Option<Instant>>>);

impl Told {
    /// Whether it is time to tell, which it then is not for a minute.
    pub(super) fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| last.elapsed() >= INTERVAL);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}
