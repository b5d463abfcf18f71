//! Refusing logins for a while after too many wrong ones.
//!
//! Counted over all sessions: by where a client comes from, and by user, so that guessing from many
//! addresses does not help either. Somebody who guesses could so keep a user out; but not at an
//! origin from which that user has logged in before.
//!
//! The memory is fixed, and the work for each login too: each key has its place in one small set
//! of entries. Where a set is full, the entry that ends first gives way. Only logins that are being
//! decided are counted without a bound of their own: a session has one at a time.

use crate::auth::memory::{Key, Memory};
use crate::origin::Origin;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

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
    /// Wakes the logins that wait: one was decided.
    decided: Notify,
}

#[derive(Debug, Default)]
struct Counted {
    origins: Memory,
    users: Memory,
    acquainted: Memory,
    /// How many logins of an origin or of a user are being decided.
    undecided: HashMap<Key, u32>,
}

/// A login that is being decided. It counts as wrong when it is dropped, unless it was told to have
/// [`succeeded`](Self::succeeded).
#[derive(Debug)]
#[must_use]
pub struct Attempt<'a> {
    throttle: &'a Throttle,
    keys: Keys,
    is_right: bool,
}

/// What a login counts for.
#[derive(Debug, Clone, Copy)]
struct Keys {
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

/// Whether a login may be decided.
#[derive(Debug)]
enum Admission<'a> {
    Begun(Attempt<'a>),
    /// If all those were wrong that are being decided, this would be one too many.
    Wait,
    Refused(Refused),
}

impl Throttle {
    pub fn new(limits: LoginLimits) -> Self {
        let counted = Mutex::default();
        Self { limits, keys: RandomState::new(), counted, decided: Notify::new() }
    }

    /// Lets a login be decided, unless there were too many wrong ones. Of logins at the same moment
    /// no more go on than may be wrong; the others wait until these are decided.
    ///
    /// # Cancel safety
    ///
    /// Nothing has happened when the future is dropped.
    pub async fn begin(&self, from: Origin, user: &[u8]) -> Result<Attempt<'_>, Refused> {
        loop {
            // Before the look, so that nothing is decided unheard.
            let decided = self.decided.notified();
            match self.admit(Instant::now(), from, user) {
                Admission::Begun(attempt) => return Ok(attempt),
                Admission::Refused(refused) => return Err(refused),
                Admission::Wait => decided.await,
            }
        }
    }

    fn admit(&self, now: Instant, from: Origin, user: &[u8]) -> Admission<'_> {
        let keys = Keys {
            origin: Key(self.keys.hash_one(from)),
            user: Key(self.keys.hash_one(user)),
            both: Key(self.keys.hash_one((from, user))),
        };
        if let Some(most) = self.limits.failures {
            let mut counted = self.lock();
            let of_origin = counted.origins.count(now, keys.origin);
            if of_origin >= most.get() {
                return Admission::Refused(Refused::Origin);
            }
            let is_strange = counted.acquainted.count(now, keys.both) == 0;
            let of_user = counted.users.count(now, keys.user);
            if is_strange && of_user >= most_of_user(most) {
                return Admission::Refused(Refused::User);
            }
            if of_origin + counted.undecided(keys.origin) >= most.get()
                || is_strange && of_user + counted.undecided(keys.user) >= most_of_user(most)
            {
                return Admission::Wait;
            }
            *counted.undecided.entry(keys.origin).or_default() += 1;
            *counted.undecided.entry(keys.user).or_default() += 1;
        }
        Admission::Begun(Attempt { throttle: self, keys, is_right: false })
    }

    fn decided(&self, now: Instant, keys: Keys, is_right: bool) {
        let Some(most) = self.limits.failures else { return };
        let window = self.limits.window;
        let mut counted = self.lock();
        counted.one_less_undecided(keys.origin);
        counted.one_less_undecided(keys.user);
        if is_right {
            // However often: the last time counts.
            counted.acquainted.add(now, keys.both, ACQUAINTANCE, 1);
        } else {
            counted.origins.add(now, keys.origin, window, most.get());
            counted.users.add(now, keys.user, window, most_of_user(most));
        }
        drop(counted);
        self.decided.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn most_of_user(most: NonZeroU32) -> u32 {
    most.get().saturating_mul(ORIGINS)
}

impl Counted {
    fn undecided(&self, key: Key) -> u32 {
        self.undecided.get(&key).copied().unwrap_or_default()
    }

    fn one_less_undecided(&mut self, key: Key) {
        if let Entry::Occupied(mut entry) = self.undecided.entry(key) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

impl Attempt<'_> {
    /// The login was right.
    pub fn succeeded(mut self) {
        self.is_right = true;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.throttle.decided(Instant::now(), self.keys, self.is_right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::net::IpAddr;
    use std::pin::{Pin, pin};
    use std::task::Poll;

    const MINUTE: Duration = Duration::from_secs(60);

    fn throttle(failures: u32) -> Throttle {
        Throttle::new(LoginLimits { failures: NonZeroU32::new(failures), window: 10 * MINUTE })
    }

    impl Throttle {
        /// A wrong login, at once.
        fn wrong(&self, now: Instant, from: Origin, user: &[u8]) -> Result<(), Refused> {
            self.decide(now, from, user, false)
        }

        /// A right login, at once.
        fn right(&self, now: Instant, from: Origin, user: &[u8]) -> Result<(), Refused> {
            self.decide(now, from, user, true)
        }

        fn decide(
            &self,
            now: Instant,
            from: Origin,
            user: &[u8],
            is_right: bool,
        ) -> Result<(), Refused> {
            match self.admit(now, from, user) {
                Admission::Begun(attempt) => {
                    // Its own drop would take the time of the test.
                    self.decided(now, attempt.keys, is_right);
                    std::mem::forget(attempt);
                    Ok(())
                }
                Admission::Refused(refused) => Err(refused),
                Admission::Wait => panic!("nothing is being decided"),
            }
        }
    }

    async fn waits(mut login: Pin<&mut impl Future>) -> bool {
        poll_fn(|context| Poll::Ready(login.as_mut().poll(context).is_pending())).await
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
            throttle.wrong(now, ip(1), b"alice").unwrap();
        }
        assert_eq!(throttle.wrong(now, ip(1), b"alice").unwrap_err(), Refused::Origin);
        assert_eq!(throttle.wrong(now, ip(1), b"bob").unwrap_err(), Refused::Origin);
        assert!(throttle.wrong(now, ip(2), b"alice").is_ok());
        let later = now + 10 * MINUTE;
        assert!(throttle.wrong(later - MINUTE, ip(1), b"alice").is_err());
        assert!(throttle.wrong(later, ip(1), b"alice").is_ok());
    }

    #[test]
    fn the_wait_begins_with_the_last_failure_and_is_not_made_longer_by_trying() {
        let (throttle, now) = (throttle(2), Instant::now());
        throttle.wrong(now, ip(1), b"alice").unwrap();
        throttle.wrong(now + 9 * MINUTE, ip(1), b"alice").unwrap();
        for minute in 9..19 {
            assert!(throttle.wrong(now + minute * MINUTE, ip(1), b"alice").is_err(), "{minute}");
        }
        assert!(throttle.wrong(now + 19 * MINUTE, ip(1), b"alice").is_ok());
    }

    #[test]
    fn failures_that_are_long_past_do_not_count() {
        let (throttle, now) = (throttle(2), Instant::now());
        for times in 0..10 {
            throttle.wrong(now + times * 11 * MINUTE, ip(1), b"alice").unwrap();
        }
    }

    #[test]
    fn those_who_are_right_are_never_refused() {
        let (throttle, now) = (throttle(1), Instant::now());
        for _ in 0..100 {
            throttle.right(now, ip(1), b"alice").unwrap();
        }
    }

    #[tokio::test]
    async fn logins_at_the_same_moment_wait_until_those_before_are_decided() {
        let throttle = throttle(2);
        let first = throttle.begin(ip(1), b"alice").await.unwrap();
        let second = throttle.begin(ip(1), b"alice").await.unwrap();
        let mut third = pin!(throttle.begin(ip(1), b"alice"));
        assert!(waits(third.as_mut()).await);
        assert!(throttle.begin(ip(2), b"alice").await.is_ok(), "others do not wait");
        first.succeeded();
        let third = third.await.unwrap();
        drop(second);
        let mut fourth = pin!(throttle.begin(ip(1), b"alice"));
        assert!(waits(fourth.as_mut()).await);
        drop(third);
        assert_eq!(fourth.await.unwrap_err(), Refused::Origin);
        assert!(throttle.lock().undecided.is_empty());
    }

    #[test]
    fn guessing_from_many_addresses_is_noticed_and_does_not_keep_the_user_out_at_home() {
        let (throttle, now) = (throttle(3), Instant::now());
        throttle.right(now, ip(0), b"alice").unwrap();
        let let_through =
            (1..1000).filter(|n| throttle.wrong(now, ip(*n), b"alice").is_ok()).count();
        assert_eq!(let_through, 30);
        assert_eq!(throttle.wrong(now, ip(2000), b"alice").unwrap_err(), Refused::User);
        assert!(throttle.wrong(now, ip(2000), b"bob").is_ok());
        assert!(throttle.wrong(now, ip(0), b"alice").is_ok());
    }

    #[test]
    fn a_network_of_ipv6_is_one_origin() {
        let (throttle, now) = (throttle(1), Instant::now());
        throttle.wrong(now, net("2001:db8::1"), b"alice").unwrap();
        assert!(throttle.wrong(now, net("2001:db8::2"), b"alice").is_err());
        assert!(throttle.wrong(now, net("2001:db8:0:1::1"), b"alice").is_ok());
    }

    #[test]
    fn without_a_limit_nobody_is_refused() {
        let (throttle, now) = (throttle(0), Instant::now());
        for _ in 0..1000 {
            throttle.wrong(now, ip(1), b"alice").unwrap();
        }
    }
}
