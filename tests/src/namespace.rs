//! A network of a test's own, with as many IPv6 addresses as it likes.
//!
//! On loopback there is one IPv6 address, and to add more takes privileges. In a network namespace
//! that belongs to a user namespace, everybody has them. Only a process with one thread can enter
//! a user namespace, which a test is not, so it is run again inside.

use std::env;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv6Addr};
use std::process::{Command, Stdio};

use not_checked::machine::ASKED;

use crate::program::Program;

/// Set, inside, to the program that is tested there.
const INSIDE: &str = "MUX_TESTS_NAMESPACE";

/// Printed by a test that was run inside, to the end.
const DONE: &str = "done in a network namespace";

/// The server's address, inside.
pub const SERVER: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// The `n`th client's address, inside.
#[must_use]
pub fn client(n: u16) -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, n).into()
}

/// The `n`th stranger's address, inside: no session comes from it.
#[must_use]
pub fn stranger(n: u16) -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 2, n).into()
}

/// Runs `body`, the body of the test `name` with `program`, in a network namespace with [`SERVER`],
/// this many clients and this many strangers.
///
/// # Panics
///
/// When the namespace cannot be made, and when `body` panics in it.
#[track_caller]
pub fn inside(name: &str, program: Program, clients: u16, strangers: u16, body: impl FnOnce()) {
    enter(name, program, || {
        add_addresses(clients, strangers);
        body();
    });
}

/// Runs `body`, the body of the test `name` with `program`, in a network and a mount namespace
/// where it may set up what it likes. Nothing is there, not even the loopback interface.
///
/// # Panics
///
/// When the namespace cannot be made, and when `body` panics in it.
#[track_caller]
pub fn enter(name: &str, program: Program, body: impl FnOnce()) {
    if let Some(inside) = env::var_os(INSIDE) {
        // The test is run again with every program.
        if inside == program.name() {
            body();
            println!("{DONE}");
        }
        return;
    }
    let test = env::current_exe().expect("a running test knows its path");
    let mut again = Command::new("unshare");
    again.args(["--user", "--map-root-user", "--net", "--mount"]);
    again.arg(test).args([name, "--nocapture"]);
    // There, cargo would find nothing to build with.
    again.env(ASKED, "1").env(INSIDE, program.name()).env(program.variable(), program.path());
    let output = again.output().unwrap_or_else(|error| panic!("unshare cannot be run: {error}"));
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success() && stdout.contains(DONE),
        "{name} in a network namespace: {}\n{stdout}\n{stderr}",
        output.status
    );
}

#[track_caller]
fn add_addresses(clients: u16, strangers: u16) {
    let mut commands = String::from("link set lo up\n");
    let addresses = (0..clients).map(client).chain((0..strangers).map(stranger));
    for address in addresses.chain([SERVER]) {
        // Without looking for duplicates, which takes a second.
        writeln!(commands, "addr add {address}/128 dev lo nodad").expect("a string takes text");
    }
    let mut ip = Command::new("ip");
    ip.args(["-6", "-batch", "-"]).stdin(Stdio::piped());
    let mut ip = ip.spawn().unwrap_or_else(|error| panic!("ip cannot be run: {error}"));
    let mut stdin = ip.stdin.take().expect("it is piped");
    stdin.write_all(commands.as_bytes()).expect("ip reads what it is to do");
    drop(stdin);
    assert!(ip.wait().expect("ip can be waited for").success(), "addresses cannot be added");
}
