//! The task that ends reservations at their deadline.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::core::Core;
use super::errors::AcceptError;
use crate::table::Time;

/// The table never claims what is past its deadline, so ports are given back in batches, at most
/// this late.
const BATCH: Duration = Duration::from_millis(10);

/// Starts to end reservations. When the mux is shut down, ends them all.
pub(super) fn spawn(core: &Arc<Core>) {
    let core = core.clone();
    core.tasks.clone().spawn(async move {
        let _closed = core.closed.run_until_cancelled(expire(&core)).await;
        core.expire(Time::MAX, AcceptError::ShutDown);
        core.close_groups();
        core.ended.cancel();
    });
}

async fn expire(core: &Arc<Core>) {
    loop {
        core.expire(core.clock.now(), AcceptError::Expired);
        // SeqCst: partner of the load in `Core::try_reserve`. Storing before looking makes that
        // a reservation too late to be seen here sees this, and notifies.
        core.next_expiry.store(Time::MAX.as_nanos(), Ordering::SeqCst);
        let next = core.table.next_deadline();
        if let Some(next) = next {
            core.next_expiry.store(next.as_nanos(), Ordering::SeqCst);
        }
        let wake = next.and_then(|next| core.clock.instant(next));
        let earliest = Instant::now() + BATCH;
        tokio::select! {
            () = sleep_until(wake.unwrap_or(earliest).max(earliest)), if wake.is_some() => {}
            () = core.earlier_deadline.notified() => {}
        }
    }
}
