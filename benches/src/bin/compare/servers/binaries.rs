//! The programs that are measured: built if they are out of date.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// `muxftpd` and `tiny_ftpd`, with this program's profile, in its target directory.
pub(super) fn build() -> io::Result<(PathBuf, PathBuf)> {
    // This program runs as <target>/<profile>/compare, or with a triple in between.
    let own = env::current_exe()?;
    let profile = own.parent().unwrap_or(Path::new("."));
    let above = profile.parent().unwrap_or(Path::new("."));
    let name = profile.file_name().unwrap_or_default();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["build", "--quiet", "--package=ftp-adapter", "--all-features"]);
    cargo.args(["--bin=muxftpd", "--example=tiny_ftpd", "--profile"]);
    cargo.arg(if name == "debug" { "dev".as_ref() } else { name });
    if fs::exists(above.join("CACHEDIR.TAG"))? {
        cargo.arg("--target-dir").arg(above);
    } else {
        let target = above.parent().unwrap_or(Path::new("."));
        cargo.arg("--target-dir").arg(target);
        cargo.arg("--target").arg(above.file_name().unwrap_or_default());
    }
    eprintln!("servers: building muxftpd and tiny_ftpd");
    if !cargo.status()?.success() {
        return Err(io::Error::other("muxftpd and tiny_ftpd cannot be built: see above"));
    }
    Ok((profile.join("muxftpd"), profile.join("examples").join("tiny_ftpd")))
}
