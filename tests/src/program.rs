//! The servers under test.
//!
//! Each is built once per test process, into the target directory and with the profile of the
//! tests themselves. `MUXFTPD` and `LIBUNFTP_SERVER` in the environment name others to test instead.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Once, OnceLock};
use std::{env, fs};

use not_checked::machine::{self, Has, Need};

/// A server program. Tests that name neither in their title run against each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The program, on stream delivery.
    Muxftpd,
    /// The example of `ftp-adapter` on libunftp, with listeners lent by steering.
    LibunftpExample,
}

impl Program {
    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Muxftpd => "muxftpd",
            Self::LibunftpExample => "libunftp_server",
        }
    }

    /// Where its binary is.
    ///
    /// # Panics
    ///
    /// When it cannot be built.
    pub fn path(self) -> &'static Path {
        static LIMIT: Once = Once::new();
        static MUXFTPD: OnceLock<PathBuf> = OnceLock::new();
        static LIBUNFTP_SERVER: OnceLock<PathBuf> = OnceLock::new();
        LIMIT.call_once(raise_descriptor_limit);
        let binary = match self {
            Self::Muxftpd => &MUXFTPD,
            Self::LibunftpExample => &LIBUNFTP_SERVER,
        };
        binary.get_or_init(|| env::var_os(self.variable()).map_or_else(|| self.build(), Into::into))
    }

    /// The environment variable that names another binary.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Muxftpd => "MUXFTPD",
            Self::LibunftpExample => "LIBUNFTP_SERVER",
        }
    }

    /// Where cargo puts it below the profile's directory.
    fn place(self) -> PathBuf {
        match self {
            Self::Muxftpd => self.name().into(),
            Self::LibunftpExample => Path::new("examples").join(self.name()),
        }
    }

    /// What makes cargo build it.
    ///
    /// For tests it is the one that `cargo test --workspace` has built already. Cargo chooses the
    /// features of dependencies by the packages that it is to build, and counts what only tests
    /// depend on where there is an example. Optimised, it is the one that users get.
    fn selection(self, profile: &str) -> &'static [&'static str] {
        match (self, profile) {
            (_, "dev") => &["--workspace", "--bins", "--example", "libunftp_server"],
            (Self::Muxftpd, _) => &["--package", "muxftpd", "--bin", "muxftpd"],
            (Self::LibunftpExample, _) => &[
                "--package",
                "ftp-adapter",
                "--features",
                "libunftp",
                "--example",
                "libunftp_server",
            ],
        }
    }

    fn build(self) -> PathBuf {
        // This test runs as <target>/[<triple>/]<profile>/deps/<name>, a program without the deps.
        let test = env::current_exe().expect("a running test knows its path");
        let beside = test.parent().expect("a test lies in a directory");
        let profile = if beside.ends_with("deps") { beside.parent() } else { Some(beside) };
        let profile = profile.expect("a test lies below its profile");
        let above = profile.parent().expect("a profile lies below the target directory");
        // Cargo leaves both there; a copy may lack the first.
        let is_target = |directory: &Path| {
            let is_there = |name| fs::exists(directory.join(name)).unwrap_or(false);
            is_there("CACHEDIR.TAG") || is_there(".rustc_info.json")
        };

        let profile_name = match profile.file_name().expect("a profile has a name") {
            name if name == "debug" => "dev",
            name => name.to_str().expect("a profile's name is text"),
        };
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut cargo = Command::new(cargo);
        cargo.arg("build").args(self.selection(profile_name)).args(["--profile", profile_name]);
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        // What cargo says to a test of its package. Build scripts that look there would run again,
        // and all that depends on them be compiled again, now and at the next build without it.
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_") {
                cargo.env_remove(&*name);
            }
        }
        if is_target(above) {
            cargo.arg("--target-dir").arg(above);
        } else {
            let triple = above.file_name().expect("a directory between target and profile");
            let target = above.parent().expect("a triple lies below the target directory");
            cargo.arg("--target-dir").arg(target).arg("--target").arg(triple);
        }

        let output = cargo.output().unwrap_or_else(|error| {
            panic!("cargo cannot be run ({error}), and {} names no binary", self.variable())
        });
        assert!(
            output.status.success(),
            "{self} cannot be built:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        profile.join(self.place())
    }
}

impl Need for Program {
    fn is_here(&self) -> Has {
        match self {
            Self::Muxftpd => Ok(()),
            Self::LibunftpExample => machine::steering(mux_core::mux::probe_steering),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Hundreds of clients live in one test process, and their servers inherit its limit.
fn raise_descriptor_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Where it cannot be raised, a test that needs more says so by running out.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
