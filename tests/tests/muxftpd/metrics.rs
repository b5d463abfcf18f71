//! Numbers for Prometheus.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use mux_tests::guard::eventually;
use mux_tests::{Client, Holding, Server, address, files};

use crate::{launch, try_login, users_file};

/// Where the start screen says that they are.
pub(crate) fn address_of(server: &Server) -> SocketAddr {
    let said = server.said();
    let line = said.lines().find_map(|line| line.strip_prefix("  metrics      http://"));
    line.unwrap().strip_suffix("/metrics").unwrap().parse().unwrap()
}

pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    get_as(address, path, "")
}

fn get_as(address: SocketAddr, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n{headers}Connection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn numbers(server: &Server) -> BTreeMap<String, u64> {
    let answer = get(address_of(server), "/metrics");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let lines = body.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.rsplit_once(' ').unwrap());
    // Sums of seconds are no whole numbers.
    pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

/// Waits until the numbers are these; a session's end is counted a moment after its last reply.
#[track_caller]
pub(crate) fn become_(server: &Server, wanted: &[(&str, u64)]) {
    eventually("the numbers are right", || {
        let numbers = numbers(server);
        let is = |(name, value): &(&str, u64)| numbers.get(*name) == Some(value);
        wanted.iter().all(is)
    });
}

#[test]
fn they_are_what_has_happened() {
    let directory = tempfile::tempdir().unwrap();
    let users = users_file(directory.path(), r#"[{"username": "alice", "password": "a"}]"#);
    let server = launch()
        .option("--metrics", "127.0.0.1:0")
        .option("--users", &users)
        .flag("--anonymous")
        .flag("--writable")
        .option("--max-login-failures", "1")
        .option("--max-sessions-per-client", "3")
        .option("--wait", "0s")
        .start();
    server.put("file", &files::content("file", 10_000));

    let mut session = Client::login(address::client(1), server.control());
    let _ = (session.retr("file"), session.retr("file"));
    session.stor("up", &files::content("up", 500));
    // It is refused, and is no transfer.
    session.pasv();
    session.expect("RETR missing", 550);
    // One that is.
    server.put("large", &files::content("large", 50_000_000));
    let port = session.pasv();
    let data = session.open(port);
    session.expect("RETR large", 150);
    session.send("ABOR").unwrap();
    session.expect_reply(426);
    session.expect_reply(226);
    drop(data);
    session.quit();
    // A wrong login, and another that is not even looked at.
    drop(try_login(2, server.control(), "alice", "x"));
    drop(try_login(2, server.control(), "alice", "a"));
    // Both ports are held, and a third session gets none; a fourth is one too many.
    let held = Holding::every_port(&server, address::client(3));
    let mut third = Client::login(address::client(3), server.control());
    third.expect("PASV", 425);
    Client::connect_silently(address::client(3), server.control()).unwrap().expect_reply(421);
    let mut stranger = TcpStream::connect(held[0].port).unwrap();
    assert!(stranger.read_to_end(&mut Vec::new()).is_err());

    become_(
        &server,
        &[
            ("muxftpd_sessions", 3),
            ("muxftpd_sessions_started_total", 6),
            ("muxftpd_sessions_ended_total{how=\"over\"}", 3),
            ("muxftpd_sessions_refused_total{reason=\"too_many_of_client\"}", 1),
            ("muxftpd_logins_total{result=\"succeeded\"}", 4),
            ("muxftpd_logins_total{result=\"failed\"}", 1),
            ("muxftpd_logins_total{result=\"throttled\"}", 1),
            ("muxftpd_transfers_refused_total{command=\"RETR\",code=\"550\"}", 1),
            ("muxftpd_transfers_total{command=\"RETR\",result=\"completed\"}", 2),
            ("muxftpd_transfers_total{command=\"RETR\",result=\"failed\"}", 1),
            ("muxftpd_transfers_total{command=\"STOR\",result=\"completed\"}", 1),
            ("muxftpd_transferred_bytes_total{command=\"STOR\"}", 500),
            ("muxftpd_transfer_failures_total{reason=\"aborted\"}", 1),
            ("muxftpd_transfer_duration_seconds_count{command=\"RETR\"}", 2),
            ("muxftpd_passive_ports", 2),
            ("muxftpd_reservations_pending", 2),
            ("muxftpd_clients_pending", 1),
            ("muxftpd_requests_waiting", 0),
            ("muxftpd_reservations_total", 7),
            ("muxftpd_reservations_claimed_total", 4),
            ("muxftpd_reservations_refused_total{reason=\"no_free_port\"}", 1),
            ("muxftpd_strangers_total", 1),
        ],
    );
}

#[test]
fn what_expires_and_what_is_given_up_are_told_apart() {
    let server =
        launch().option("--metrics", "127.0.0.1:0").option("--reservation-ttl", "200ms").start();
    let mut session = Client::login(address::client(1), server.control());
    for _ in 0..3 {
        session.pasv();
        become_(&server, &[("muxftpd_reservations_pending", 0)]);
    }
    become_(
        &server,
        &[
            ("muxftpd_reservations_expired_total", 3),
            ("muxftpd_reservations_claimed_total", 0),
            ("muxftpd_reservations_cancelled_total", 0),
        ],
    );
}

#[test]
fn both_formats_are_served_and_say_which_they_are() {
    let server = launch().option("--metrics", "0").start();
    let openmetrics = "Accept: application/openmetrics-text;version=1.0.0;q=0.6,*/*;q=0.1\r\n";
    let answer = get_as(address_of(&server), "/metrics", openmetrics);
    assert!(answer.contains("content-type: application/openmetrics-text; version=1.0.0"));
    assert!(answer.contains("\n# TYPE muxftpd_strangers counter\n"), "{answer}");
    assert!(answer.ends_with("# EOF\n"), "{answer}");
    let answer = get(address_of(&server), "/metrics");
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    assert!(answer.contains("\n# TYPE muxftpd_strangers_total counter\n"), "{answer}");
}

#[test]
fn there_is_nothing_else_and_none_unless_asked_for() {
    let server = launch().option("--metrics", "0").start();
    assert!(address_of(&server).ip().is_loopback());
    assert!(get(address_of(&server), "/").starts_with("HTTP/1.1 404"));
    let server = launch().start();
    assert!(!server.said().contains("metrics"));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let other = TcpListener::bind(taken).unwrap();
    let failure = launch().option("--metrics", &taken.to_string()).fail();
    assert_eq!(failure.status.code(), Some(1));
    let named = format!("cannot serve metrics on {taken}: another program listens there already");
    assert!(failure.stderr.contains(&named), "{}", failure.stderr);
    drop(other);
}
