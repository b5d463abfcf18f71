//! curl. It tries EPSV first, and PASV when told to; it verifies certificates by itself.

use std::process::Command;

use super::{Finished, run};
use crate::client::Passive;
use crate::way::Endpoint;

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
    run(&mut curl, input)
}
