//! Running out of descriptors on purpose, in a process of its own.

#![allow(dead_code, reason = "not every test binary uses everything")]

use std::fs::File;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Lets the process have so many descriptors.
pub(crate) fn limit(most: u64) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, hard).unwrap();
}

/// Takes every descriptor that is left.
pub(crate) fn exhaust() -> Vec<File> {
    let mut files = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
                return files;
            }
        }
    }
}
