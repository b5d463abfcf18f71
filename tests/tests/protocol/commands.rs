//! Every command, and the codes that RFC 959 (section 5.4) and its successors have for it.

use mux_tests::Program::Muxftpd;
use mux_tests::{Client, Data, Launch, Ports, Server, address, data, files};

use crate::{LENGTH, goes_on, with_files};

/// A command, and how its reply begins.
type Row = (&'static str, &'static str);

fn writable() -> Server {
    with_files(Launch::new(Muxftpd, &Ports::consecutive(9)).flag("--writable").and_ipv6())
}

fn four(server: &Server) -> Client {
    crate::four(server)
}

/// Sends each command, and checks its reply; afterwards the session is as good as ever.
#[track_caller]
fn says(session: &mut Client, rows: &[Row]) {
    for (command, wanted) in rows {
        let reply = session.command(command);
        let lines = reply.lines.join("\n");
        assert!(lines.starts_with(wanted), "{command}: {wanted:?} was expected, and not {reply}");
    }
    session.expect("NOOP", 200);
}

#[test]
fn before_the_login() {
    let server = writable();
    let mut session = Client::connect(address::client(1), server.control()).unwrap();
    says(
        &mut session,
        &[
            ("NOOP", "200 "),
            ("NOOP x", "200 "),
            ("SYST", "215 UNIX Type: L8"),
            ("FEAT", "211-"),
            ("HELP", "214-"),
            ("HELP retr", "214 "),
            ("HELP XYZZY", "502 "),
            ("OPTS UTF8 ON", "200 "),
            ("CLNT x", "200 "),
            ("ACCT x", "202 "),
            ("ABOR", "226 "),
            ("PASS x", "503 "),
            ("USER", "501 "),
            ("XYZZY", "500 "),
            ("LANG", "502 "),
            ("AUTH TLS", "502 "),
            ("PBSZ 0", "503 "),
            ("PROT P", "503 "),
            ("CCC", "533 "),
        ],
    );
    for command in [
        "PWD",
        "CWD /",
        "CDUP",
        "MKD a",
        "RMD a",
        "TYPE I",
        "STRU F",
        "MODE S",
        "PASV",
        "EPSV",
        "PORT 1,2,3,4,5,6",
        "RETR file",
        "STOR a",
        "STOU",
        "APPE a",
        "REST 0",
        "ALLO 1",
        "LIST",
        "NLST",
        "MLSD",
        "MLST",
        "SIZE file",
        "MDTM file",
        "MFMT x y",
        "RNFR file",
        "RNTO a",
        "DELE file",
        "SITE HELP",
        "STAT",
        "STAT file",
        "SMNT x",
        "XPWD",
        "RETR",
        "TYPE x",
    ] {
        session.expect(command, 530);
    }
    session.expect("QUIT x", 221);
}

#[test]
fn the_user_may_change_and_the_session_begin_anew() {
    let server = writable();
    let mut session = four(&server);
    says(
        &mut session,
        &[
            ("PASS x", "503 "),
            ("CWD /", "250 "),
            ("USER anonymous", "331 "),
            ("PWD", "530 "),
            ("PASS", "230 "),
            ("PWD", "257 \"/\""),
            ("TYPE I", "200 "),
            ("EPSV ALL", "200 "),
            ("REIN", "220 "),
            ("PWD", "530 "),
            ("USER anonymous", "331 "),
            ("PASS x", "230 "),
            ("PASV", "227 "),
            ("SIZE file", "550 "),
            ("TYPE I", "200 "),
            ("SIZE file", "213 10000"),
        ],
    );
    goes_on(&mut session);
}

/// A client that has read the goodbye can count on the port.
#[test]
fn after_the_goodbye_the_port_is_free() {
    let launch = Launch::new(Muxftpd, &Ports::consecutive(1)).option("--wait", "0s");
    let server = with_files(launch);
    for _ in 0..20 {
        let mut session = four(&server);
        session.pasv();
        session.expect("QUIT", 221);
    }
    let mut session = four(&server);
    session.pasv();
    session.expect("REIN", 220);
    four(&server).pasv();
}

#[test]
fn parameters() {
    let server = writable();
    let mut session = four(&server);
    says(
        &mut session,
        &[
            ("TYPE I", "200 "),
            ("TYPE L 8", "200 "),
            ("TYPE L8", "200 "),
            ("TYPE A", "200 "),
            ("type a n", "200 "),
            ("TYPE A T", "504 "),
            ("TYPE A C", "504 "),
            ("TYPE E", "504 "),
            ("TYPE L 7", "504 "),
            ("TYPE X", "501 "),
            ("TYPE", "501 "),
            ("MODE s", "200 "),
            ("MODE B", "504 "),
            ("MODE C", "504 "),
            ("MODE Z", "501 "),
            ("STRU f", "200 "),
            ("STRU R", "504 "),
            ("STRU P", "504 "),
            ("STRU Z", "501 "),
            ("ALLO 1000", "202 "),
            ("ALLO 1000 R 10", "202 "),
            ("ALLO x", "501 "),
            // In TYPE A, offsets would depend on what is in the file.
            ("REST 0", "350 "),
            ("REST 1", "501 "),
            ("SIZE file", "550 "),
            ("TYPE I", "200 "),
            ("REST 1", "350 "),
            ("REST x", "501 "),
            ("REST -1", "501 "),
            ("REST", "501 "),
            ("OPTS UTF8", "200 "),
            ("OPTS utf8 on", "200 "),
            ("OPTS UTF8 OFF", "501 "),
            ("OPTS MLST type;size;XYZZY;", "200 MLST OPTS type;size;"),
            ("OPTS MLST", "200 MLST OPTS"),
            ("OPTS XYZZY", "501 "),
            ("OPTS", "501 "),
        ],
    );
    goes_on(&mut session);
}

#[test]
fn directories() {
    let server = writable();
    let mut session = four(&server);
    says(
        &mut session,
        &[
            ("MKD a", "257 \"/a\""),
            ("MKD a", "550 "),
            ("MKD", "501 "),
            ("XMKD a/b\"c", "257 \"/a/b\"\"c\""),
            ("CWD a/b\"c", "250 "),
            ("PWD", "257 \"/a/b\"\"c\""),
            ("CWD ..", "250 "),
            ("XPWD", "257 \"/a\""),
            ("CDUP", "2"),
            ("XCUP", "2"),
            ("PWD", "257 \"/\""),
            ("XCWD //a/./b\"c//", "250 "),
            ("PWD", "257 \"/a/b\"\"c\""),
            ("PWD x", "501 "),
            ("CDUP x", "501 "),
            ("CWD", "501 "),
            ("CWD missing", "550 "),
            ("CWD /file", "550 "),
            ("CWD /", "250 "),
            ("RMD a", "550 "),
            ("RMD a/b\"c", "250 "),
            ("XRMD a", "250 "),
            ("RMD a", "550 "),
            ("RMD file", "550 "),
            ("RMD /", "550 "),
        ],
    );
    goes_on(&mut session);
}

#[test]
fn files_and_what_is_known_of_them() {
    let server = writable();
    server.put("old", b"x");
    let mut session = four(&server);
    says(
        &mut session,
        &[
            ("SIZE file", "213 10000"),
            ("SIZE missing", "550 "),
            ("SIZE /", "550 "),
            ("SIZE", "501 "),
            ("MDTM file", "213 2"),
            ("MDTM missing", "550 "),
            ("MFMT 20200102030405 file", "213 Modify=20200102030405; file"),
            ("MDTM file", "213 20200102030405"),
            ("MFMT 20200102030405 missing", "550 "),
            ("MFMT 20201302030405 file", "501 "),
            ("MFMT 20200102030405", "501 "),
            ("MLST file", "250-Listing:\n type=file;size=10000;modify=20200102030405;"),
            ("MLST", "250-Listing:\n type=dir;"),
            ("MLST missing", "550 "),
            ("OPTS MLST size;", "200 "),
            ("MLST file", "250-Listing:\n size=10000; /file\n250 "),
            ("SITE CHMOD 600 file", "200 "),
            ("SITE CHMOD 9 file", "501 "),
            ("SITE CHMOD 600", "501 "),
            ("SITE CHMOD 600 missing", "550 "),
            ("SITE HELP", "214-"),
            ("SITE XYZZY", "501 "),
            ("SITE", "501 "),
            ("RNTO new", "503 "),
            ("RNFR missing", "550 "),
            ("RNFR old", "350 "),
            ("NOOP", "200 "),
            ("RNTO new", "503 "),
            ("RNFR old", "350 "),
            ("RNTO missing/new", "553 "),
            ("RNFR old", "350 "),
            ("RNTO new", "250 "),
            ("DELE old", "550 "),
            ("DELE new", "250 "),
            ("DELE /", "550 "),
            ("DELE", "501 "),
            ("STAT", "211-"),
            ("STAT file", "213-"),
            ("STAT /", "212-"),
            ("STAT -la", "212-"),
            ("STAT -la /", "212-"),
            ("STAT -l file", "213-"),
            ("STAT missing", "450 "),
            ("SMNT x", "502 "),
        ],
    );
    goes_on(&mut session);
}

/// Whatever is wrong, the client is told before 150, and its data connection ends.
#[test]
fn refused_transfers() {
    let server = writable();
    let mut session = four(&server);
    for (before, command, wanted) in [
        ("NOOP", "RETR missing", "550 "),
        ("NOOP", "RETR /", "550 "),
        ("NOOP", "STOR missing/up", "553 "),
        ("NOOP", "STOR /", "553 "),
        ("NOOP", "APPE missing/up", "553 "),
        ("NOOP", "STOU missing/up", "553 "),
        ("NOOP", "LIST missing", "450 "),
        ("NOOP", "NLST missing", "450 "),
        ("NOOP", "MLSD missing", "550 "),
        ("NOOP", "MLSD file", "501 "),
        ("NOOP", "RETR", "501 "),
        ("REST 10001", "RETR file", "554 "),
        ("REST 1", "STOR missing", "554 "),
    ] {
        let port = session.pasv();
        let connection = session.open(port);
        let _ = session.command(before);
        says(&mut session, &[(command, wanted)]);
        if command != "RETR" {
            let _ = data::unserved(Ok(connection));
        }
        // What REST said is over with that.
        files::assert_own("file", LENGTH, &session.retr("file"));
    }
    assert!(!server.root().join("up").exists());
}

/// Each is closed when its client, which has read the reply, says the next thing.
#[test]
fn connections_of_refused_transfers_do_not_pile_up() {
    const REFUSED: usize = 100;
    let server = writable();
    let mut session = four(&server);
    let before = server.process().descriptors();
    let mut held = Vec::new();
    for _ in 0..REFUSED {
        let port = session.pasv();
        held.push(session.open(port));
        session.expect("RETR missing", 550);
    }
    session.expect("NOOP", 200);
    server.settle();
    let after = server.process().descriptors();
    assert!(after < before + REFUSED / 2, "{before} descriptors became {after}");
}

#[test]
fn where_nothing_may_be_changed() {
    let server = with_files(Launch::new(Muxftpd, &Ports::consecutive(9)).and_ipv6());
    let mut session = four(&server);
    says(
        &mut session,
        &[
            ("MKD a", "550 "),
            ("RMD a", "550 "),
            ("DELE file", "550 "),
            ("RNFR file", "550 "),
            ("MFMT 20200102030405 file", "550 "),
            ("SITE CHMOD 600 file", "550 "),
        ],
    );
    for command in ["STOR up", "STOU", "APPE file"] {
        let port = session.pasv();
        let connection = session.open(port);
        session.expect(command, 553);
        let _ = data::unserved(Ok(connection));
    }
    goes_on(&mut session);
}

/// `STAT` is answered while a transfer runs, and disturbs it as little as what it waits for.
#[test]
fn status_in_a_transfer() {
    let server = writable();
    let mut session = four(&server);
    let port = session.pasv();
    let mut connection = Data::connect_narrow(session.source(), port).unwrap();
    session.expect("RETR big", 150);
    let mut bytes = connection.read_some(1000).unwrap();
    let status = session.expect("STAT", 211);
    assert!(status.lines.iter().any(|line| line.contains("RETR /big")), "{status}");
    bytes.extend(connection.read_to_end().unwrap());
    session.expect_reply(226);
    files::assert_own("big", crate::BIG, &bytes);
}

/// The path is settled when the command comes, whatever follows.
#[test]
fn a_change_of_directory_behind_an_upload() {
    let server = writable();
    std::fs::create_dir(server.root().join("in")).unwrap();
    let mut session = four(&server);
    let port = session.pasv();
    session.send_part("STOR up\r\nCWD in\r\n").unwrap();
    session.expect_reply(150);
    let connection = session.open(port);
    connection.write_all(b"x").unwrap();
    session.expect_reply(226);
    session.expect_reply(250);
    assert!(server.root().join("up").exists());
}

/// Names are bytes: two that are no UTF-8 stay two.
#[test]
fn names_that_are_no_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let server = writable();
    let mut session = four(&server);
    for (name, content) in [(&b"M\xfcller.csv"[..], b"u"), (b"M\xf6ller.csv", b"o")] {
        let port = session.pasv();
        let connection = session.open(port);
        session.send_bytes(&[b"STOR ", name, b"\r\n"].concat()).unwrap();
        session.expect_reply(150);
        connection.write_all(content).unwrap();
        session.expect_reply(226);
        let path = server.root().join(OsStr::from_bytes(name));
        assert_eq!(std::fs::read(path).unwrap(), content);
    }
}

/// Line ends of files are LF, those of the network CRLF.
#[test]
fn line_ends_in_ascii() {
    let server = writable();
    server.put("text", b"one\ntwo\n");
    let mut session = four(&server);
    session.expect("TYPE A", 200);
    assert_eq!(session.retr("text"), b"one\r\ntwo\r\n");
    session.stor("up", b"one\r\ntwo\r\nthree\r");
    assert_eq!(std::fs::read(server.root().join("up")).unwrap(), b"one\ntwo\nthree\r");
    session.expect("TYPE I", 200);
    assert_eq!(session.retr("text"), b"one\ntwo\n");
}
