//! The `muxftpd` binary under test.
//!
//! It is built once per test process, into the target directory and with the profile of the tests
//! themselves. `MUXFTPD` in the environment names another one to test instead.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

/// Where the binary is.
///
/// # Panics
///
/// When it cannot be built.
pub fn path() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        raise_descriptor_limit();
        env::var_os("MUXFTPD").map_or_else(build, PathBuf::from)
    })
}

fn build() -> PathBuf {
    // This test runs as <target>/[<triple>/]<profile>/deps/<name>.
    let test = env::current_exe().expect("a running test knows its path");
    let profile = test.parent().and_then(Path::parent).expect("a test lies below its profile");
    let above = profile.parent().expect("a profile lies below the target directory");
    let is_target = |directory: &Path| fs::exists(directory.join("CACHEDIR.TAG")).unwrap_or(false);

    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo.args(["build", "--package", "ftp-adapter", "--features", "muxftpd"]);
    cargo.args(["--bin", "muxftpd"]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let name = profile.file_name().expect("a profile has a name");
    cargo.arg("--profile").arg(if name == "debug" { "dev".as_ref() } else { name });
    if is_target(above) {
        cargo.arg("--target-dir").arg(above);
    } else {
        let triple = above.file_name().expect("a directory between target and profile is named");
        let target = above.parent().expect("a triple lies below the target directory");
        cargo.arg("--target-dir").arg(target).arg("--target").arg(triple);
    }

    let output = cargo.output().expect("cargo can be run, or MUXFTPD names a binary");
    assert!(
        output.status.success(),
        "muxftpd cannot be built:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    profile.join("muxftpd")
}

/// Hundreds of clients live in one test process, and their servers inherit its limit.
fn raise_descriptor_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Where it cannot be raised, a test that needs more says so by running out.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
