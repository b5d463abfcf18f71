//! Hundreds of IPv6 clients, each with an address of its own, share a port.

use mux_tests::Program::{self, LibunftpExample, Muxftpd};
use mux_tests::namespace::{SERVER, client, inside, stranger};
use mux_tests::{Client, Data, Ending, Launch, Passive, Ports, crowd, data, files};
use mux_tests::{machine, needs};
use rstest::rstest;

/// A steered port has room for 454 IPv6 clients whose reservations are pending at once.
const CLIENTS: u16 = 400;
const STRANGERS: u16 = 50;

/// How long a file is; clients differ a little, so that no two files are the same length.
fn length(client: u16) -> usize {
    5_000 + usize::from(client)
}

/// Promises 1, 3, 9 and 10: every client waits on the one port at the same time, strangers come
/// in between, and everybody gets what is theirs.
#[rstest]
fn hundreds_share_one_port(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program, machine::namespaces_with_ipv6());
    let clients = crowd(CLIENTS);
    inside("hundreds_share_one_port", program, clients, STRANGERS, || {
        let ports = Ports::consecutive(1);
        let launch = Launch::new(program, &ports).listen((SERVER, 0).into());
        // Long enough for all of them to be pending at once, on a slow machine too; libunftp has
        // a deadline of its own, so they do not dawdle.
        let server = launch.option("--wait", "0s").option("--reservation-ttl", "600s").start();
        let to = (SERVER, ports.first()).into();
        let mut sessions: Vec<Client> = (0..clients)
            .map(|n| {
                let owner = format!("client-{n}");
                server.put(&owner, &files::content(&owner, length(n)));
                Client::login(client(n), server.control_ipv6())
            })
            .collect();

        // The command goes ahead, so that the server has them all to itself.
        for session in &mut sessions {
            session.send("EPSV").unwrap();
        }
        for session in &mut sessions {
            assert_eq!(session.passive_reply(Passive::Epsv), Ok(to));
        }
        // Not in the order they asked in.
        for (n, session) in (0..clients).zip(&mut sessions).rev() {
            if n % 8 == 0 {
                let ending = data::unserved(Data::connect(stranger(n / 8), to));
                assert!(matches!(ending, Ending::Reset | Ending::Refused), "{ending:?}");
            }
            let owner = format!("client-{n}");
            files::assert_own(&owner, length(n), &session.retr_from(to, &owner));
        }
    });
}

/// Promise 9: each of a hundred clients has every port of the set, all at the same time.
#[rstest]
fn each_has_every_port(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program, machine::namespaces_with_ipv6());
    let clients = crowd(300) / 3;
    inside("each_has_every_port", program, clients, 0, || {
        let ports = Ports::consecutive(3);
        let launch = Launch::new(program, &ports).listen((SERVER, 0).into());
        let server = launch.option("--wait", "0s").option("--reservation-ttl", "600s").start();
        server.put("file", &files::content("file", 1000));
        let mut sessions = Vec::new();
        for n in (0..clients).flat_map(|n| [n; 3]) {
            sessions.push(Client::login(client(n), server.control_ipv6()));
        }
        let granted: Vec<_> = sessions.iter_mut().map(Client::epsv).collect();
        for own in granted.chunks(3) {
            let own = own.iter().map(std::net::SocketAddr::port).collect();
            assert_eq!(ports.set(), own);
        }
        for (session, port) in sessions.iter_mut().zip(granted).rev() {
            files::assert_own("file", 1000, &session.retr_from(port, "file"));
        }
    });
}
