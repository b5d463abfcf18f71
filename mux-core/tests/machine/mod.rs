//! What this machine has. A test that needs what it lacks says so, and passes:
//!
//! ```ignore
//! needs!(machine::ipv6(), machine::descriptors(8192));
//! ```
//!
//! What was not checked is kept until the end of the run, when the package `not-checked` lists it.
//! With `CI=true` in the environment, the test fails instead.
//!
//! One file for all packages: each must have it in its sources, and the others have links to it.

#![allow(dead_code, unreachable_pub, reason = "not every test program uses everything")]

use std::collections::BTreeSet;
use std::env;
use std::fmt::Display;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Set where a test runs again, in a namespace: what it needs was asked outside, where the machine
/// is as it is.
pub const ASKED: &str = "MUX_TESTS_NEEDS_WERE_ASKED";

/// Something that a machine can lack, and what would help.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lacking {
    /// What it lacks.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// Whether a machine has something.
pub type Has = Result<(), Lacking>;

fn lacking(what: impl Into<String>, remedy: impl Into<String>) -> Has {
    Err(Lacking { what: what.into(), remedy: remedy.into() })
}

/// What a test can need.
pub trait Need {
    /// Whether this machine has it.
    fn is_here(&self) -> Has;
}

impl Need for Has {
    fn is_here(&self) -> Has {
        self.clone()
    }
}

/// Ends the test here if the machine lacks one of these.
#[macro_export]
macro_rules! needs {
    ($($need:expr),+ $(,)?) => {{
        fn here() {}
        let test = std::any::type_name_of_val(&here);
        if $($crate::machine::lacks(&$need, test))|+ {
            return;
        }
    }};
}

/// Whether the machine lacks what `test` needs, which is then on the list of what was not checked.
///
/// # Panics
///
/// If it does, and `CI` is `true`.
pub fn lacks(need: &impl Need, test: &str) -> bool {
    if env::var_os(ASKED).is_some() {
        return false;
    }
    let Err(lacking) = need.is_here() else { return false };
    let test = test.trim_end_matches("::here").trim_end_matches("::{{closure}}");
    not_checked(test, &lacking);
    true
}

/// Puts on the list that `what` was not checked.
///
/// # Panics
///
/// If `CI` is `true`.
pub fn not_checked(what: &str, lacking: &Lacking) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let Lacking { what: need, remedy } = lacking;
    let ci = env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!ci, "{what} needs {need}, and with CI=true nothing is left out. {remedy}");
    let line = format!("{need}\t{remedy}\t{what}\n");
    let new = SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(line.clone());
    if new {
        // Past the test harness, which shows what is printed only where a test fails.
        let said = format!("NOT CHECKED: {what}, which needs {need}\n");
        let _ = io::stderr().write_all(said.as_bytes());
        let kept = append(&line);
        kept.expect("what was not checked can be written into the target directory");
    }
}

fn append(line: &str) -> io::Result<()> {
    let record = record();
    fs::create_dir_all(record.parent().expect("it is in a directory"))?;
    // In one piece: other test programs may run at the same time.
    OpenOptions::new().append(true).create(true).open(record)?.write_all(line.as_bytes())
}

/// What was not checked in this run, by what it needs. Forgets it, and all that earlier runs left.
#[must_use]
pub fn take_list() -> Vec<(Lacking, String)> {
    let record = record();
    let lines = fs::read_to_string(&record).unwrap_or_default();
    if let Some(directory) = record.parent() {
        let _ = fs::remove_dir_all(directory);
    }
    let entry = |line: &str| {
        let mut parts = line.split('\t').map(str::to_owned);
        let (what, remedy) = (parts.next()?, parts.next()?);
        Some((Lacking { what, remedy }, parts.next()?))
    };
    lines.lines().filter_map(entry).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Where this run's list is: beside the programs that it runs, and named for the process that
/// runs them.
fn record() -> PathBuf {
    let test = env::current_exe().expect("a running test knows its path");
    let beside = test.parent().expect("a test lies in a directory");
    let profile = if beside.ends_with("deps") { beside.parent().unwrap_or(beside) } else { beside };
    let cargo = std::os::unix::process::parent_id();
    // The number may have been another process's before. The 22nd field tells when it started; the
    // second ends with a parenthesis.
    let stat = fs::read_to_string(format!("/proc/{cargo}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let started = fields.split_whitespace().nth(19).unwrap_or("0");
    profile.join("not-checked").join(format!("{cargo}-{started}"))
}

/// IPv6 on the loopback interface.
pub fn ipv6() -> Has {
    match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(_) => Ok(()),
        Err(_) => lacking(
            "IPv6 on the loopback interface",
            "Let it have ::1: sysctl net.ipv6.conf.lo.disable_ipv6=0. In a container, its runtime \
             decides.",
        ),
    }
}

/// A hard limit of this many descriptors.
pub fn descriptors(count: u64) -> Has {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let hard: Option<u64> = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    match hard {
        Some(hard) if hard < count => lacking(
            format!("a hard limit of {count} descriptors"),
            format!("Raise it: ulimit -Hn {count}, as root or in /etc/security/limits.conf."),
        ),
        _ => Ok(()),
    }
}

/// A program on the `PATH`.
pub fn program(name: &str, package: &str) -> Has {
    if is_on_path(name) {
        return Ok(());
    }
    lacking(
        format!("{name} on the PATH"),
        format!("Install it; on Debian and its like: apt-get install {package}."),
    )
}

/// A file or directory that is not of the system.
pub fn file(path: &Path, remedy: &str) -> Has {
    if path.exists() {
        return Ok(());
    }
    lacking(path.display().to_string(), remedy)
}

fn is_on_path(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(name).is_file())
}

/// Network namespaces of its own, which take user namespaces.
pub fn namespaces() -> Has {
    static HAS: OnceLock<Has> = OnceLock::new();
    let try_it = || {
        program("unshare", "util-linux")?;
        program("ip", "iproute2")?;
        if works_in_a_namespace(&["link", "set", "lo", "up"]) {
            return Ok(());
        }
        lacking(
            "user namespaces",
            "Allow them: sysctl kernel.unprivileged_userns_clone=1, \
             kernel.apparmor_restrict_unprivileged_userns=0. In a container, its runtime decides.",
        )
    };
    HAS.get_or_init(try_it).clone()
}

/// Network namespaces with as many IPv6 addresses as wanted.
pub fn namespaces_with_ipv6() -> Has {
    static HAS: OnceLock<Has> = OnceLock::new();
    let try_it = || {
        namespaces()?;
        if works_in_a_namespace(&["-6", "addr", "add", "2001:db8::1/128", "dev", "lo"]) {
            return Ok(());
        }
        lacking("a kernel with IPv6", "Start it without ipv6.disable=1.")
    };
    HAS.get_or_init(try_it).clone()
}

fn works_in_a_namespace(ip: &[&str]) -> bool {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--net", "ip"]).args(ip);
    let status = unshare.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Time for a test that takes half a minute or more: there is, where nothing is left out.
///
/// # Errors
///
/// Where `CI` is not `true`.
pub fn minutes() -> Has {
    if env::var_os("CI").is_some_and(|ci| ci == "true") {
        return Ok(());
    }
    lacking("some minutes", "With CI=true in the environment the tests take them.".to_owned())
}

/// A kernel that can steer, as `probe` finds out.
pub fn steering<E: Display>(probe: fn() -> Result<(), E>) -> Has {
    static HAS: OnceLock<Has> = OnceLock::new();
    let try_it = || match probe() {
        Ok(()) => Ok(()),
        Err(error) => lacking("a kernel that can steer", format!("What is in the way: {error}.")),
    };
    HAS.get_or_init(try_it).clone()
}
