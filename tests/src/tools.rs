//! Other people's FTP clients, run as programs.

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};

/// Runs a Python program and returns what it printed.
///
/// # Panics
///
/// When `python3` is missing or the program fails.
#[must_use]
#[track_caller]
pub fn python(program: &str, arguments: &[&str]) -> String {
    let mut child = start_python(program, arguments);
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("a child can be waited for");
    succeeded("python3", &output)
}

/// Starts a Python program with its standard input and output piped.
///
/// # Panics
///
/// When `python3` is missing.
#[must_use]
#[track_caller]
pub fn start_python(program: &str, arguments: &[&str]) -> Child {
    let mut python = Command::new("python3");
    python.arg("-c").arg(program).args(arguments);
    python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    started("python3", python)
}

/// Runs `curl` silently, feeding it `input`, and returns what it printed.
///
/// # Errors
///
/// Its exit code, when that is not 0.
///
/// # Panics
///
/// When it is missing.
#[track_caller]
pub fn curl(arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, i32> {
    let mut curl = Command::new("curl");
    // Its own configuration file and proxies must not decide what is tested.
    curl.args(["--disable", "--noproxy", "*", "--silent", "--show-error", "--max-time", "60"]);
    curl.args(arguments);
    curl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = started("curl", curl);
    // A curl that was refused does not read it all.
    let _ = child.stdin.take().expect("it is piped").write_all(input);
    let output = child.wait_with_output().expect("a child can be waited for");
    match output.status.code() {
        Some(0) => Ok(output.stdout),
        Some(code) => Err(code),
        None => panic!("curl was killed: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

#[track_caller]
fn started(name: &str, mut command: Command) -> Child {
    match command.spawn() {
        Ok(child) => child,
        Err(error) => panic!("these tests need {name} on the PATH: {error}"),
    }
}

#[track_caller]
fn succeeded(name: &str, output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} failed ({}):\n{errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}
