//! Bytes that name their owner: an address, and the number of a session behind it.

use std::io;
use std::net::IpAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use mux_tests::Data;

/// How often a connection is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// The first line that is not of a client at `address`.
pub(crate) fn foreign(bytes: &[u8], address: IpAddr) -> Option<String> {
    let own = format!("{address}/");
    let is_own = |line: &&[u8]| {
        // The last may be cut off.
        let length = own.len().min(line.len());
        line[..length] == own.as_bytes()[..length]
    };
    let foreign = bytes.split(|byte| *byte == b'\n').find(|line| !is_own(line));
    foreign.map(|line| String::from_utf8_lossy(line).into_owned())
}

/// Whatever comes, if it begins to come within `patience`.
pub(crate) fn heard(connection: io::Result<Data>, patience: Duration) -> Vec<u8> {
    let Ok(data) = connection else { return Vec::new() };
    let started = Instant::now();
    while data.is_silent() {
        if started.elapsed() > patience {
            data.reset();
            return Vec::new();
        }
        sleep(LOOK);
    }
    data.all_that_comes()
}

#[test]
fn what_is_foreign_is_seen() {
    let address: IpAddr = [127, 1, 0, 1].into();
    let own = mux_tests::files::content("127.1.0.1/3/7", 1000);
    let other = mux_tests::files::content("127.1.0.11/3/7", 128);
    assert_eq!(foreign(&own, address), None);
    assert_eq!(foreign(&own[..70], address), None);
    assert!(foreign(&other, address).is_some_and(|line| line.starts_with("127.1.0.11/")));
    assert!(foreign(&[own, other].concat(), address).is_some());
    assert!(foreign(b"x", address).is_some());
}
