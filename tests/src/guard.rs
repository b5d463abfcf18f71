//! Hang guards. They end a test that would never end; no test asserts how fast anything is.

use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// Less than the 15 seconds after which libunftp, and with it the server, gives up on a
/// reservation whatever its TTL: a port that is free within this was freed by something else.
pub const BEFORE_TTL: Duration = Duration::from_secs(10);

/// How long anything may take before a test gives up on it.
pub const HANG: Duration = Duration::from_secs(60);

/// Polls `done` until it holds.
///
/// # Panics
///
/// When it has not come true within [`HANG`]; the message says `what` was waited for.
#[track_caller]
pub fn eventually(what: &str, done: impl FnMut() -> bool) {
    within(HANG, what, done);
}

/// Polls `done` until it holds, for things that something else brings about as well if one waits
/// longer than `limit`.
///
/// # Panics
///
/// When it has not come true within `limit`; the message says `what` was waited for.
#[track_caller]
pub fn within(limit: Duration, what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < limit, "gave up after {limit:?} waiting until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Polls `attempt` until it gives something, and returns that.
///
/// # Panics
///
/// As [`eventually`].
#[track_caller]
pub fn obtained<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let mut got = None;
    eventually(what, || {
        got = attempt();
        got.is_some()
    });
    got.expect("`eventually` returns only once it is there")
}

/// Waits for the end of a program, or kills it when it does not come within `limit`.
///
/// # Panics
///
/// When it cannot be waited for.
#[must_use]
pub fn ends_within(limit: Duration, child: &mut Child) -> Option<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        if started.elapsed() >= limit {
            // It may just have ended.
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}
