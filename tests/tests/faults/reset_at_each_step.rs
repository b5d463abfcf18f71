//! A session that is reset, after each of its steps: nothing of it is left.

use mux_tests::Program::{self, Muxftpd};
use mux_tests::needs;
use mux_tests::{Client, Data, Server, address, files};
use rstest::rstest;

use crate::{gets_every_port_back, has_used_every_port, is_back_at, is_served, launch, with_files};

/// What is reset; the other, if there is one, is closed in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reset {
    Control,
    Data,
    Both,
}

/// A session with every step that there is, broken off after `steps` of them; whether there are
/// more.
fn broken_off(server: &Server, steps: usize, reset: Reset) -> bool {
    let mut session = Client::connect_silently(address::client(1), server.control()).unwrap();
    let mut data: Option<Data> = None;
    let mut port = None;
    let script: &[(&str, u16)] = &[
        ("", 220),
        ("USER anonymous", 331),
        ("PASS guest@example.com", 230),
        ("TYPE I", 200),
        ("PASV", 227),
        ("EPSV", 229),
        // The command first, because libunftp keeps a connection without one for 300 s.
        ("RETR big", 150),
        ("connect", 0),
        ("read", 0),
        ("rest", 226),
        ("PASV", 227),
        // The command is sent without looking at what comes of it.
        ("STOR up", 150),
        ("connect", 0),
        ("write", 0),
        ("end", 226),
        ("EPSV", 229),
        ("LIST", 150),
        ("connect", 0),
        ("rest", 226),
    ];
    for (step, code) in script.iter().take(steps) {
        match *step {
            "" => drop(session.expect_reply(*code)),
            "PASV" | "EPSV" => {
                let reply = session.expect(step, *code);
                port = Some(match *step {
                    "PASV" => reply.passive_address(),
                    _ => reply.extended_passive_address(address::SERVER),
                });
            }
            "connect" => {
                let to = port.take().expect("a port was granted");
                data = Some(Data::connect_narrow(session.source(), to).unwrap());
            }
            "read" => drop(data.as_mut().unwrap().read_some(1000).unwrap()),
            "write" => data.as_mut().unwrap().write_some(&files::content("up", 1000)).unwrap(),
            "rest" => {
                let _ = data.take().unwrap().read_to_end().unwrap();
                session.expect_reply(*code);
            }
            "end" => {
                data.take().unwrap().write_all(b"").unwrap();
                session.expect_reply(*code);
            }
            command => drop(session.expect(command, *code)),
        }
    }
    match (reset, data) {
        (Reset::Control, data) => {
            session.reset();
            drop(data);
        }
        (Reset::Data, data) => {
            if let Some(data) = data {
                data.reset();
            }
            session.fin();
        }
        (Reset::Both, data) => {
            session.reset();
            if let Some(data) = data {
                data.reset();
            }
        }
    }
    steps < script.len()
}

/// Promises 6 and 7.
#[rstest]
fn nothing_is_left(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = with_files(launch(program, 2).option("--wait", "0s"));
    for client in 1..3 {
        has_used_every_port(&server, address::client(client));
    }
    let baseline = server.process().descriptors();
    for reset in [Reset::Control, Reset::Data, Reset::Both] {
        let mut steps = 0;
        while broken_off(&server, steps, reset) {
            steps += 1;
            gets_every_port_back(&server, address::client(1));
        }
        is_served(&server, address::client(2));
    }
    is_back_at(&server, baseline);
}
