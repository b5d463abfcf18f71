//! Transfers that begin in the middle of a file, and those that add to its end.

use std::fs;

use mux_tests::Program::{self, Muxftpd};
use mux_tests::needs;
use mux_tests::{Client, Launch, Ports, Server, files};
use rstest::rstest;

use crate::{LENGTH, four, with_files};

fn writable(program: Program) -> Server {
    with_files(Launch::new(program, &Ports::consecutive(3)).flag("--writable"))
}

fn send(session: &mut Client, command: &str, bytes: &[u8]) {
    let port = session.epsv();
    let data = session.open(port);
    session.expect(command, 150);
    data.write_all(bytes).unwrap();
    session.expect_reply(226);
}

#[rstest]
fn a_download_from_the_middle(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = writable(program);
    let mut session = four(&server);
    session.expect("REST 4000", 350);
    assert_eq!(session.retr("file"), files::content("file", LENGTH)[4000..]);
    // It was for one transfer.
    files::assert_own("file", LENGTH, &session.retr("file"));
    session.expect("REST 4000", 350);
    session.expect("REST 0", 350);
    files::assert_own("file", LENGTH, &session.retr("file"));
    assert!(session.command("REST here").is_refusal());
}

#[rstest]
fn an_upload_from_the_middle(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = writable(program);
    let mut session = four(&server);
    let whole = files::content("up", LENGTH);
    send(&mut session, "STOR up", &whole[..4000]);
    session.expect("REST 4000", 350);
    send(&mut session, "STOR up", &whole[4000..]);
    files::assert_own("up", LENGTH, &fs::read(server.root().join("up")).unwrap());
}

#[rstest]
fn an_upload_to_the_end(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = writable(program);
    let mut session = four(&server);
    let whole = files::content("up", LENGTH);
    for piece in whole.chunks(3000) {
        send(&mut session, "APPE up", piece);
    }
    files::assert_own("up", LENGTH, &fs::read(server.root().join("up")).unwrap());
}
