//! The program that started the server has gone, and with it the reader of its output.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use mux_tests::Program::{self, Muxftpd};
use mux_tests::guard::{HANG, ends_within};
use mux_tests::needs;
use mux_tests::{Client, Ports, address};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use rstest::rstest;

/// It serves on, and SIGTERM ends it as ever.
#[rstest]
fn it_serves_on_and_ends_in_order(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let (ports, root) = (Ports::consecutive(2), tempfile::tempdir().unwrap());
    let mut command = Command::new(program.path());
    command.arg("--root").arg(root.path()).args(["--passive-ports", &ports.spec()]);
    command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = command.spawn().unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap()).lines().map_while(Result::ok);
    let control = said.find_map(|line| line.trim().strip_prefix("control")?.trim().parse().ok());
    let control = control.expect("it says where it listens");
    assert!(said.any(|line| line == "ready"));
    drop(said);

    let mut session = Client::login(address::client(1), control);
    session.pasv();
    signal::kill(Pid::from_raw(server.id().cast_signed()), Signal::SIGTERM).unwrap();
    session.expect_reply(421);
    let status = ends_within(HANG, &mut server).expect("it ends");
    assert_eq!(status.code(), Some(0), "{status}");
}
