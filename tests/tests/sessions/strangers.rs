//! Connections that match no pending reservation.

use std::io;

use mux_tests::Program::{self, LibunftpExample, Muxftpd};
use mux_tests::data::{self, Data};
use mux_tests::needs;
use mux_tests::{Client, Ending, Holding, Launch, Ports, Server, address, files};
use rstest::rstest;

fn server(program: Program, ports: u16) -> Server {
    let server = Launch::new(program, &Ports::consecutive(ports))
        .option("--reservation-ttl", "600s")
        .start();
    server.put("file", &files::content("file", 10_000));
    server
}

#[track_caller]
fn is_turned_away(connection: io::Result<Data>) {
    let ending = data::unserved(connection);
    assert!(matches!(ending, Ending::Reset | Ending::Refused), "{ending:?}");
}

/// Promise 3: the connection delivered has the reservation's client as source address. Promise
/// 10: strangers cost the rightful client nothing.
#[rstest]
fn a_stranger_on_a_reserved_port_is_reset_and_its_client_served(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    let server = server(program, 1);
    for client in 0..10 {
        let mut rightful = Holding::new(&server, address::client(client));
        for n in 0..3 {
            is_turned_away(Data::connect(address::stranger(n), rightful.port));
        }
        files::assert_own("file", 10_000, &rightful.retr("file"));
    }
}

/// A stranger that connects first and stays must not be taken for the client that comes second.
#[rstest]
fn a_stranger_that_waits_for_the_transfer_gets_nothing_of_it(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    let server = server(program, 1);
    let mut rightful = Holding::new(&server, address::client(1));
    let stranger = Data::connect(address::stranger(1), rightful.port);
    rightful.session.expect("RETR file", 150);
    is_turned_away(stranger);
    let data = rightful.session.open(rightful.port);
    files::assert_own("file", 10_000, &data.read_to_end().unwrap());
    rightful.session.expect_reply(226);
}

/// Promise 7: every accepted descriptor is delivered or closed.
#[rstest]
fn on_a_port_nobody_reserved_everybody_is_reset(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    let server = server(program, 3);
    for port in server.ports().list() {
        let to = (address::SERVER, *port).into();
        is_turned_away(Data::connect(address::stranger(1), to));
        is_turned_away(Data::connect(address::SERVER, to));
    }
    // A client with a session, but without a reservation on this port, is a stranger there.
    let mut rightful = Holding::new(&server, address::client(1));
    for port in server.ports().list() {
        if *port != rightful.port.port() {
            let to = (address::SERVER, *port).into();
            is_turned_away(Data::connect(address::client(1), to));
        }
    }
    files::assert_own("file", 10_000, &rightful.retr("file"));
}

/// Promise 2: a reservation gets at most one connection. The first is served; the second is not,
/// not even by the transfer after.
#[rstest]
fn of_two_connections_the_first_is_served_and_the_second_reset(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    let server = server(program, 1);
    for client in 0..10 {
        let mut rightful = Holding::new(&server, address::client(client));
        let first = rightful.session.open(rightful.port);
        let second = Data::connect(address::client(client), rightful.port);
        if client % 2 == 0 {
            is_turned_away(second);
            let bytes = rightful.session.receive(first, "RETR file");
            files::assert_own("file", 10_000, &bytes);
        } else {
            let bytes = rightful.session.receive(first, "RETR file");
            files::assert_own("file", 10_000, &bytes);
            is_turned_away(second);
        }
        files::assert_own("file", 10_000, &rightful.session.retr("file"));
    }
}

/// Promise 2, after the transfer: a port that was used is closed to the client that used it.
#[rstest]
fn a_used_port_is_used_up(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program, 1);
    let mut rightful = Holding::new(&server, address::client(1));
    files::assert_own("file", 10_000, &rightful.retr("file"));
    is_turned_away(Data::connect(address::client(1), rightful.port));
    rightful.session.expect("NOOP", 200);
}

/// Promise 10, in numbers.
#[rstest]
fn a_thousand_strangers_cost_the_rightful_client_nothing(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    let server = server(program, 1);
    let mut rightful = Holding::new(&server, address::client(1));
    let mut strangers = Vec::new();
    for n in 0..1000 {
        strangers.push(Data::connect(address::stranger(n), rightful.port));
        if n == 500 {
            let mut other = Holding::new(&server, address::client(2));
            files::assert_own("file", 10_000, &other.retr("file"));
        }
        if strangers.len() == 200 {
            strangers.drain(..).for_each(is_turned_away);
        }
    }
    files::assert_own("file", 10_000, &rightful.retr("file"));
}

/// Promise 3, for the control connection's sake: a session cannot let another address of the same
/// machine fetch its data.
#[rstest]
fn another_address_cannot_fetch_for_a_session(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    let server = server(program, 1);
    let mut one = Holding::new(&server, address::client(1));
    let mut other = Client::login(address::client(2), server.control());
    is_turned_away(Data::connect(other.source(), one.port));
    files::assert_own("file", 10_000, &one.retr("file"));
    files::assert_own("file", 10_000, &other.retr("file"));
}
