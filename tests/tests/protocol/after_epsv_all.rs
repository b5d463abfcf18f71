//! `EPSV ALL` (RFC 2428, section 4): from then on nothing but `EPSV` asks for a connection.

use mux_tests::Program::{self, Muxftpd};
use mux_tests::needs;
use rstest::rstest;

use crate::{four, goes_on, hears, rules, server};

#[rstest]
fn only_epsv_is_allowed(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    for (command, replies) in [
        ("EPSV ALL", rules::EPSV_ALL),
        ("PASV", rules::PASV_AFTER_EPSV_ALL),
        ("PORT 127,1,0,1,200,0", rules::PORT_AFTER_EPSV_ALL),
        ("EPRT |1|127.1.0.1|51200|", rules::EPRT_AFTER_EPSV_ALL),
    ] {
        session.send(command).unwrap();
        hears(&mut session, replies);
    }
    goes_on(&mut session);

    // It is one session's, and nobody else's.
    four(&server).pasv();
}
