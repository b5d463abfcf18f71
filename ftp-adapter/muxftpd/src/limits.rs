//! Limits of the process.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::{debug, warn};

/// Raises the soft limit of open descriptors to the hard one. A session needs two descriptors,
/// four with a data connection and a file; the usual soft limit of 1024 is for `select` only.
pub fn raise_descriptor_limit() {
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, hard)) if soft < hard => match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
            Ok(()) => debug!("raised the limit of open descriptors from {soft} to {hard}"),
            Err(error) => warn!("the limit of open descriptors stays at {soft}: {error}"),
        },
        Ok(_) => {}
        Err(error) => warn!("cannot read the limit of open descriptors: {error}"),
    }
}
