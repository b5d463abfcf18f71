//! What the control connection says, command by command.

use mux_tests::{Client, Launch, Ports, Program, Server, address, files};

mod abort;
mod active_mode;
mod after_epsv_all;
mod commands;
mod epsv_arguments;
mod final_replies;
mod lines;
mod pasv_over_ipv6;
mod pipelining;
mod resuming;
mod rules;

use rules::{END, Replies};

const LENGTH: usize = 10_000;

/// More than the buffers of both ends hold: a client that does not read holds up the transfer.
const BIG: usize = 12 << 20;

/// A server on both families, with a file and a big one.
fn server(program: Program) -> Server {
    with_files(Launch::new(program, &Ports::consecutive(9)).and_ipv6())
}

fn with_files(launch: Launch) -> Server {
    let server = launch.start();
    server.put("file", &files::content("file", LENGTH));
    server.put("big", &files::content("big", BIG));
    server
}

fn four(server: &Server) -> Client {
    Client::login(address::client(1), server.control())
}

fn six(server: &Server) -> Client {
    Client::login(address::ipv6(), server.control_ipv6())
}

/// Checks that these replies come, of one line each, and nothing else before what is asked next.
#[track_caller]
fn hears(session: &mut Client, replies: Replies) {
    for wanted in replies {
        match session.reply() {
            Ok(reply) if reply.lines.len() == 1 && reply.lines[0].starts_with(wanted) => {}
            Err(_) if *wanted == END => return,
            got => panic!("{wanted:?} of {replies:?} was expected, and not {got:?}"),
        }
    }
    session.expect("NOOP", 200);
}

/// Checks that the session is as good as ever.
#[track_caller]
fn goes_on(session: &mut Client) {
    let port = session.epsv();
    files::assert_own("file", LENGTH, &session.retr_from(port, "file"));
}
