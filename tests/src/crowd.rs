//! How many clients a test can have at once.

use std::io::{Write, stderr};

use nix::sys::resource::{Resource, getrlimit};

/// What a session takes at most, with a pending reservation: four descriptors in the server, and
/// in this process two in each of several tests at a time.
const EACH: u64 = 8;

/// What everything else takes.
const REST: u64 = 200;

/// A crowd of fewer would show nothing: rather let the test run out of descriptors.
const FEWEST: u64 = 10;

/// `most` clients, or as many as the hard limit on descriptors leaves room for; then it says so,
/// also where the test passes.
#[must_use]
pub fn crowd(most: u16) -> u16 {
    let (_, limit) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit on descriptors");
    let room = (limit.saturating_sub(REST) / EACH).max(FEWEST);
    if room >= most.into() {
        return most;
    }
    // Past the test harness, which shows what is printed only where a test fails.
    let _ = writeln!(
        stderr(),
        "{room} clients, not {most}: the limit on descriptors is {limit} (ulimit -Hn)"
    );
    room as u16
}
