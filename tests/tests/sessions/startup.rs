//! A server that cannot do what it was asked to says so in one sentence and leaves nothing behind.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use mux_tests::Program::{self, Muxftpd};
use mux_tests::launch::{Failure, refuses};
use mux_tests::passive_ports::is_free;
use mux_tests::{Client, Holding, Launch, Ports, address, files};
use mux_tests::{machine, needs};
use rstest::rstest;
use socket2::{Domain, Socket, Type};

/// Checks that a start failed, and that standard error has a line which names `what`.
#[track_caller]
fn names(failure: &Failure, what: &str) {
    assert!(!failure.status.success(), "exit status 0, but:\n{}", failure.stderr);
    assert!(failure.status.code().is_some(), "ended by a signal:\n{}", failure.stderr);
    assert!(!failure.stderr.contains("panicked"), "{}", failure.stderr);
    let named = failure.stderr.lines().any(|line| line.contains(what));
    assert!(named, "nothing about {what} in:\n{}", failure.stderr);
}

/// Checks that nobody listens on any of `ports` but `taken`.
#[track_caller]
fn all_free_but(ports: &Ports, taken: u16) {
    for port in ports.list().iter().filter(|port| **port != taken) {
        assert!(is_free((address::SERVER, *port).into()), "{port} is still listened on");
    }
}

#[rstest]
fn options_that_make_no_sense_are_named(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let ports = Ports::consecutive(2).spec();
    let root = tempfile::tempdir().unwrap();
    let root = root.path().to_str().unwrap();
    let usual = ["--root", root, "--listen", "127.0.0.1:0", "--passive-ports", &ports];
    for (option, value, named) in [
        ("--passive-ports", "9-1", "9-1"),
        ("--passive-ports", "0", "0"),
        ("--passive-ports", "8192,,8194", "8192,,8194"),
        ("--passive-ports", "70000", "70000"),
        ("--passive-host", "no such host!", "no such host!"),
        ("--reservation-ttl", "soon", "soon"),
        ("--wait", "a while", "a while"),
        ("--drain-timeout", "later", "later"),
        ("--listen", "everywhere", "everywhere"),
        ("--nonsense", "1", "--nonsense"),
    ] {
        // The usual options without the one that is wrong.
        let mut arguments = Vec::new();
        for pair in usual.chunks(2).filter(|pair| pair[0] != option) {
            arguments.extend_from_slice(pair);
        }
        arguments.extend([option, value]);
        names(&refuses(program, &arguments), named);
    }
}

#[rstest]
fn a_root_that_is_not_there_is_named(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let ports = Ports::consecutive(2);
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    names(&Launch::new(program, &ports).root(&missing).fail(), missing.to_str().unwrap());
    all_free_but(&ports, 0);

    let file = directory.path().join("file");
    std::fs::write(&file, "no directory").unwrap();
    names(&Launch::new(program, &ports).root(&file).fail(), file.to_str().unwrap());
    all_free_but(&ports, 0);
}

#[rstest]
fn a_control_port_that_is_taken_is_named(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let ports = Ports::consecutive(3);
    let taken = TcpListener::bind((address::SERVER, 0)).unwrap().local_addr().unwrap();
    let other = TcpListener::bind(taken).unwrap();
    names(&Launch::new(program, &ports).listen(taken).fail(), &taken.to_string());
    all_free_but(&ports, 0);
    drop(other);
}

/// A control port that is a passive port as well cannot be both.
#[rstest]
fn a_control_port_among_the_passive_ports_is_named(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let ports = Ports::consecutive(3);
    let control = SocketAddr::new(address::SERVER, ports.list()[1]);
    names(&Launch::new(program, &ports).listen(control).fail(), &control.port().to_string());
    all_free_but(&ports, 0);
}

#[rstest]
fn a_passive_port_that_is_taken_is_named(#[values(Muxftpd)] program: Program) {
    needs!(program);
    for host in [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED] {
        let ports = Ports::consecutive(5);
        let taken = ports.list()[3];
        let other = TcpListener::bind((host, taken)).unwrap();
        names(&Launch::new(program, &ports).fail(), &format!("{}:{taken}", address::SERVER));
        all_free_but(&ports, taken);
        drop(other);
        drop(Launch::new(program, &ports).start());
    }
}

#[rstest]
fn a_passive_port_that_is_taken_on_ipv6_is_named(#[values(Muxftpd)] program: Program) {
    needs!(program, machine::ipv6());
    let ports = Ports::consecutive(5);
    let taken = SocketAddr::new(address::ipv6(), ports.list()[0]);
    let other = TcpListener::bind(taken).unwrap();
    names(&Launch::new(program, &ports).and_ipv6().fail(), &taken.to_string());
    all_free_but(&ports, 0);
    drop(other);
}

/// `SO_REUSEPORT` lets two processes of one user share a port, which would send half of the
/// connections to the wrong one. The server uses the option itself, so it must look.
#[rstest]
fn a_passive_port_that_somebody_would_share_is_named(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let ports = Ports::consecutive(5);
    let taken = ports.list()[2];
    let other = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    other.set_reuse_port(true).unwrap();
    other.bind(&SocketAddr::new(address::SERVER, taken).into()).unwrap();
    other.listen(16).unwrap();
    names(&Launch::new(program, &ports).fail(), &format!("{}:{taken}", address::SERVER));
    all_free_but(&ports, taken);
    drop(other);
    drop(Launch::new(program, &ports).start());
}

/// The second start fails and the first server does not feel it, reservations included.
#[rstest]
fn a_second_server_on_the_same_ports_is_refused_and_the_first_serves_on(
    #[values(Muxftpd)] program: Program,
) {
    needs!(program);
    let ports = Ports::consecutive(4);
    let first = Launch::new(program, &ports).start();
    first.put("file", &files::content("file", 10_000));
    let mut pending = Holding::new(&first, address::client(1));

    for _ in 0..3 {
        names(&Launch::new(program, &ports).fail(), &format!("{}:", address::SERVER));
        let overlapping = Launch::new(program, &ports).listen(first.control());
        names(&overlapping.fail(), &format!("{}:", address::SERVER));
    }
    files::assert_own("file", 10_000, &pending.retr("file"));
    let mut later = Client::login(address::client(2), first.control());
    for _ in 0..20 {
        files::assert_own("file", 10_000, &later.retr("file"));
    }
}

/// Promise 12: the mux never listens on a port outside the configured set; and on that set only
/// at the addresses of the control connections.
#[rstest]
fn it_listens_where_it_was_told_to_and_nowhere_else(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let ports = Ports::offsets([0, 1, 2, 7, 9]);
    for ipv6 in [false, true] {
        if ipv6 {
            needs!(machine::ipv6());
        }
        let launch = Launch::new(program, &ports);
        let server = if ipv6 { launch.and_ipv6() } else { launch }.start();
        let mut wanted: BTreeSet<SocketAddr> = server.controls().into_iter().collect();
        assert_eq!(wanted.len(), 1 + usize::from(ipv6), "{}", server.said());
        for control in server.controls() {
            wanted.extend(ports.list().iter().map(|port| SocketAddr::new(control.ip(), *port)));
        }
        assert_eq!(server.process().listens_on(), wanted);
        // Nor does that change with reservations, pending and past.
        let held = Holding::every_port(&server, address::client(1));
        assert_eq!(server.process().listens_on(), wanted);
        drop(held);
        server.settle();
        assert_eq!(server.process().listens_on(), wanted);
    }
}
