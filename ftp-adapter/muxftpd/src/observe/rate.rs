//! A limit on the rate of log lines that clients can cause.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A token bucket: lets a burst through, and then so many a second. What it does not let through
/// is counted.
#[derive(Debug)]
pub struct TokenBucket {
    burst: f64,
    per_second: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    filled: Instant,
    /// Since it was last asked for.
    suppressed: u64,
}

impl TokenBucket {
    pub fn new(now: Instant, burst: u32, per_second: f64) -> Self {
        let burst = f64::from(burst);
        let state = Mutex::new(State { tokens: burst, filled: now, suppressed: 0 });
        Self { burst, per_second, state }
    }

    /// Whether one more may pass.
    pub fn take(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(state.filled).as_secs_f64();
        state.tokens = (state.tokens + since * self.per_second).min(self.burst);
        state.filled = state.filled.max(now);
        let passes = state.tokens >= 1.0;
        if passes {
            state.tokens -= 1.0;
        } else {
            state.suppressed += 1;
        }
        passes
    }

    /// How many did not pass since the last call.
    pub fn take_suppressed(&self) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.suppressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_then_the_rate_and_the_rest_is_counted() {
        let start = Instant::now();
        let bucket = TokenBucket::new(start, 3, 2.0);
        let passed = |at| (0..10).filter(|_| bucket.take(at)).count();
        assert_eq!(passed(start), 3);
        assert_eq!(passed(start + SECOND), 2);
        assert_eq!(bucket.take_suppressed(), 15);
        assert_eq!(bucket.take_suppressed(), 0);
    }

    #[test]
    fn silence_saves_no_more_than_a_burst() {
        let start = Instant::now();
        let bucket = TokenBucket::new(start, 3, 2.0);
        let later = start + 1000 * SECOND;
        assert_eq!((0..10).filter(|_| bucket.take(later)).count(), 3);
        // A clock that goes back fills nothing.
        assert!(!bucket.take(start));
    }
}
