//! A limit on the rate of log lines that clients can cause.

use crate::origin::Origin;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Origins are remembered in sets of so many, for bounded memory and work.
const SETS: usize = 128;
const WAYS: usize = 8;

/// How many lines there may be: at once, and then a second.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub burst: u32,
    pub per_second: f64,
}

/// Token buckets: one for each origin, so that none hides the lines of others, and one for all
/// together. What they do not let through is counted.
///
/// At most 1024 origins are remembered. The one whose bucket is fullest gives way, because least is
/// lost with it.
#[derive(Debug)]
pub struct LineLimit {
    of_origin: Rate,
    of_all: Rate,
    keys: RandomState,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    all: Bucket,
    origins: Box<[Set]>,
    /// Since it was last asked for.
    suppressed: u64,
}

type Set = [Option<(Origin, Bucket)>; WAYS];

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl LineLimit {
    pub fn new(now: Instant, of_origin: Rate, of_all: Rate) -> Self {
        let origins = vec![[None; WAYS]; SETS].into_boxed_slice();
        let state = State { all: Bucket::full(now, of_all), origins, suppressed: 0 };
        Self { of_origin, of_all, keys: RandomState::new(), state: Mutex::new(state) }
    }

    /// Whether one more line of this origin may pass.
    pub fn take(&self, now: Instant, origin: Origin) -> bool {
        let set = self.keys.hash_one(origin) as usize % SETS;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { all, origins, suppressed } = &mut *state;
        let own = own_bucket(&mut origins[set], now, origin, self.of_origin);
        all.fill(now, self.of_all);
        let passes = own.tokens >= 1.0 && all.tokens >= 1.0;
        if passes {
            own.tokens -= 1.0;
            all.tokens -= 1.0;
        } else {
            *suppressed += 1;
        }
        passes
    }

    /// How many did not pass since the last call.
    pub fn take_suppressed(&self) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.suppressed)
    }
}

/// The bucket of an origin, filled up to now.
fn own_bucket(set: &mut Set, now: Instant, origin: Origin, rate: Rate) -> &mut Bucket {
    for (_, bucket) in set.iter_mut().flatten() {
        bucket.fill(now, rate);
    }
    let known = set.iter().position(|way| way.is_some_and(|(known, _)| known == origin));
    let way = known.unwrap_or_else(|| {
        let tokens = |way: usize| set[way].map_or(f64::INFINITY, |(_, bucket)| bucket.tokens);
        (0..WAYS).max_by(|a, b| tokens(*a).total_cmp(&tokens(*b))).unwrap_or(0)
    });
    if known.is_none() {
        set[way] = None;
    }
    &mut set[way].get_or_insert_with(|| (origin, Bucket::full(now, rate))).1
}

impl Bucket {
    fn full(now: Instant, rate: Rate) -> Self {
        Self { tokens: rate.burst.into(), filled: now }
    }

    fn fill(&mut self, now: Instant, rate: Rate) {
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + since * rate.per_second).min(rate.burst.into());
        self.filled = self.filled.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);
    const OF_ORIGIN: Rate = Rate { burst: 3, per_second: 2.0 };
    const OF_ALL: Rate = Rate { burst: 20, per_second: 5.0 };

    fn origin(number: u16) -> Origin {
        let [high, low] = number.to_be_bytes();
        IpAddr::from([10, 0, high, low]).into()
    }

    fn passed(limit: &LineLimit, at: Instant, origin: Origin) -> usize {
        (0..10).filter(|_| limit.take(at, origin)).count()
    }

    #[test]
    fn a_burst_passes_then_the_rate_and_the_rest_is_counted() {
        let start = Instant::now();
        let limit = LineLimit::new(start, OF_ORIGIN, OF_ALL);
        assert_eq!(passed(&limit, start, origin(1)), 3);
        assert_eq!(passed(&limit, start + SECOND, origin(1)), 2);
        assert_eq!(limit.take_suppressed(), 15);
        assert_eq!(limit.take_suppressed(), 0);
    }

    #[test]
    fn silence_saves_no_more_than_a_burst() {
        let start = Instant::now();
        let limit = LineLimit::new(start, OF_ORIGIN, OF_ALL);
        let later = start + 1000 * SECOND;
        assert_eq!(passed(&limit, later, origin(1)), 3);
        // A clock that goes back fills nothing.
        assert!(!limit.take(start, origin(1)));
    }

    #[test]
    fn one_origin_hides_no_line_of_another() {
        let start = Instant::now();
        let limit = LineLimit::new(start, OF_ORIGIN, OF_ALL);
        for _ in 0..1000 {
            limit.take(start, origin(1));
        }
        assert_eq!(passed(&limit, start, origin(2)), 3);
    }

    #[test]
    fn many_origins_are_limited_together_and_not_all_remembered() {
        let start = Instant::now();
        let limit = LineLimit::new(start, OF_ORIGIN, OF_ALL);
        let passed: usize = (0..10_000).map(|one| passed(&limit, start, origin(one))).sum();
        assert_eq!(passed, 20);
        assert_eq!(limit.take_suppressed(), 99_980);
    }
}
