//! Other people's FTP clients, run as programs.
//!
//! A test says which it needs: `needs!(Tool::Curl)`. `ci/install.sh` installs them all.

mod basic_ftp;
mod classic;
mod curl;
mod lftp;
mod python;
mod rclone;
mod scripting;
mod wget;

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use not_checked::machine::{self, Has, Need};
use tempfile::TempDir;

use crate::guard::{self, HANG};

pub use basic_ftp::{BasicFtp, basic_ftp};
pub use classic::{Classic, classic};
pub use curl::curl;
pub use lftp::lftp;
pub use python::{python, start_python};
pub use rclone::rclone;
pub use scripting::{php, ruby};
pub use wget::{url_for_wget, wget};

/// A program that is not of this workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// `curl`.
    Curl,
    /// `lftp`.
    Lftp,
    /// `python3`, with its `ftplib`.
    Python,
    /// `rclone`.
    Rclone,
    /// `wget`.
    Wget,
    /// `php`, with its FTP extension.
    Php,
    /// `ruby`, with its `net/ftp`.
    Ruby,
    /// `prlimit`, which takes a running server's descriptors away.
    Prlimit,
}

impl Need for Tool {
    fn is_here(&self) -> Has {
        match self {
            Self::Curl => machine::program("curl", "curl"),
            Self::Lftp => machine::program("lftp", "lftp"),
            Self::Python => machine::program("python3", "python3"),
            Self::Rclone => machine::program("rclone", "rclone"),
            Self::Wget => machine::program("wget", "wget"),
            Self::Php => machine::program("php", "php-cli"),
            Self::Ruby => machine::program("ruby", "ruby"),
            Self::Prlimit => machine::program("prlimit", "util-linux"),
        }
    }
}

/// How a program ended, and what it said.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// All it wrote to standard output.
    pub stdout: Vec<u8>,
    /// All it wrote to standard error.
    pub stderr: String,
}

impl Finished {
    /// What it printed, when its exit status is 0.
    ///
    /// # Panics
    ///
    /// When it is another; the message holds all it said.
    #[must_use]
    #[track_caller]
    pub fn succeeded(self) -> Vec<u8> {
        assert!(
            self.status.success(),
            "{}:\n{}\n{}",
            self.status,
            String::from_utf8_lossy(&self.stdout),
            self.stderr
        );
        self.stdout
    }

    /// As [`succeeded`](Self::succeeded), as text.
    ///
    /// # Panics
    ///
    /// As [`succeeded`](Self::succeeded).
    #[must_use]
    #[track_caller]
    pub fn text(self) -> String {
        String::from_utf8_lossy(&self.succeeded()).into_owned()
    }
}

/// Starts a client that finds no settings of the user who runs the tests, all its streams piped.
#[track_caller]
fn start(command: &mut Command) -> Child {
    for name in ["ftp_proxy", "all_proxy", "no_proxy", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    match command.spawn() {
        Ok(child) => child,
        Err(error) => panic!("{} cannot be run: {error}", command.get_program().display()),
    }
}

/// Runs a client to its end, feeding it `input`. One that does not end within [`HANG`] is killed.
#[track_caller]
fn run(command: &mut Command, input: &[u8]) -> Finished {
    let home = TempDir::new().expect("a temporary directory can be made");
    let mut child = start(command.env("HOME", home.path()));
    let mut stdin = child.stdin.take().expect("it is piped");
    let mut stdout = child.stdout.take().expect("it is piped");
    let mut stderr = child.stderr.take().expect("it is piped");
    let (status, stdout, stderr) = thread::scope(|scope| {
        // One that was refused does not read it all.
        scope.spawn(move || stdin.write_all(input));
        let stdout = scope.spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).map(|_| bytes)
        });
        let stderr = scope.spawn(move || {
            let mut bytes = Vec::new();
            stderr.read_to_end(&mut bytes).map(|_| bytes)
        });
        let status = guard::ends_within(HANG, &mut child);
        let bytes = |reader: thread::ScopedJoinHandle<'_, std::io::Result<Vec<u8>>>| {
            reader.join().expect("a reader does not panic").expect("a pipe can be read")
        };
        (status, bytes(stdout), bytes(stderr))
    });
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    match status {
        Some(status) => Finished { status, stdout, stderr },
        None => panic!(
            "{} has not ended within {HANG:?}:\n{}\n{stderr}",
            command.get_program().display(),
            String::from_utf8_lossy(&stdout)
        ),
    }
}
