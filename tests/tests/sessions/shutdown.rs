//! SIGTERM and SIGINT: transfers are finished, everything else ends, and the exit status is 0.

use mux_tests::Program::{self, Muxftpd};
use mux_tests::data::Data;
use mux_tests::guard::eventually;
use mux_tests::needs;
use mux_tests::passive_ports::is_free;
use mux_tests::{Client, Holding, Launch, Ports, Server, address, files};
use nix::sys::signal::Signal;
use rstest::rstest;

/// More than the buffers of both ends hold: a client that does not read holds up the transfer.
const BIG: usize = 12 << 20;

/// Longer than any test.
const PATIENT: &str = "300s";

fn server(program: Program, ports: &Ports) -> Server {
    let server = Launch::new(program, ports).option("--drain-timeout", PATIENT).start();
    server.put("file", &files::content("file", 10_000));
    server.put("big", &files::content("big", BIG));
    server
}

/// A transfer of the big file that waits for its reader.
fn transferring(server: &Server, client: u16) -> (Client, Data) {
    let mut session = Client::login(address::client(client), server.control());
    let port = session.pasv();
    let mut data = Data::connect_narrow(session.source(), port).unwrap();
    session.expect("RETR big", 150);
    assert_eq!(data.read_some(1000).unwrap(), files::content("big", 1000));
    (session, data)
}

/// Waits until a session is told that the server closes, and closes.
#[track_caller]
fn is_dismissed(mut session: Client) {
    session.expect_reply(421);
    assert!(session.reply().is_err(), "after 421 the control connection ends");
}

#[track_caller]
fn exits_with_0(mut server: Server) {
    let status = server.wait();
    assert_eq!(status.code(), Some(0), "{status}\n{}", server.said());
}

/// Waits until the server has acted on a first signal: it takes no more sessions.
#[track_caller]
fn has_begun_to_drain(server: &Server) {
    eventually("no more sessions are taken", || {
        Client::connect(address::client(99), server.control()).is_err()
    });
}

#[rstest]
fn without_any_session(#[values(Muxftpd)] program: Program) {
    needs!(program);
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let server = server(program, &Ports::consecutive(3));
        server.signal(signal);
        exits_with_0(server);
    }
}

#[rstest]
fn idle_and_pending_sessions_are_told(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program, &Ports::consecutive(3));
    let idle = Client::login(address::client(1), server.control());
    let new = Client::connect(address::client(1), server.control()).unwrap();
    let pending = Holding::new(&server, address::client(2));
    let mut used = Client::login(address::client(3), server.control());
    files::assert_own("file", 10_000, &used.retr("file"));
    server.signal(Signal::SIGTERM);
    for session in [idle, new, pending.session, used] {
        is_dismissed(session);
    }
    exits_with_0(server);
}

/// A session in line for a port has no transfer to finish, however long it would wait.
#[rstest]
fn sessions_in_line_hold_nothing_up(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let ports = Ports::consecutive(1);
    let server = Launch::new(program, &ports)
        .option("--drain-timeout", PATIENT)
        .option("--wait", PATIENT)
        .start();
    let holder = Holding::new(&server, address::client(1));
    let mut waiting = Client::login(address::client(1), server.control());
    waiting.send("PASV").unwrap();
    server.settle();
    server.signal(Signal::SIGTERM);
    is_dismissed(holder.session);
    exits_with_0(server);
}

#[rstest]
fn a_running_transfer_is_finished_first(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let mut server = server(program, &Ports::consecutive(3));
    let idle = Client::login(address::client(1), server.control());
    let mut running: Vec<_> = (2..4).map(|client| transferring(&server, client)).collect();
    server.signal(Signal::SIGTERM);
    is_dismissed(idle);
    has_begun_to_drain(&server);
    assert!(server.runs(), "two transfers are not finished");

    for (mut session, data) in running.drain(..) {
        let mut bytes = files::content("big", 1000);
        bytes.extend(data.read_to_end().unwrap());
        files::assert_own("big", BIG, &bytes);
        session.expect_reply(226);
    }
    exits_with_0(server);
}

#[rstest]
fn a_second_signal_ends_it_at_once(#[values(Muxftpd)] program: Program) {
    needs!(program);
    for (first, second) in [(Signal::SIGTERM, Signal::SIGTERM), (Signal::SIGINT, Signal::SIGTERM)] {
        let mut server = server(program, &Ports::consecutive(3));
        let (_session, _data) = transferring(&server, 1);
        server.signal(first);
        has_begun_to_drain(&server);
        assert!(server.runs(), "a transfer is not finished");
        server.signal(second);
        server.wait();
    }
}

#[rstest]
fn the_drain_timeout_ends_a_transfer_nobody_reads(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let mut server =
        Launch::new(program, &Ports::consecutive(3)).option("--drain-timeout", "1s").start();
    server.put("big", &files::content("big", BIG));
    let (_session, _data) = transferring(&server, 1);
    server.signal(Signal::SIGTERM);
    server.wait();
}

/// A restart needs no waiting: the ports are free, though connections were open on them.
#[rstest]
fn the_ports_are_free_for_the_next_server(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let ports = Ports::consecutive(4);
    for _ in 0..3 {
        let server = server(program, &ports);
        let control = server.control();
        let mut used = Client::login(address::client(1), control);
        for _ in 0..10 {
            files::assert_own("file", 10_000, &used.retr("file"));
        }
        let pending = Holding::every_port(&server, address::client(2));
        server.signal(Signal::SIGTERM);
        exits_with_0(server);
        for port in ports.list() {
            assert!(is_free((address::SERVER, *port).into()), "{port} is still listened on");
        }
        assert!(is_free(control));
        // And taken again, control port included, while the clients of before are still there.
        let next = Launch::new(program, &ports).listen(control).start();
        next.put("file", &files::content("file", 10_000));
        files::assert_own("file", 10_000, &Client::login(address::client(1), control).retr("file"));
        drop((used, pending));
    }
}
