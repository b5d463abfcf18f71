//! `EPSV` with an argument (RFC 2428, section 3).

use mux_tests::Program::{self, Muxftpd};
use mux_tests::files;
use mux_tests::{machine, needs};
use rstest::rstest;

use crate::{LENGTH, four, goes_on, hears, rules, server, six};

#[rstest]
fn the_own_protocol(#[values(Muxftpd)] program: Program) {
    needs!(program, machine::ipv6());
    let server = server(program);
    for (mut session, number) in [(four(&server), "1"), (six(&server), "2")] {
        for command in ["EPSV".to_owned(), format!("EPSV {number}"), format!("epsv {number}")] {
            let reply = session.expect(&command, 229);
            let port = reply.extended_passive_address(session.server().ip());
            assert!(server.ports().contains(port.port()), "{reply}");
            files::assert_own("file", LENGTH, &session.retr_from(port, "file"));
        }
    }
}

#[rstest]
fn the_other_protocol(#[values(Muxftpd)] program: Program) {
    needs!(program, machine::ipv6());
    let server = server(program);
    for (mut session, command, replies) in [
        (four(&server), "EPSV 2", rules::EPSV_2_OVER_IPV4),
        (six(&server), "EPSV 1", rules::EPSV_1_OVER_IPV6),
    ] {
        session.send(command).unwrap();
        hears(&mut session, replies);
        goes_on(&mut session);
    }
}

#[rstest]
fn rubbish(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    for command in ["EPSV 3", "EPSV ONE", "EPSV 1 2", "EPSV |||", "EPSV -1"] {
        session.send(command).unwrap();
        hears(&mut session, rules::EPSV_RUBBISH);
    }
    goes_on(&mut session);
}
