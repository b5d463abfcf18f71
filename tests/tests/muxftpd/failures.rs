//! What the log says of what went wrong.

use std::io::Write;
use std::net::TcpStream;

use mux_tests::Security::Tls;
use mux_tests::data::unserved;
use mux_tests::guard::{eventually, obtained};
use mux_tests::needs;
use mux_tests::tools::{Tool, python};
use mux_tests::{Client, Data, Ending, Endpoint, Holding, Launch, Server, Way, address, files};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{launch, try_login, users_file};

fn with_json() -> Launch {
    launch().option("--log-format", "json")
}

/// The fields of the lines with this message.
fn lines(server: &Server, message: &str) -> Vec<Value> {
    let said = server.said();
    let (_, stderr) = said.split_once("stderr:\n").unwrap();
    let lines = stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found = lines.filter(|line| line["fields"]["message"] == message);
    found.map(|line| line["fields"].clone()).collect()
}

/// Waits for the line of a transfer that failed.
fn failed(server: &Server) -> Value {
    obtained("the log has the transfer", || {
        lines(server, "transfer").into_iter().find(|line| line["completed"] == false)
    })
}

#[test]
fn nobody_connected() {
    let server = with_json().option("--reservation-ttl", "200ms").start();
    server.put("file", b"content");
    let mut session = Client::login(address::client(1), server.control());
    let port = session.pasv();
    session.expect("RETR file", 150);
    session.expect_reply(425);
    let line = failed(&server);
    assert_eq!((&line["client"], &line["user"]), (&"127.1.0.1".into(), &"anonymous".into()));
    assert_eq!((&line["command"], &line["path"]), (&"RETR".into(), &"/file".into()));
    assert_eq!((&line["port"], &line["named"]), (&port.port().into(), &port.to_string().into()));
    assert_eq!(line["why"], "nobody connected");
}

#[test]
fn others_connected_meanwhile() {
    let server = with_json().option("--reservation-ttl", "500ms").start();
    server.put("file", b"content");
    let mut session = Client::login(address::client(1), server.control());
    let port = session.epsv();
    for stranger in [5, 6] {
        let ending = unserved(Data::connect(address::client(stranger), port));
        assert_eq!(ending, Ending::Reset);
    }
    session.expect("RETR file", 150);
    session.expect_reply(425);
    let line = failed(&server);
    assert_eq!(
        line["why"],
        "the client did not connect; connections came from 127.1.0.6, 127.1.0.5"
    );
    assert_eq!(line["named"], format!("port {}", port.port()));
}

#[test]
fn the_client_aborted_it() {
    let server = with_json().start();
    server.put("file", &files::content("file", 50_000_000));
    let mut session = Client::login(address::client(1), server.control());
    let port = session.pasv();
    let data = session.open(port);
    session.expect("RETR file", 150);
    session.send("ABOR").unwrap();
    session.expect_reply(426);
    session.expect_reply(226);
    drop(data);
    assert_eq!(failed(&server)["why"], "the client aborted it");
}

#[test]
fn the_handshake_failed() {
    needs!(Tool::Python);
    let server = with_json().security(Tls).start();
    server.put("file", b"content");
    let to = Endpoint::new(&server, Way::Ipv4Pasv, Tls);
    let script = "
data = socket.create_connection(session.makepasv())
data.sendall(b'no handshake at all, but bytes')
session.putcmd('RETR file')
assert session.getresp()[:3] == '150'
try:
    session.getresp()
    assert False
except ftplib.Error as error:
    print(error)
print('done')
";
    assert!(String::from_utf8_lossy(&python(&to, script, &[]).succeeded()).contains("done"));
    let line = failed(&server);
    let why = line["why"].as_str().unwrap();
    assert!(why.starts_with("the TLS handshake failed: "), "{why}");
}

#[test]
fn a_refused_port_is_told_with_its_client() {
    let server = with_json().option("--wait", "0s").start();
    let _held = Holding::every_port(&server, address::client(3));
    let mut third = Client::login(address::client(3), server.control());
    third.expect("PASV", 425);
    let line = obtained("the log has the line", || lines(&server, "port refused").pop());
    assert_eq!((&line["client"], &line["user"]), (&"127.1.0.3".into(), &"anonymous".into()));
    assert_eq!(line["command"], "PASV");
    let reply = line["reply"].as_str().unwrap();
    assert!(reply.starts_with("425 All passive ports are taken by your address"), "{reply}");
}

#[test]
fn a_refused_transfer_is_told_and_a_listing_by_what_it_lists() {
    let server = with_json().start();
    server.put("file", b"content");
    let mut session = Client::login(address::client(1), server.control());
    for (command, code) in [("RETR missing", 550), ("STOR up", 553), ("LIST -la nowhere", 450)] {
        session.pasv();
        session.expect(command, code);
    }
    session.expect("RETR file", 425);
    let port = session.pasv();
    let data = session.open(port);
    let _ = session.receive(data, "LIST -la");
    let told = obtained("the log has the lines", || {
        let told = lines(&server, "transfer refused");
        (told.len() == 4).then_some(told)
    });
    for (line, (command, path, reply)) in told.iter().zip([
        ("RETR", "/missing", "550 No such file or directory."),
        ("STOR", "/up", "553 Permission denied."),
        ("LIST", "/nowhere", "450 No such file or directory."),
        ("RETR", "/file", "425 Use PASV or EPSV first."),
    ]) {
        assert_eq!((&line["client"], &line["user"]), (&"127.1.0.1".into(), &"anonymous".into()));
        assert_eq!((&line["command"], &line["path"]), (&command.into(), &path.into()));
        assert_eq!(line["reply"], reply);
    }
    let listing = obtained("the log has the listing", || lines(&server, "transfer").pop());
    assert_eq!((&listing["command"], &listing["path"]), (&"LIST".into(), &"/".into()));
}

/// Else somebody could hide what happens to others.
#[test]
fn one_client_leaves_no_line_of_another_out() {
    let server = with_json().start();
    let mut noisy = Client::login(address::client(1), server.control());
    for _ in 0..400 {
        noisy.expect("RETR missing", 425);
    }
    Client::login(address::client(2), server.control()).expect("RETR missing", 425);
    eventually("the log has the line of the other", || {
        lines(&server, "transfer refused").iter().any(|line| line["client"] == "127.1.0.2")
    });
    assert!(lines(&server, "transfer refused").len() < 100);
}

/// It does not read, so that even its last reply has no room.
#[test]
fn a_session_that_is_killed_is_told_as_that() {
    let mut server = with_json().option("--drain-timeout", "100ms").start();
    let mut session = Client::login(address::client(1), server.control());
    session.send_part(&"HELP\r\n".repeat(50_000)).unwrap();
    eventually("the server waits for its client", || server.process().sleeps());
    server.signal(Signal::SIGTERM);
    assert!(server.wait().success());
    let line = lines(&server, "session").pop().unwrap();
    assert_eq!((&line["user"], &line["how"]), (&"anonymous".into(), &"killed".into()));
}

#[test]
fn what_is_too_much_is_left_out_and_counted() {
    const REFUSED: usize = 400;
    let server = with_json().option("--wait", "0s").start();
    let _held = Holding::every_port(&server, address::client(3));
    let mut third = Client::login(address::client(3), server.control());
    for _ in 0..REFUSED {
        third.expect("PASV", 425);
    }
    let left_out = obtained("the log says what it left out", || {
        lines(&server, "log lines left out, there were too many").pop()
    });
    assert_eq!(left_out["kind"], "refused ports");
    let said = lines(&server, "port refused").len();
    assert_eq!(said + left_out["count"].as_u64().unwrap() as usize, REFUSED);
}

/// The operator hears of it, and the client cannot make it many lines.
#[test]
fn that_the_server_is_full_is_told_once_a_minute() {
    let server = with_json().option("--max-clients", "1").option("--wait", "0s").start();
    let _held = Holding::new(&server, address::client(3));
    let mut second = Client::login(address::client(4), server.control());
    for _ in 0..50 {
        second.expect("PASV", 425);
    }
    eventually("the refusals are told", || lines(&server, "port refused").len() >= 20);
    let said = server.said();
    let told = said.lines().filter(|line| line.contains("no passive port reserved"));
    assert_eq!(told.count(), 1, "{said}");
}

/// Anonymous clients are strangers, also when all goes well. Users have a line each.
#[test]
fn of_anonymous_transfers_and_sessions_too_many_are_left_out_and_counted() {
    const MANY: usize = 250;
    let directory = tempfile::tempdir().unwrap();
    let users = users_file(directory.path(), r#"[{"username": "alice", "password": "a"}]"#);
    let server = with_json().option("--users", &users).flag("--anonymous").start();
    server.put("file", b"content");
    let of = |message: &str, user: &str| {
        let all = lines(&server, message);
        all.into_iter().filter(|line| line["user"] == user).count()
    };
    let mut alice = crate::login(&server, "alice", "a");
    let mut anonymous = Client::login(address::client(2), server.control());
    for _ in 0..MANY {
        let _ = anonymous.retr("file");
        let _ = alice.retr("file");
    }
    for _ in 0..MANY {
        Client::login(address::client(3), server.control()).quit();
    }
    for (message, kind) in [("transfer", "anonymous transfers"), ("session", "anonymous sessions")]
    {
        eventually("what was left out is told", || {
            let left_out = lines(&server, "log lines left out, there were too many");
            let counts = left_out.iter().filter(|line| line["kind"] == kind);
            let count: u64 = counts.map(|line| line["count"].as_u64().unwrap()).sum();
            count > 0 && of(message, "anonymous") + count as usize == MANY
        });
        assert!(of(message, "anonymous") >= 100, "{message}");
    }
    assert_eq!(of("transfer", "alice"), MANY);
}

/// Nothing that anybody can do fills the log, but wrong passwords.
#[test]
fn before_a_login_nothing_but_refused_logins_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let users = users_file(directory.path(), r#"[{"username": "alice", "password": "a"}]"#);
    let server = with_json().option("--users", &users).security(Tls).start();
    let told = |server: &Server| {
        let said = server.said();
        said.split_once("stderr:\n").unwrap().1.to_owned()
    };
    // Of the start: files that are open to others.
    let start = told(&server).lines().count();
    let mut client = Client::connect(address::client(1), server.control()).unwrap();
    for command in ["PASV", "EPSV", "RETR a", "NOSUCH", "PORT 1,2,3,4,5,6", "LIST", "PBSZ 0"] {
        client.command(command);
    }
    client.expect("AUTH TLS", 234);
    client.send_bytes(b"no handshake at all, but bytes\r\n").unwrap();
    client.reset();
    let mut endless = TcpStream::connect(server.control()).unwrap();
    // It is cut off in the middle.
    let _ = endless.write_all(&vec![b'x'; 100_000]);
    drop(endless);
    for port in server.ports().list() {
        let _ = TcpStream::connect((address::SERVER, *port));
    }
    drop(try_login(2, server.control(), "alice", "wrong"));
    eventually("the refused login is told", || !lines(&server, "login refused").is_empty());
    let stderr = told(&server);
    assert_eq!(stderr.lines().count(), start + 1, "{stderr}");
}
