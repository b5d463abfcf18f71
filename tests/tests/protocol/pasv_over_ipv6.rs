//! `PASV` on an IPv6 control connection: 227 cannot name an IPv6 address.

use mux_tests::Program::{self, Muxftpd};
use mux_tests::{machine, needs};
use rstest::rstest;

use crate::{goes_on, hears, rules, server, six};

#[rstest]
fn there_is_no_valid_answer(#[values(Muxftpd)] program: Program) {
    needs!(program, machine::ipv6());
    let server = server(program);
    let mut session = six(&server);
    session.send("PASV").unwrap();
    hears(&mut session, rules::PASV_OVER_IPV6);
    // Whatever became of that session, the client can have another.
    goes_on(&mut six(&server));
}
