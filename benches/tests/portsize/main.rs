//! `portsize` as an operator runs it.

mod doubts;
mod live;
mod logs;
mod nonsense;
mod pictures;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Runs it with arguments that hold no blanks.
fn portsize(arguments: &str) -> Output {
    let mut portsize = Command::new(env!("CARGO_BIN_EXE_portsize"));
    portsize.args(arguments.split_whitespace()).output().unwrap()
}

/// The same, with something to read.
fn portsize_with(arguments: &str, input: &[u8]) -> Output {
    let mut portsize = Command::new(env!("CARGO_BIN_EXE_portsize"))
        .args(arguments.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who refuses it does not read to the end.
    let _ = portsize.stdin.take().unwrap().write_all(input);
    portsize.wait_with_output().unwrap()
}

fn succeeds(arguments: &str) -> String {
    let output = portsize(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(arguments: &str) -> serde_json::Value {
    serde_json::from_str(&succeeds(&format!("{arguments} --json"))).unwrap()
}

/// A file that stands beside this one.
fn sample(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/portsize/logs").join(name);
    path.display().to_string()
}
