//! Control lines that no decent client sends.

use mux_tests::Program::{self, Muxftpd};
use mux_tests::needs;
use rstest::rstest;

use crate::{four, goes_on, hears, rules, server};

/// A line without an end cannot use up the server's memory: what is longer than any command
/// ends the session.
#[rstest]
fn too_long(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    session.send_bytes(&[b'A'; 5000]).unwrap();
    server.settle();
    // Nobody may be there to read the end of it.
    let _ = session.send("");
    hears(&mut session, rules::LONG_LINE);
    goes_on(&mut four(&server));
}

#[rstest]
fn of_bytes_that_are_no_text(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    session.send_bytes(b"NO\xc3\x28OP\r\n").unwrap();
    hears(&mut session, rules::BINARY_COMMAND);
    goes_on(&mut four(&server));
}

#[rstest]
fn of_no_known_command(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    for line in ["", " ", "XYZZY", "PASVE", "NOOP\0", "\t", "EPSV\t1", "227 "] {
        let reply = session.command(line);
        assert!((500..=502).contains(&reply.code), "{line:?}: {reply}");
    }
    goes_on(&mut session);
}

#[rstest]
fn with_a_wrong_argument(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    for line in ["RETR", "REST here", "OPTS XYZZY"] {
        let mut session = four(&server);
        session.send(line).unwrap();
        hears(&mut session, rules::WRONG_ARGUMENT);
    }
    goes_on(&mut four(&server));
}

/// Commands are the same in small letters, and lines may end without a CR.
#[rstest]
fn of_other_spellings(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    session.expect("pasv", 227);
    session.expect("ePsV", 229);
    session.send_bytes(b"PASV\nEPSV\n").unwrap();
    session.expect_reply(227);
    session.expect_reply(229);
    goes_on(&mut session);
}

/// A command that comes byte by byte is one command.
#[rstest]
fn in_pieces(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut session = four(&server);
    for byte in b"EPSV\r\n" {
        assert!(session.is_silent());
        session.send_bytes(&[*byte]).unwrap();
        server.settle();
    }
    session.expect_reply(229);
    goes_on(&mut session);
}
