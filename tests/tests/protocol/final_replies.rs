//! A transfer command has one final reply, whatever becomes of the data connection.

use std::fs::File;

use mux_tests::Program::{self, Muxftpd};
use mux_tests::guard::obtained;
use mux_tests::needs;
use mux_tests::{Client, Data, Launch, Passive, Ports, Security, Server, data, files};
use nix::sys::signal::Signal;
use rstest::rstest;

use crate::{BIG, four, goes_on, hears, rules, server, with_files};

/// Waits until every port is free again: no reservation of before is left.
#[track_caller]
fn all_are_over(server: &Server) {
    let mut held: Vec<Client> = Vec::new();
    while held.len() < server.ports().count() {
        let mut next = four(server);
        obtained("a reservation is over", || next.passive(Passive::Pasv).ok());
        held.push(next);
    }
    server.settle();
}

/// Nobody connects before the deadline, be the command sent before it or after.
#[rstest]
fn nobody_connects(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let launch = Launch::new(program, &Ports::consecutive(2));
    let server = with_files(launch.option("--wait", "0s").option("--reservation-ttl", "1s"));
    let (mut early, mut late) = (four(&server), four(&server));
    early.pasv();
    early.send("RETR file").unwrap();
    obtained("a port", || late.passive(Passive::Epsv).ok());
    all_are_over(&server);

    hears(&mut early, rules::NOBODY_CONNECTS);
    for command in ["RETR file", "LIST"] {
        late.send(command).unwrap();
        // Of the second, nothing is expected any more.
        if command == "RETR file" {
            server.settle();
            hears(&mut late, rules::NOBODY_CONNECTS);
        } else {
            late.expect_reply(425);
        }
    }
    for mut session in [early, late] {
        obtained("a port", || session.passive(Passive::Pasv).ok());
    }
}

/// The client was told a size that the file has no longer: it must not take a part for the whole.
#[rstest]
fn the_file_becomes_shorter(#[values(Sending::Plain, Sending::Tls, Sending::TypeA)] way: Sending) {
    let mut launch = Launch::new(Muxftpd, &Ports::consecutive(9));
    if way == Sending::Tls {
        launch = launch.security(Security::Tls);
    }
    let server = with_files(launch);
    let mut session = four(&server);
    if way == Sending::TypeA {
        session.expect("TYPE A", 200);
    }
    let port = session.pasv();
    let mut connection = session.open(port);
    session.expect("RETR big", 150);
    connection.read_some(1000).unwrap();
    let big = File::options().write(true).open(server.root().join("big")).unwrap();
    big.set_len(2000).unwrap();
    assert!(connection.all_that_comes().len() < BIG);
    session.expect_reply(451);
    session.expect("TYPE I", 200);
    goes_on(&mut session);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Plain,
    Tls,
    TypeA,
}

#[rstest]
fn there_was_no_passive_command(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    for command in ["RETR file", "LIST", "NLST"] {
        session.expect(command, 425);
    }
    goes_on(&mut session);
    // One is for one transfer.
    session.expect("RETR file", 425);
    goes_on(&mut session);
}

#[rstest]
fn the_connection_is_reset_before_the_command(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    let port = session.pasv();
    let connection = session.open(port);
    server.settle();
    connection.reset();
    server.settle();
    session.send("RETR big").unwrap();
    server.settle();
    hears(&mut session, &["150 ", "426 "]);
    goes_on(&mut session);
}

/// The server sleeps meanwhile, so that it accepts a connection that is over.
#[rstest]
fn the_connection_is_reset_before_it_was_accepted(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let launch = Launch::new(program, &Ports::consecutive(9));
    let server = with_files(launch.option("--reservation-ttl", "5s"));
    let mut session = four(&server);
    let port = session.pasv();
    server.settle();
    server.stop();
    session.open(port).reset();
    server.signal(Signal::SIGCONT);
    server.settle();
    session.send("RETR big").unwrap();
    server.settle();
    hears(&mut session, rules::RESET_BEFORE_IT_WAS_ACCEPTED);
    goes_on(&mut session);
}

#[rstest]
fn the_connection_is_reset_in_a_download(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    let port = session.pasv();
    let mut connection = Data::connect_narrow(session.source(), port).unwrap();
    session.expect("RETR big", 150);
    connection.read_some(1000).unwrap();
    connection.reset();
    hears(&mut session, &["426 "]);
    goes_on(&mut session);
}

#[rstest]
fn the_file_is_not_there(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    let port = session.pasv();
    let connection = session.open(port);
    session.send("RETR missing").unwrap();
    hears(&mut session, rules::MISSING_FILE);
    let _ = data::unserved(Ok(connection));
    goes_on(&mut session);
}

/// An upload that is cut off, and one that ends in order.
#[rstest]
fn the_connection_is_reset_in_an_upload(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let launch = Launch::new(program, &Ports::consecutive(9)).flag("--writable");
    let server = with_files(launch);
    let mut session = four(&server);
    let port = session.pasv();
    let mut connection = session.open(port);
    session.expect("STOR up", 150);
    connection.write_some(&files::content("up", 1000)).unwrap();
    server.settle();
    connection.reset();
    hears(&mut session, &["426 "]);
    session.stor("up", &files::content("up", 1000));
    files::assert_own("up", 1000, &session.retr("up"));
}
