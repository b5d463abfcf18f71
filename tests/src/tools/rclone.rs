//! rclone. It logs in once for each of its transfers, and keeps the sessions.

use std::process::Command;

use super::{Finished, run};
use crate::client::Passive;
use crate::way::Endpoint;

/// Runs `rclone` with these arguments; `server:` is the remote that they can name.
///
/// It has no option for an authority, so it does not verify the server's certificate.
///
/// # Panics
///
/// When it is missing or hangs.
#[must_use]
#[track_caller]
pub fn rclone(to: &Endpoint, arguments: &[&str]) -> Finished {
    let password =
        run(Command::new("rclone").args(["--config", "", "obscure", "guest@example.com"]), b"")
            .text();
    let mut rclone = Command::new("rclone");
    for (name, value) in [
        ("TYPE", "ftp"),
        ("HOST", &to.control.ip().to_string()),
        ("PORT", &to.control.port().to_string()),
        ("USER", "anonymous"),
        ("PASS", password.trim_end()),
        ("EXPLICIT_TLS", if to.authority.is_some() { "true" } else { "false" }),
        ("NO_CHECK_CERTIFICATE", "true"),
        ("DISABLE_EPSV", if to.passive == Passive::Pasv { "true" } else { "false" }),
    ] {
        rclone.env(format!("RCLONE_CONFIG_SERVER_{name}"), value);
    }
    // No configuration but that of the environment.
    rclone.args(["--config", "", "--retries", "1", "--low-level-retries", "1"]);
    run(rclone.args(arguments), b"")
}
