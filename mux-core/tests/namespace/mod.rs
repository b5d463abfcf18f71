//! A network of a test's own, whose settings it may change.
//!
//! In a network namespace that belongs to a user namespace, everybody may. Only a process with
//! one thread can enter a user namespace, which a test is not, so it is run again inside.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::machine::{ASKED, Has, Lacking};

/// Set inside.
const INSIDE: &str = "MUX_CORE_NAMESPACE";

/// Printed by a test that was run inside, to the end.
const DONE: &str = "done in a network namespace";

/// Runs `body`, the body of the test `name`, in a network namespace. Its loopback interface is
/// up if `loopback` is set.
///
/// # Panics
///
/// When the namespace cannot be made, and when `body` panics in it.
#[track_caller]
pub(crate) fn inside(name: &str, loopback: bool, body: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        body();
        println!("{DONE}");
        return;
    }
    let up = if loopback { "ip link set lo up && " } else { "" };
    let test = env::current_exe().expect("a running test knows its path");
    let mut again = Command::new("unshare");
    again.args(["--user", "--map-root-user", "--net", "/bin/sh", "-c"]);
    again.arg(format!("{up}exec \"$@\"")).arg("sh").arg(test);
    again.args([name, "--exact", "--nocapture"]).env(INSIDE, "1").env(ASKED, "1");
    let output = again.output().unwrap_or_else(|error| panic!("unshare cannot be run: {error}"));
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains(DONE),
        "{name} in a network namespace: {}\n{printed}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr),
    );
}

/// Whether a namespace has a setting `net.NAME` of its own on this kernel.
pub(crate) fn has_own(name: &str) -> Has {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--net", "/bin/sh", "-c", "test -e \"$0\""]);
    if unshare.arg(file_of(name)).status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(Lacking {
        what: format!("net.{name} for each network namespace"),
        remedy: "Linux has it from 6.8 on.".to_owned(),
    })
}

fn file_of(name: &str) -> PathBuf {
    Path::new("/proc/sys/net").join(name.replace('.', "/"))
}

/// Sets `net.NAME` of the namespace.
#[track_caller]
pub(crate) fn set(name: &str, value: usize) {
    let file = file_of(name);
    fs::write(&file, value.to_string())
        .unwrap_or_else(|error| panic!("{} cannot be set: {error}", file.display()));
}
