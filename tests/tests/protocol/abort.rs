//! `ABOR`, in every phase of a transfer (RFC 959, section 4.1.3).

use mux_tests::Client;
use mux_tests::Program::{self, Muxftpd};
use mux_tests::data::{self, Data};
use mux_tests::{Launch, Ports, needs};
use nix::sys::signal::Signal;
use rstest::rstest;

use crate::{BIG, four, goes_on, hears, rules, server, with_files};

/// What it is answered when nothing goes on.
#[track_caller]
fn aborts_nothing(session: &mut Client) {
    session.expect("ABOR", 226);
}

#[rstest]
fn without_a_transfer(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    aborts_nothing(&mut session);
    goes_on(&mut session);
    aborts_nothing(&mut session);
    goes_on(&mut session);
}

#[rstest]
fn before_the_connection(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    let port = session.pasv();
    aborts_nothing(&mut session);
    let connection = Data::connect(session.source(), port);
    server.settle();
    let _ = data::unserved(connection);
    session.send("RETR file").unwrap();
    hears(&mut session, rules::TRANSFER_AFTER_ABOR);
    goes_on(&mut session);
}

#[rstest]
fn with_a_connection_that_was_not_used(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    let port = session.pasv();
    let connection = session.open(port);
    server.settle();
    aborts_nothing(&mut session);
    let _ = data::unserved(Ok(connection));
    session.send("RETR file").unwrap();
    hears(&mut session, rules::TRANSFER_AFTER_ABOR);
    goes_on(&mut session);
}

#[rstest]
fn while_the_connection_is_awaited(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    session.pasv();
    session.expect("RETR file", 150);
    session.send("ABOR").unwrap();
    hears(&mut session, rules::ABOR_BEFORE_THE_CONNECTION);
    goes_on(&mut session);
}

#[rstest]
fn in_the_middle_of_a_transfer(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    let port = session.pasv();
    let mut connection = Data::connect_narrow(session.source(), port).unwrap();
    session.expect("RETR big", 150);
    let begun = connection.read_some(1000).unwrap().len();
    session.send("ABOR").unwrap();
    server.settle();
    let rest = connection.read_to_end();
    let whole = rest.is_ok_and(|rest| begun + rest.len() == BIG);
    assert!(!whole, "it stops the transfer");
    hears(&mut session, rules::ABOR_OF_A_TRANSFER);
    goes_on(&mut session);
}

/// What the client has heard of is over: nothing of it is written into what comes next.
#[rstest]
fn an_upload_that_was_aborted_writes_no_more(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let launch = Launch::new(program, &Ports::consecutive(9)).flag("--writable");
    let server = with_files(launch);
    let mut session = four(&server);
    let piece = vec![b'x'; 1 << 20];
    for round in 0..80 {
        let port = session.pasv();
        let mut connection = session.open(port);
        session.expect("STOR again", 150);
        let pumping = std::thread::spawn({
            let piece = piece.clone();
            move || while connection.write_some(&piece).is_ok() {}
        });
        std::thread::sleep(std::time::Duration::from_millis(3));
        session.expect("ABOR", 426);
        session.expect_reply(226);
        session.stor("again", b"new");
        pumping.join().unwrap();
        assert_eq!(session.retr("again"), b"new", "round {round}");
    }
}

/// Many clients send it as Telnet would have it, after two signs.
#[rstest]
fn with_the_signs_of_telnet(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    session.send_bytes(b"\xff\xf4\xff\xf2ABOR\r\n").unwrap();
    hears(&mut session, rules::ABOR_AFTER_TELNET_SIGNS);
}

/// The last of the signs may be urgent. Then a read ends before it, though there is more; who
/// takes a short read for the last of it waits for ever. libunftp ends the session either way.
#[rstest]
fn with_an_urgent_sign(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    for _ in 0..10 {
        server.stop();
        session.send_bytes(b"\xff\xf4\xff").unwrap();
        session.send_urgent(b"\xf2").unwrap();
        session.send("ABOR").unwrap();
        server.signal(Signal::SIGCONT);
        hears(&mut session, &["226 "]);
    }
    goes_on(&mut session);
}

/// Python's ftplib sends the whole line as urgent data: its last byte, which ends the line, is.
#[rstest]
fn with_an_urgent_end_of_line(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    let port = session.pasv();
    let mut connection = Data::connect_narrow(session.source(), port).unwrap();
    session.expect("RETR big", 150);
    connection.read_some(1000).unwrap();
    session.send_bytes(b"ABOR\r").unwrap();
    session.send_urgent(b"\n").unwrap();
    hears(&mut session, rules::ABOR_OF_A_TRANSFER);
    session.send_bytes(b"NOOP\r").unwrap();
    session.send_urgent(b"\n").unwrap();
    session.expect_reply(200);
    goes_on(&mut session);
}
