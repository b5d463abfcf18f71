//! When reservations ended, for connections that came before and are identified after.
//!
//! A connection that waits for its preface when a reservation ends must not be delivered to the
//! client's next one on that port, as little as one that waits in the accept queue. But its client
//! is not known yet. So each end is recorded, and a connection that came before the last end of
//! its port and client is a stranger. Claims of identified connections and ends exclude each
//! other.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ClientKey;
use crate::table::Time;

/// Below this it is not worth forgetting.
const MIN_FORGET: usize = 256;

#[derive(Debug)]
pub(super) struct Recorded {
    last: HashMap<(u16, ClientKey), Time>,
    forget_at: usize,
    /// No connection waits longer than this.
    max_age: Duration,
}

/// The last end of each port and client, as far back as a connection may have waited.
#[derive(Debug)]
pub(in crate::mux) struct Ends(Mutex<Recorded>);

impl Ends {
    /// For connections that wait `timeout` at most.
    pub(in crate::mux) fn new(timeout: Duration) -> Self {
        // Twice: a task that is to end a connection may run late.
        let max_age = timeout * 2;
        Self(Mutex::new(Recorded { last: HashMap::new(), forget_at: MIN_FORGET, max_age }))
    }

    /// Excludes claims of identified connections, and other ends.
    pub(in crate::mux) fn lock(&self) -> EndsGuard<'_> {
        EndsGuard(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug)]
pub(in crate::mux) struct EndsGuard<'a>(MutexGuard<'a, Recorded>);

impl EndsGuard<'_> {
    /// Records that a reservation has ended `now`.
    pub(in crate::mux) fn record(&mut self, port: u16, key: ClientKey, now: Time) {
        let Recorded { last, forget_at, max_age } = &mut *self.0;
        last.insert((port, key), now);
        if last.len() >= *forget_at {
            last.retain(|_, ended| now.saturating_since(*ended) <= *max_age);
            last.shrink_to(2 * last.len());
            *forget_at = MIN_FORGET.max(2 * last.len());
        }
    }

    /// Whether a connection that came at `arrived` may be for the reservation that is there `now`.
    pub(in crate::mux) fn admits(
        &self,
        port: u16,
        key: ClientKey,
        arrived: Time,
        now: Time,
    ) -> bool {
        // An end may be forgotten that was after the arrival of an older one.
        now.saturating_since(arrived) <= self.0.max_age
            && self.0.last.get(&(port, key)).is_none_or(|ended| *ended < arrived)
    }
}
