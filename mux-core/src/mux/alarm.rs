//! When the expiry task looks next. A new deadline before that wakes it.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::table::Time;

/// When the expiry task looks next.
#[derive(Debug)]
pub(super) struct Alarm {
    /// In the table's time.
    next: AtomicU64,
    /// Tells the task of an earlier deadline.
    earlier: Notify,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Self { next: AtomicU64::new(Time::MAX.as_nanos()), earlier: Notify::new() }
    }

    /// Wakes the task if a new deadline is before its next look. The table has it already.
    pub(super) fn deadline_set(&self, deadline: Time) {
        // SeqCst: partner of the store in `set`. Either the task's next look at the table sees
        // this deadline, or this sees when the task means to look.
        if deadline.as_nanos() < self.next.load(Ordering::SeqCst) {
            self.earlier.notify_one();
        }
    }

    /// Sets the alarm for the earliest deadline, which `look` finds in the table.
    pub(super) fn set(&self, look: impl FnOnce() -> Option<Time>) -> Option<Time> {
        // SeqCst: partner of the load in `deadline_set`. Storing before looking makes that a
        // deadline too late to be seen here sees this, and wakes the task.
        self.next.store(Time::MAX.as_nanos(), Ordering::SeqCst);
        let next = look()?;
        self.next.store(next.as_nanos(), Ordering::SeqCst);
        Some(next)
    }

    /// Waits until a deadline is set that is before the next look. For the expiry task. Cancel
    /// safe.
    pub(super) async fn deadline_is_earlier(&self) {
        self.earlier.notified().await;
    }
}
