//! What clients and the system can do at the worst moment, to whole servers: everybody else is
//! served meanwhile, and afterwards everything is as it was.

use std::net::IpAddr;

use mux_tests::guard::{eventually, obtained};
use mux_tests::{Client, Holding, Launch, Passive, Ports, Program, Server, address, crowd, files};

mod flood;
mod half_handshakes;
mod nobody_reads_what_it_says;
mod reset_at_each_step;
mod shortage;
mod shutdown_of_a_thousand;
mod silence;
mod stalled_readers;

const LENGTH: usize = 10_000;

/// More than the buffers of both ends hold: a client that does not read holds up the transfer.
const BIG: usize = 12 << 20;

fn launch(program: Program, ports: u16) -> Launch {
    Launch::new(program, &Ports::consecutive(ports)).flag("--writable")
}

fn with_files(launch: Launch) -> Server {
    let server = launch.start();
    server.put("file", &files::content("file", LENGTH));
    server.put("big", &files::content("big", BIG));
    server
}

/// A session from `source` that gets the file, and ends.
#[track_caller]
fn is_served(server: &Server, source: IpAddr) {
    let mut holding = Holding::new(server, source);
    files::assert_own("file", LENGTH, &holding.retr("file"));
    holding.session.quit();
}

/// Every port has been used by `source`, so that what the server keeps for it is there.
#[track_caller]
fn has_used_every_port(server: &Server, source: IpAddr) {
    let mut peers = Vec::new();
    for mut holding in Holding::every_port(server, source) {
        files::assert_own("file", LENGTH, &holding.retr("file"));
        peers.push(holding.session.local_addr());
    }
    server.until_gone(&peers);
}

/// `source` gets every port, all at once, without waiting for a deadline.
#[track_caller]
fn gets_every_port_back(server: &Server, source: IpAddr) {
    let mut held: Vec<Client> = Vec::new();
    while held.len() < server.ports().count() {
        let mut session = Client::login(source, server.control());
        obtained("a port comes back", || session.passive(Passive::Pasv).ok());
        held.push(session);
    }
    // Free for the next one.
    drop(held);
    server.settle();
}

#[track_caller]
fn is_back_at(server: &Server, baseline: usize) {
    eventually("the descriptors are back at their baseline", || {
        server.process().descriptors() <= baseline
    });
}

/// A thousand clients, if there is room for them, each with a session and a pending reservation.
fn a_thousand_pending(server: &Server) -> Vec<Holding> {
    (0..crowd(1000)).map(|client| Holding::new(server, address::client(client))).collect()
}
