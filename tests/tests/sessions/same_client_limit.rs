//! The limit is the number of ports per client, and who comes too late waits in line.

use mux_tests::Program::{self, LibunftpExample, Muxftpd};
use mux_tests::needs;
use mux_tests::{Client, Holding, Launch, Passive, Ports, Server, address, files};
use rstest::rstest;

/// Longer than any test, so that nobody's turn is lost to a slow machine.
const PATIENT: &str = "300s";

fn with_a_file(launch: Launch) -> Server {
    let server = launch.start();
    server.put("file", &files::content("file", 10_000));
    server
}

#[track_caller]
fn gets_the_file(session: &mut Client, port: std::net::SocketAddr) {
    files::assert_own("file", 10_000, &session.retr_from(port, "file"));
}

/// A session that has asked for a port and stands in line for it.
#[track_caller]
fn in_line(server: &Server, client: u16, how: Passive) -> Client {
    let mut session = Client::login(address::client(client), server.control());
    session.send(if how == Passive::Pasv { "PASV" } else { "EPSV" }).unwrap();
    server.settle();
    assert!(session.is_silent(), "no port is free, so there is nothing to answer yet");
    session
}

/// Promises 1 and 6: one session more than there are ports has no port until one is free, and
/// gets that one.
#[rstest]
fn one_too_many_gets_the_port_of_a_session_that_ends(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    let server =
        with_a_file(Launch::new(program, &Ports::consecutive(4)).option("--wait", PATIENT));
    let mut held = Holding::every_port(&server, address::client(1));
    let mut late = in_line(&server, 1, Passive::Pasv);

    let ended = held.remove(2);
    ended.session.quit();
    let port = late.passive_reply(Passive::Pasv).expect("a port is free again");
    assert_eq!(port, ended.port);
    gets_the_file(&mut late, port);
    for other in &mut held {
        files::assert_own("file", 10_000, &other.retr("file"));
    }
}

/// A transfer in progress holds no port: the match alone frees it for the next in line.
#[rstest]
fn one_too_many_gets_the_port_of_a_connection_that_is_matched(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    let server =
        with_a_file(Launch::new(program, &Ports::consecutive(3)).option("--wait", PATIENT));
    let mut held = Holding::every_port(&server, address::client(1));
    let mut late = in_line(&server, 1, Passive::Epsv);

    let connected = &mut held[1];
    let data = connected.session.open(connected.port);
    let port = late.passive_reply(Passive::Epsv).expect("a port is free again");
    assert_eq!(port, connected.port);
    gets_the_file(&mut late, port);
    files::assert_own("file", 10_000, &connected.session.receive(data, "RETR file"));
}

/// Whose wait was in vain is refused with 425, which ends nothing (421 would): the session lives
/// on and gets a port later. Another client never notices.
#[rstest]
fn a_wait_in_vain_ends_with_425_and_nothing_else(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    for wait in ["200ms", "0s"] {
        let server =
            with_a_file(Launch::new(program, &Ports::consecutive(2)).option("--wait", wait));
        let mut held = Holding::every_port(&server, address::client(1));
        let mut late = Client::login(address::client(1), server.control());
        for how in [Passive::Pasv, Passive::Epsv] {
            let refusal = late.passive(how).expect_err("no port is free");
            assert_eq!((refusal.code, refusal.lines.len()), (425, 1), "{refusal}");
            late.expect("NOOP", 200);
        }

        let mut other = Holding::new(&server, address::client(2));
        files::assert_own("file", 10_000, &other.retr("file"));

        // Its match frees the port before the file arrives.
        files::assert_own("file", 10_000, &held[0].retr("file"));
        let port = late.pasv();
        assert_eq!(port, held[0].port);
        gets_the_file(&mut late, port);
        files::assert_own("file", 10_000, &held[1].retr("file"));
    }
}

/// First come, first served, per client.
#[rstest]
fn those_who_wait_are_served_in_order(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server =
        with_a_file(Launch::new(program, &Ports::consecutive(1)).option("--wait", PATIENT));
    let holder = Holding::new(&server, address::client(1));
    let order =
        [Passive::Pasv, Passive::Epsv, Passive::Pasv, Passive::Pasv, Passive::Epsv, Passive::Pasv];
    let mut line: Vec<Client> = order.iter().map(|how| in_line(&server, 1, *how)).collect();

    holder.session.quit();
    for (turn, how) in order.into_iter().enumerate() {
        let mut first = line.remove(0);
        let port = first.passive_reply(how).expect("it is this one's turn");
        server.settle();
        for other in &line {
            assert!(other.is_silent(), "turn {turn} was served, and somebody else with it");
        }
        // Some use their port, the others just leave.
        if turn % 2 == 0 {
            gets_the_file(&mut first, port);
        } else {
            first.quit();
        }
    }
}

/// A line of one client is nobody else's: clients with a port free get it at once.
#[rstest]
fn a_line_of_one_client_holds_up_no_other(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server =
        with_a_file(Launch::new(program, &Ports::consecutive(1)).option("--wait", PATIENT));
    let holder = Holding::new(&server, address::client(1));
    let waiting = in_line(&server, 1, Passive::Pasv);
    for other in 2..20 {
        files::assert_own(
            "file",
            10_000,
            &Holding::new(&server, address::client(other)).retr("file"),
        );
    }
    assert!(waiting.is_silent());
    drop(holder);
}
