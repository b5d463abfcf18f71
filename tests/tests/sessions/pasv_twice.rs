//! A new PASV or EPSV replaces the session's reservation, and its own old port counts as free.

use mux_tests::Program::{self, LibunftpExample, Muxftpd};
use mux_tests::data::{self, Data};
use mux_tests::needs;
use mux_tests::{Client, Ending, Holding, Launch, Passive, Ports, Server, address, files};
use rstest::rstest;

fn server(program: Program, ports: u16) -> Server {
    let launch = Launch::new(program, &Ports::consecutive(ports)).option("--wait", "0s");
    let server = launch.start();
    server.put("file", &files::content("file", 10_000));
    server
}

/// A session whose second PASV was granted another port than its first: session, old, new.
fn moved(server: &Server) -> (Client, std::net::SocketAddr, std::net::SocketAddr) {
    let mut session = Client::login(address::client(1), server.control());
    let old = session.pasv();
    // Ports are drawn at random, so a server that never moves is one that does not draw.
    for _ in 0..200 {
        let new = session.pasv();
        if new != old {
            return (session, old, new);
        }
    }
    panic!("200 times the same port of {}", server.ports().spec());
}

/// Promise 9: with one port, the session's own reservation never stands in its way.
#[rstest]
fn on_one_port_any_number_of_times(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program, 1);
    let mut session = Client::login(address::client(1), server.control());
    for round in 0..100 {
        let port = if round % 3 == 0 { session.epsv() } else { session.pasv() };
        assert_eq!(port.port(), server.ports().first());
    }
    files::assert_own("file", 10_000, &session.retr("file"));
}

/// The same with every port held by the client's own sessions: each can have another go.
#[rstest]
fn when_every_port_is_taken(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program, 4);
    let mut held = Holding::every_port(&server, address::client(1));
    for _ in 0..10 {
        for holding in &mut held {
            let port = holding.session.pasv();
            assert_eq!(port, holding.port, "no other port was free");
        }
    }
    for holding in &mut held {
        files::assert_own("file", 10_000, &holding.retr("file"));
    }
}

/// Promise 4: after a reservation was cancelled, nothing is delivered to it.
#[rstest]
fn the_old_port_is_no_longer_served(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program, 9);
    let (mut session, old, new) = moved(&server);
    let ending = data::unserved(Data::connect(session.source(), old));
    assert!(matches!(ending, Ending::Reset | Ending::Refused), "{ending:?}");
    files::assert_own("file", 10_000, &session.retr_from(new, "file"));
}

/// The old port is free for the client's other sessions, and a connection there is theirs.
#[rstest]
fn the_old_port_is_free_for_another_session(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program, 2);
    let (mut session, old, new) = moved(&server);
    let mut other = Client::login(address::client(1), server.control());
    assert_eq!(other.pasv(), old, "it was the only port left");
    files::assert_own("file", 10_000, &other.retr_from(old, "file"));
    files::assert_own("file", 10_000, &session.retr_from(new, "file"));
}

/// A connection made before the second PASV belongs to the reservation that ended: the file comes
/// over the new connection, and nothing ever over the old one.
#[rstest]
fn a_connection_to_the_old_port_is_not_used_for_the_new_one(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    for ports in [1, 9] {
        let server = server(program, ports);
        let mut session = Client::login(address::client(1), server.control());
        let old = session.pasv();
        let before = session.open(old);
        server.settle();
        let new = session.passive(Passive::Epsv).expect("its own port counts as free");
        files::assert_own("file", 10_000, &session.retr_from(new, "file"));
        server.settle();
        // The server may have ended it or not; it must not have sent anything.
        drop(session);
        if !before.is_silent() {
            let _ = data::unserved(Ok(before));
        }
    }
}
