//! How many clients a test can have at once.

use nix::sys::resource::{Resource, getrlimit};
use not_checked::machine;

/// What a session takes at most, with a pending reservation: four descriptors in the server, and
/// in this process two in each of several tests at a time.
const EACH: u64 = 8;

/// What everything else takes.
const REST: u64 = 200;

/// A crowd of fewer would show nothing: rather let the test run out of descriptors.
const FEWEST: u64 = 10;

/// `most` clients, or as many as the hard limit on descriptors leaves room for; then it says
/// so.
#[must_use]
pub fn crowd(most: u16) -> u16 {
    let (_, limit) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit on descriptors");
    let room = (limit.saturating_sub(REST) / EACH).max(FEWEST);
    if room >= most.into() {
        return most;
    }
    if let Err(lacking) = machine::descriptors(EACH * u64::from(most) + REST) {
        machine::not_checked(&format!("a crowd of {most} clients (there were {room})"), &lacking);
    }
    room as u16
}
