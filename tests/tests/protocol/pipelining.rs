//! Commands that are sent before the reply to the one before has come.

use mux_tests::Program::{self, Muxftpd};
use mux_tests::needs;
use mux_tests::{Client, Data, Holding, Launch, Passive, Ports, address, files};
use rstest::rstest;

use crate::{BIG, LENGTH, four, goes_on, hears, rules, server, with_files};

#[rstest]
fn a_whole_session_in_one_piece(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = Client::connect(address::client(1), server.control()).unwrap();
    let commands = "USER anonymous\r\nPASS guest@example.com\r\nTYPE I\r\nPASV\r\n";
    session.send_part(commands).unwrap();
    hears(&mut session, rules::BEHIND_THE_PASSWORD);

    session.send_part("TYPE I\r\nEPSV\r\nPASV\r\nRETR file\r\n").unwrap();
    session.expect_reply(200);
    session.expect_reply(229);
    let port = session.passive_reply(Passive::Pasv).expect("a port is free");
    session.expect_reply(150);
    let data = session.open(port).read_to_end().unwrap();
    files::assert_own("file", LENGTH, &data);
    session.expect_reply(226);
}

#[rstest]
fn behind_a_transfer(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    let port = session.pasv();
    let data = Data::connect_narrow(session.source(), port).unwrap();
    session.expect("RETR big", 150);
    session.send_part("NOOP\r\nNOOP\r\n").unwrap();
    server.settle();
    files::assert_own("big", BIG, &data.read_to_end().unwrap());
    hears(&mut session, rules::NOOP_IN_A_TRANSFER);
    goes_on(&mut session);
}

#[rstest]
fn quit_behind_a_transfer(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    let port = session.pasv();
    let data = Data::connect_narrow(session.source(), port).unwrap();
    session.expect("RETR big", 150);
    session.send("QUIT").unwrap();
    server.settle();
    // libunftp sends it all the same, but nobody is told.
    files::assert_own("big", BIG, &data.read_to_end().unwrap());
    hears(&mut session, rules::QUIT_IN_A_TRANSFER);
}

/// Scripts that have said all of it close their half of the control connection.
#[rstest]
fn quit_and_the_end_behind_a_transfer(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    let port = session.pasv();
    let data = Data::connect_narrow(session.source(), port).unwrap();
    session.expect("RETR big", 150);
    session.send("QUIT").unwrap();
    session.half_close();
    server.settle();
    files::assert_own("big", BIG, &data.read_to_end().unwrap());
    hears(&mut session, rules::QUIT_IN_A_TRANSFER);
}

/// Each replaces the one before, so that thousands hold one port, and cost nobody else anything.
/// libunftp as it comes holds a port for each, and runs out of them.
#[rstest]
fn two_thousand_passive_commands_with_nothing_read(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let launch = Launch::new(program, &Ports::consecutive(5)).option("--wait", "0s");
    let server = with_files(launch);
    let mut session = four(&server);
    let commands = "PASV\r\nEPSV\r\n".repeat(1000);
    session.send_part(&commands).unwrap();
    files::assert_own("file", LENGTH, &Holding::new(&server, address::client(2)).retr("file"));
    server.settle();

    // Four more are all there are,
    let mut others: Vec<Client> = (0..5).map(|_| four(&server)).collect();
    let granted = others.iter_mut().filter_map(|other| other.passive(Passive::Pasv).ok()).count();
    assert_eq!(granted, 4);
    // and the last reply names the fifth.
    let mut last = None;
    for how in [Passive::Pasv, Passive::Epsv].into_iter().cycle().take(2000) {
        last = Some(session.passive_reply(how).expect("its own port counts as free"));
    }
    files::assert_own("file", LENGTH, &session.retr_from(last.unwrap(), "file"));
}
