//! The classic `ftp`, driven by a script on standard input. It speaks no TLS.

use std::process::Command;

use not_checked::machine::{self, Has, Need};

use super::{Finished, run};
use crate::client::Passive;
use crate::way::Endpoint;

/// Which of the programs of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classic {
    /// NetBSD's, which Debian calls `tnftp`.
    Tnftp,
    /// That of GNU inetutils.
    Inetutils,
}

impl Classic {
    fn name(self) -> &'static str {
        match self {
            Self::Tnftp => "tnftp",
            Self::Inetutils => "inetutils-ftp",
        }
    }
}

impl Need for Classic {
    fn is_here(&self) -> Has {
        machine::program(self.name(), self.name())
    }
}

/// Runs a script in a session that is logged in, and returns what was printed: all replies of the
/// server too.
///
/// # Panics
///
/// When the program is missing or hangs.
#[must_use]
#[track_caller]
pub fn classic(which: Classic, to: &Endpoint, script: &str) -> Finished {
    assert!(to.authority.is_none(), "the classic ftp speaks no TLS");
    let mut ftp = Command::new(which.name());
    // Passive, without questions, without a login of its own, with all replies.
    ftp.args(["-p", "-i", "-n", "-v"]);
    ftp.arg(to.control.ip().to_string()).arg(to.control.port().to_string());
    // On IPv6 both use EPSV. On IPv4 NetBSD's does unless told not to, and GNU's when told to.
    let passive = match (which, to.control.is_ipv4(), to.passive) {
        (Classic::Tnftp, true, Passive::Pasv) => "epsv4 off\n",
        (Classic::Inetutils, true, Passive::Epsv) => "epsv4\n",
        _ => "",
    };
    let script = format!("{passive}user anonymous guest@example.com\nbinary\n{script}\nquit\n");
    run(&mut ftp, script.as_bytes())
}
