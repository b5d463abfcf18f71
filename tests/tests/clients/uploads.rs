//! What becomes of uploads, and of a server that takes none.

use std::fs;
use std::io::Cursor;

use mux_tests::Program::{self, Muxftpd};
use mux_tests::Security::Plain;
use mux_tests::Way::Ipv4Epsv;
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::tools::curl;
use mux_tests::{Client, Endpoint, Launch, Ports, address, files};
use rstest::rstest;
use suppaftp::FtpStream;

use crate::{LENGTH, server};

/// A server that was not made writable takes nothing and deletes nothing.
#[rstest]
fn a_read_only_server_refuses_every_change(#[values(Muxftpd)] program: Program) {
    needs!(program, Tool::Curl);
    let server = Launch::new(program, &Ports::consecutive(3)).start();
    server.put("down", &files::content("down", LENGTH));
    let mut session = Client::login(address::client(1), server.control());
    let port = session.pasv();
    let data = session.open(port);
    let mut reply = session.command("STOR up");
    if reply.code == 150 {
        // The refusal may come at once, whatever becomes of the data.
        let _ = data.write_all(b"unwanted");
        reply = session.reply().unwrap();
    }
    assert!((500..600).contains(&reply.code), "{reply}");
    for command in ["DELE down", "MKD directory", "RNFR down"] {
        let reply = session.command(command);
        let refused = if command == "RNFR down" && reply.code == 350 {
            session.command("RNTO elsewhere")
        } else {
            reply
        };
        assert!((500..600).contains(&refused.code), "{command}: {refused}");
    }
    let mut suppaftp = FtpStream::connect(server.control()).unwrap();
    suppaftp.login("anonymous", "guest@example.com").unwrap();
    assert!(suppaftp.put_file("up", &mut Cursor::new(b"unwanted")).is_err());
    let to = Endpoint::new(&server, Ipv4Epsv, Plain);
    let refused = curl(&to, &["--upload-file", "-", &to.url("up")], b"unwanted");
    assert!(!refused.status.success());

    let names = fs::read_dir(server.root()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["down"]);
    files::assert_own("down", LENGTH, &fs::read(server.root().join("down")).unwrap());
}

/// What was acknowledged with 226 is there, all of it, for the next who asks.
#[rstest]
fn an_upload_is_there_at_once(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program, Plain);
    let mut session = Client::login(address::client(1), server.control());
    let mut other = Client::login(address::client(2), server.control());
    for length in [0, 1, 4095, 4096, 4097, (1 << 20) + 1, 5] {
        let name = format!("up-{length}");
        for name in [name.as_str(), "up"] {
            session.stor(name, &files::content(name, length));
            files::assert_own(name, length, &session.retr(name));
            files::assert_own(name, length, &other.retr(name));
        }
    }
}
