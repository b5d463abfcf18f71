//! wget. It uses EPSV on IPv6 and PASV on IPv4, and cannot be told otherwise.

use std::process::Command;

use super::{Finished, run};
use crate::way::{Endpoint, Security};

/// Runs `wget` with these arguments.
///
/// # Panics
///
/// When it is missing or hangs.
#[must_use]
#[track_caller]
pub fn wget(to: &Endpoint, arguments: &[&str]) -> Finished {
    let mut wget = Command::new("wget");
    wget.args(["--no-config", "--no-proxy", "--no-verbose", "--timeout=60"]);
    if let Some(authority) = to.authority() {
        wget.args(["--ca-certificate", authority]);
    }
    run(wget.args(arguments), b"")
}

/// The URL of `path` for it, which takes explicit TLS for a scheme.
#[must_use]
pub fn url_for_wget(to: &Endpoint, security: Security, path: &str) -> String {
    let url = to.url(path);
    match security {
        Security::Plain => url,
        Security::Tls => url.replacen("ftp:", "ftps:", 1),
    }
}
