//! Clients with different addresses share ports at the same time.

use std::collections::BTreeSet;

use mux_tests::Program::{self, LibunftpExample, Muxftpd};
use mux_tests::needs;
use mux_tests::{Client, Holding, Launch, Ports, Server, address, files};
use rstest::rstest;

/// How long a file is; clients differ a little, so that no two files are the same length.
fn length(client: u16) -> usize {
    20_000 + usize::from(client)
}

/// A reservation for each of so many clients, all pending at once, then a file for each.
fn all_at_once(server: &Server, clients: u16) -> BTreeSet<u16> {
    let mut sessions: Vec<Client> = (0..clients)
        .map(|client| {
            let owner = format!("client-{client}");
            server.put(&owner, &files::content(&owner, length(client)));
            Client::login(address::client(client), server.control())
        })
        .collect();
    let granted: Vec<_> = sessions.iter_mut().map(Client::pasv).collect();
    let used: BTreeSet<u16> = granted.iter().map(std::net::SocketAddr::port).collect();
    assert!(used.is_subset(&server.ports().set()), "{used:?} outside {}", server.ports().spec());

    // Not in the order they asked in: which client is which must come from its address alone.
    for (client, session) in sessions.iter_mut().enumerate().rev() {
        let owner = format!("client-{client}");
        let bytes = session.retr_from(granted[client], &owner);
        files::assert_own(&owner, length(client as u16), &bytes);
    }
    used
}

/// Promise 1: one pending reservation per (port, client), and so as many per port as there are
/// clients. Promise 3: the connection delivered has the reservation's client as source address.
#[rstest]
fn two_hundred_clients_share_nine_ports(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = Launch::new(program, &Ports::consecutive(9)).start();
    let used = all_at_once(&server, 200);
    assert!(used.len() <= 9, "200 reservations were pending on 9 ports, so they shared");
}

/// Promise 9: a reservation never fails while a port is free for that client, 1 port included.
#[rstest]
fn fifty_clients_share_one_port(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = Launch::new(program, &Ports::consecutive(1)).start();
    assert_eq!(all_at_once(&server, 50), server.ports().set());
}

/// Promise 9: the whole range is used, both ends. Promise 12: no port outside the set is
/// advertised. Were each port as likely as the next, a port would be left out here less than once
/// in a hundred million runs.
#[rstest]
fn every_port_of_a_range_is_used_and_no_other(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    let server = Launch::new(program, &Ports::consecutive(9)).start();
    assert_eq!(all_at_once(&server, 200), server.ports().set());
}

/// Promise 12, where the set has holes: a server that steps over them wrongly advertises a port
/// in one, or never one next to it.
#[rstest]
fn every_port_of_a_set_with_holes_is_used_and_no_other(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    let server = Launch::new(program, &Ports::offsets([0, 1, 4, 9, 10, 15])).start();
    assert_eq!(all_at_once(&server, 150), server.ports().set());
}

/// Promise 9: the last free port is found at the first attempt, whatever the width.
#[rstest]
fn one_client_gets_every_port_of_any_set(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let sets = [
        Ports::consecutive(1),
        Ports::consecutive(2),
        Ports::consecutive(9),
        Ports::offsets([2, 3, 7, 8, 9, 12]),
        Ports::consecutive(16),
    ];
    for ports in sets {
        let server = Launch::new(program, &ports).option("--wait", "0s").start();
        for client in 0..5 {
            let held = Holding::every_port(&server, address::client(client));
            assert_eq!(held.len(), ports.count());
        }
    }
}
