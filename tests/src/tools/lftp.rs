//! lftp. It asks for PASV on IPv4 unless told to prefer EPSV.

use std::process::Command;

use super::{Finished, run};
use crate::client::Passive;
use crate::way::Endpoint;

/// Runs `lftp` on a script that starts with a session at the server. The first command that fails
/// ends it, with an exit status other than 0.
///
/// # Panics
///
/// When it is missing or hangs.
#[must_use]
#[track_caller]
pub fn lftp(to: &Endpoint, script: &str) -> Finished {
    let mut settings = vec![
        "set cmd:fail-exit yes".to_owned(),
        "set cmd:interactive no".to_owned(),
        "set net:max-retries 1".to_owned(),
        "set net:timeout 30".to_owned(),
        "set net:reconnect-interval-base 1".to_owned(),
        format!("set ftp:prefer-epsv {}", to.passive == Passive::Epsv),
    ];
    match to.authority() {
        None => settings.push("set ftp:ssl-allow no".to_owned()),
        Some(authority) => settings.extend([
            "set ftp:ssl-force yes".to_owned(),
            "set ftp:ssl-protect-data yes".to_owned(),
            "set ssl:verify-certificate yes".to_owned(),
            format!("set ssl:ca-file {authority}"),
        ]),
    }
    settings.push(format!("open -u anonymous,guest@example.com {}", to.url("")));
    let script = format!("{}\n{script}\n", settings.join("\n"));
    run(Command::new("lftp").args(["--norc", "-f", "/dev/stdin"]), script.as_bytes())
}
