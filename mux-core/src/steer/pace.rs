//! Keeps the rate of attaches below what the kernel can bear.
//!
//! Attaching a program frees the one before, and the kernel frees compiled programs one by one on
//! its `events` work queue, at most 1024 at a time per processor, each under one lock. Now and
//! then the one that has the lock waits for a piece of work on the same queue (`vfree`, lazy
//! unmapping). If 1024 others wait for the lock by then, that piece is never started, and from
//! then on every process of the machine that touches a BPF program (a socket filter, a seccomp
//! sandbox) hangs until the machine is restarted. Seen on Linux 6.18 after half a minute of
//! some 20,000 attaches a second.
//!
//! So all groups of a process together attach at most [`MAX_BURST`] and then [`ATTACHES_PER_SECOND`] programs:
//! fewer than 1024 in any second, even if the kernel freed nothing for as long as that. And since
//! a process that is killed frees all its programs at once, it has at most [`MAX_PROGRAMS`] of them.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many programs may be attached at once after a pause.
const MAX_BURST: u32 = 400;
/// How many programs may be attached in a second, on and on.
const ATTACHES_PER_SECOND: u32 = 500;

/// How many groups of a process may have a program at the same time.
const MAX_PROGRAMS: usize = 512;

const INTERVAL: Duration = Duration::from_millis(1000 / ATTACHES_PER_SECOND as u64);

/// The whole process has one: the kernel's queue is one, too.
static PACE: Mutex<Pace> = Mutex::new(Pace { paid: None });

/// How long to wait until another program may be attached; zero if there is no need to.
pub(super) fn wait() -> Duration {
    PACE.lock().unwrap_or_else(PoisonError::into_inner).wait(Instant::now())
}

/// Counts an attach. What ends something is attached whatever [`wait`] says, and counts all the
/// same.
pub(super) fn count() {
    PACE.lock().unwrap_or_else(PoisonError::into_inner).count(Instant::now());
}

/// The right of one group to have a program, given back when dropped.
#[derive(Debug)]
pub(super) struct ProgramPermit(());

static PROGRAMS: AtomicUsize = AtomicUsize::new(0);

impl ProgramPermit {
    /// Takes one of the process's [`MAX_PROGRAMS`], if one is left.
    pub(super) fn take() -> Option<Self> {
        let one_more = |taken| (taken < MAX_PROGRAMS).then_some(taken + 1);
        PROGRAMS.fetch_update(Relaxed, Relaxed, one_more).ok().map(|_| Self(()))
    }
}

impl Drop for ProgramPermit {
    fn drop(&mut self) {
        PROGRAMS.fetch_sub(1, Relaxed);
    }
}

/// A leaky bucket.
struct Pace {
    /// When everything attached so far would have been, at one per interval.
    paid: Option<Instant>,
}

impl Pace {
    fn wait(&self, now: Instant) -> Duration {
        let ahead = self.paid.map_or(Duration::ZERO, |paid| paid.saturating_duration_since(now));
        ahead.saturating_sub(INTERVAL * (MAX_BURST - 1))
    }

    fn count(&mut self, now: Instant) {
        self.paid = Some(self.paid.map_or(now, |paid| paid.max(now)) + INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attaches whenever that is allowed and says how many times it was, by `end`.
    fn attach_until(pace: &mut Pace, mut now: Instant, end: Instant) -> u32 {
        let mut attached = 0;
        while now < end {
            now += pace.wait(now);
            if now < end {
                pace.count(now);
                attached += 1;
            }
        }
        attached
    }

    #[test]
    fn a_burst_is_let_through_and_then_a_steady_rate() {
        let start = Instant::now();
        let mut pace = Pace { paid: None };
        for _ in 0..MAX_BURST {
            assert_eq!(pace.wait(start), Duration::ZERO);
            pace.count(start);
        }
        assert_eq!(pace.wait(start), INTERVAL);
        let later = start + Duration::from_secs(1);
        assert_eq!(attach_until(&mut pace, start, later), ATTACHES_PER_SECOND - 1);
    }

    #[test]
    fn no_second_has_as_many_as_the_kernels_queue_takes() {
        let start = Instant::now();
        let mut pace = Pace { paid: None };
        let attached = attach_until(&mut pace, start, start + Duration::from_secs(1));
        assert!(attached < 1024, "{attached}");
        // A pause does not add up to more than one burst.
        let later = start + Duration::from_secs(3600);
        let attached = attach_until(&mut pace, later, later + Duration::from_secs(1));
        assert!((MAX_BURST..1024).contains(&attached), "{attached}");
    }

    #[test]
    fn what_could_not_wait_is_waited_for_later() {
        let start = Instant::now();
        let mut pace = Pace { paid: None };
        for _ in 0..MAX_BURST + 10 {
            pace.count(start);
        }
        assert_eq!(pace.wait(start), INTERVAL * 11);
        assert_eq!(pace.wait(start + INTERVAL * 11), Duration::ZERO);
    }
}
