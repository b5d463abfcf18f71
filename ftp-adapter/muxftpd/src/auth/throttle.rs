//! Refusing logins for a while after too many wrong ones.
//!
//! Counted over all sessions: by where a client comes from, and by user, so that guessing from many
//! addresses does not help either. Somebody who guesses could so keep a user out; but not at an
//! origin from which that user has logged in before.
//!
//! The memory is fixed, and the work for each login too: each key has its place in one small set
//! of entries. Where a set is full, the entry that ends first gives way.

use crate::auth::memory::{Key, Memory};
use crate::origin::Origin;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A user is refused after so many times the failures of one origin.
const ORIGINS: u32 = 10;

/// How long it is remembered that a user has logged in from somewhere.
const ACQUAINTANCE: Duration = Duration::from_secs(30 * 24 * 3600);

/// How many wrong logins there may be.
#[derive(Debug, Clone, Copy)]
pub struct LoginLimits {
    /// From one origin, within `window`; `None` for any number.
    pub failures: Option<NonZeroU32>,
    /// How long failures count, and how long logins are refused then.
    pub window: Duration,
}

/// Counts wrong logins.
#[derive(Debug)]
pub struct Throttle {
    limits: LoginLimits,
    keys: RandomState,
    counted: Mutex<Counted>,
}

#[derive(Debug)]
struct Counted {
    origins: Memory,
    users: Memory,
    acquainted: Memory,
}

/// A login that is being decided. It counts as wrong unless it is told that it was right: so those
/// of many sessions at the same moment are not too many either.
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    origin: Key,
    user: Key,
    both: Key,
}

/// Who has had too many wrong logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    Origin,
    User,
}

impl Throttle {
    pub fn new(limits: LoginLimits) -> Self {
        let counted = Counted {
            origins: Memory::default(),
            users: Memory::default(),
            acquainted: Memory::default(),
        };
        Self { limits, keys: RandomState::new(), counted: Mutex::new(counted) }
    }

    /// Lets a login be decided, unless there were too many wrong ones.
    pub fn begin(&self, now: Instant, from: Origin, user: &[u8]) -> Result<Attempt, Refused> {
        let attempt = Attempt {
            origin: Key(self.keys.hash_one(from)),
            user: Key(self.keys.hash_one(user)),
            both: Key(self.keys.hash_one((from, user))),
        };
        let Some(most) = self.limits.failures else { return Ok(attempt) };
        let most_of_user = most.get().saturating_mul(ORIGINS);
        let window = self.limits.window;

        let mut counted = self.lock();
        if counted.origins.count(now, attempt.origin) >= most.get() {
            return Err(Refused::Origin);
        }
        let is_strange = counted.acquainted.count(now, attempt.both) == 0;
        if is_strange && counted.users.count(now, attempt.user) >= most_of_user {
            return Err(Refused::User);
        }
        counted.origins.add(now, attempt.origin, window, most.get());
        counted.users.add(now, attempt.user, window, most_of_user);
        Ok(attempt)
    }

    /// The login was right.
    pub fn succeeded(&self, now: Instant, attempt: &Attempt) {
        let mut counted = self.lock();
        counted.origins.take_back(now, attempt.origin);
        counted.users.take_back(now, attempt.user);
        // However often: the last time counts.
        counted.acquainted.add(now, attempt.both, ACQUAINTANCE, 1);
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    const MINUTE: Duration = Duration::from_secs(60);

    fn throttle(failures: u32) -> Throttle {
        Throttle::new(LoginLimits { failures: NonZeroU32::new(failures), window: 10 * MINUTE })
    }

    fn ip(number: u16) -> Origin {
        let [high, low] = number.to_be_bytes();
        IpAddr::from([127, 0, high, low]).into()
    }

    fn net(text: &str) -> Origin {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn after_too_many_an_origin_waits_and_others_do_not() {
        let (throttle, now) = (throttle(3), Instant::now());
        for _ in 0..3 {
            let _ = throttle.begin(now, ip(1), b"alice").unwrap();
        }
        assert_eq!(throttle.begin(now, ip(1), b"alice").unwrap_err(), Refused::Origin);
        assert_eq!(throttle.begin(now, ip(1), b"bob").unwrap_err(), Refused::Origin);
        assert!(throttle.begin(now, ip(2), b"alice").is_ok());
        let later = now + 10 * MINUTE;
        assert!(throttle.begin(later - MINUTE, ip(1), b"alice").is_err());
        assert!(throttle.begin(later, ip(1), b"alice").is_ok());
    }

    #[test]
    fn the_wait_begins_with_the_last_failure_and_is_not_made_longer_by_trying() {
        let (throttle, now) = (throttle(2), Instant::now());
        let _ = throttle.begin(now, ip(1), b"alice").unwrap();
        let _ = throttle.begin(now + 9 * MINUTE, ip(1), b"alice").unwrap();
        for minute in 9..19 {
            assert!(throttle.begin(now + minute * MINUTE, ip(1), b"alice").is_err(), "{minute}");
        }
        assert!(throttle.begin(now + 19 * MINUTE, ip(1), b"alice").is_ok());
    }

    #[test]
    fn failures_that_are_long_past_do_not_count() {
        let (throttle, now) = (throttle(2), Instant::now());
        for times in 0..10 {
            let _ = throttle.begin(now + times * 11 * MINUTE, ip(1), b"alice").unwrap();
        }
    }

    #[test]
    fn those_who_are_right_are_never_refused() {
        let (throttle, now) = (throttle(1), Instant::now());
        for _ in 0..100 {
            let attempt = throttle.begin(now, ip(1), b"alice").unwrap();
            throttle.succeeded(now, &attempt);
        }
    }

    #[test]
    fn logins_at_the_same_moment_count_before_they_are_decided() {
        let (throttle, now) = (throttle(2), Instant::now());
        let first = throttle.begin(now, ip(1), b"alice").unwrap();
        let _second = throttle.begin(now, ip(1), b"alice").unwrap();
        assert!(throttle.begin(now, ip(1), b"alice").is_err());
        throttle.succeeded(now, &first);
        assert!(throttle.begin(now, ip(1), b"alice").is_ok());
    }

    #[test]
    fn guessing_from_many_addresses_is_noticed_and_does_not_keep_the_user_out_at_home() {
        let (throttle, now) = (throttle(3), Instant::now());
        let at_home = throttle.begin(now, ip(0), b"alice").unwrap();
        throttle.succeeded(now, &at_home);
        let let_through =
            (1..1000).filter(|n| throttle.begin(now, ip(*n), b"alice").is_ok()).count();
        assert_eq!(let_through, 30);
        assert_eq!(throttle.begin(now, ip(2000), b"alice").unwrap_err(), Refused::User);
        assert!(throttle.begin(now, ip(2000), b"bob").is_ok());
        assert!(throttle.begin(now, ip(0), b"alice").is_ok());
    }

    #[test]
    fn a_network_of_ipv6_is_one_origin() {
        let (throttle, now) = (throttle(1), Instant::now());
        let _ = throttle.begin(now, net("2001:db8::1"), b"alice").unwrap();
        assert!(throttle.begin(now, net("2001:db8::2"), b"alice").is_err());
        assert!(throttle.begin(now, net("2001:db8:0:1::1"), b"alice").is_ok());
    }

    #[test]
    fn without_a_limit_nobody_is_refused() {
        let (throttle, now) = (throttle(0), Instant::now());
        for _ in 0..1000 {
            let _ = throttle.begin(now, ip(1), b"alice").unwrap();
        }
    }
}
