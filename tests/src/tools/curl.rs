//! curl. It tries EPSV first, and PASV when told to; it verifies certificates by itself.

use std::process::Command;

use super::{Finished, run};
use crate::client::Passive;
use crate::way::Endpoint;

/// Exit statuses: the time to connect was up, and the TLS handshake failed.
const NOT_CONNECTED: [Option<i32>; 2] = [Some(28), Some(35)];

/// Runs `curl` silently with these arguments, feeding it `input`.
///
/// # Panics
///
/// When it is missing or hangs.
#[must_use]
#[track_caller]
pub fn curl(to: &Endpoint, arguments: &[&str], input: &[u8]) -> Finished {
    let mut curl = Command::new("curl");
    curl.args(["--disable", "--noproxy", "*", "--silent", "--show-error", "--globoff"]);
    curl.arg(match to.passive {
        Passive::Pasv => "--disable-epsv",
        Passive::Epsv => "--ftp-pasv",
    });
    if let Some(authority) = to.authority() {
        curl.args(["--ssl-reqd", "--cacert", authority]);
    }
    curl.args(arguments);
    if !to.tries_again {
        return run(&mut curl, input);
    }
    curl.args(["--connect-timeout", "10"]);
    for _ in 0..5 {
        let finished = run(&mut curl, input);
        if !NOT_CONNECTED.contains(&finished.status.code()) {
            return finished;
        }
    }
    run(&mut curl, input)
}
