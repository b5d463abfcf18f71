//! Everything at once for a while: many clients, few ports, every way to use and to end a session.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mux_tests::Program::{self, Muxftpd};
use mux_tests::data::Data;
use mux_tests::guard::{BEFORE_TTL, eventually, within};
use mux_tests::needs;
use mux_tests::{Client, Holding, Launch, Passive, Ports, Server, address, crowd, files};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rstest::rstest;

/// Clients with one session at a time, which are never refused.
const SINGLE: u16 = 28;
/// Clients with more sessions at once than there are ports, which may be.
const CROWDED: u16 = 4;
const SESSIONS: u16 = 12;
/// How long it goes on; nothing is expected to be done by then.
const SOAK: Duration = Duration::from_secs(8);

const LENGTH: usize = 30_000;

/// What has happened, so that a soak in which nothing did is seen.
#[derive(Default)]
struct Tally {
    transfers: AtomicU64,
    lists: AtomicU64,
    abandoned: AtomicU64,
    refused: AtomicU64,
}

impl Tally {
    fn add(to: &AtomicU64) {
        to.fetch_add(1, Ordering::Relaxed);
    }
}

/// One thread: sessions of one client, one after the other.
struct Soaker<'a> {
    server: &'a Server,
    tally: &'a Tally,
    source: IpAddr,
    owner: String,
    may_be_refused: bool,
    random: StdRng,
}

impl Soaker<'_> {
    fn run(mut self) {
        let started = Instant::now();
        while started.elapsed() < SOAK {
            self.session();
        }
    }

    fn session(&mut self) {
        let mut session = Client::login(self.source, self.server.control());
        for _ in 0..self.random.random_range(1..8) {
            let Some(port) = self.port(&mut session) else { continue };
            match self.random.random_range(0..10) {
                0..=5 => {
                    let bytes = session.retr_from(port, &self.owner);
                    files::assert_own(&self.owner, LENGTH, &bytes);
                    Tally::add(&self.tally.transfers);
                }
                6 => {
                    let data = session.open(port);
                    let text = session.receive(data, "LIST");
                    assert!(String::from_utf8_lossy(&text).contains(&self.owner));
                    Tally::add(&self.tally.lists);
                }
                7 => {
                    // The command first, then the connection.
                    session.expect(&format!("RETR {}", self.owner), 150);
                    let bytes = session.open(port).read_to_end().unwrap();
                    files::assert_own(&self.owner, LENGTH, &bytes);
                    session.expect_reply(226);
                    Tally::add(&self.tally.transfers);
                }
                _ => Tally::add(&self.tally.abandoned),
            }
        }
        // Some leave a reservation behind, and some a transfer.
        match self.random.random_range(0..8) {
            0 | 1 => {
                self.port(&mut session);
            }
            2 => {
                if let Some(port) = self.port(&mut session) {
                    let data = Data::connect_narrow(self.source, port).unwrap();
                    session.expect("RETR big", 150);
                    session.reset();
                    data.reset();
                    return;
                }
            }
            _ => {}
        }
        match self.random.random_range(0..4) {
            0 => session.fin(),
            1 => session.reset(),
            _ => session.quit(),
        }
    }

    fn port(&mut self, session: &mut Client) -> Option<std::net::SocketAddr> {
        let how = if self.random.random() { Passive::Pasv } else { Passive::Epsv };
        match session.passive(how) {
            Ok(port) => {
                assert!(self.server.ports().contains(port.port()), "{port} is outside the set");
                Some(port)
            }
            Err(refusal) => {
                assert_eq!(refusal.code, 425, "{refusal}");
                assert!(self.may_be_refused, "{} has one session: {refusal}", self.source);
                Tally::add(&self.tally.refused);
                None
            }
        }
    }
}

/// Promises 1 to 7, 9 and 12, under load. Bytes that reached the wrong client name their owner.
#[rstest]
fn everything_at_once(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let launch = Launch::new(program, &Ports::consecutive(9)).option("--wait", "100ms");
    let server = launch.option("--reservation-ttl", "600s").start();
    server.put("big", &files::content("big", 12 << 20));
    let clients = SINGLE + CROWDED;
    for client in 0..clients {
        let owner = format!("client-{client}");
        server.put(&owner, &files::content(&owner, LENGTH));
    }

    // All ports of all clients, at once if there is room for them; afterwards the server has
    // whatever it keeps for them.
    let each = server.ports().count() as u16;
    let together = usize::from((crowd(clients * each) / each).max(1));
    let all: Vec<u16> = (0..clients).collect();
    for some in all.chunks(together) {
        let hold = |client: &u16| Holding::every_port(&server, address::client(*client));
        let mut held: Vec<Vec<Holding>> = some.iter().map(hold).collect();
        for (client, held) in some.iter().zip(&mut held).rev() {
            let owner = format!("client-{client}");
            for holding in held {
                files::assert_own(&owner, LENGTH, &holding.retr(&owner));
            }
        }
        let local = |holding: &Holding| holding.session.local_addr();
        let peers: Vec<_> = held.iter().flatten().map(local).collect();
        drop(held);
        server.until_gone(&peers);
    }
    let baseline = server.process().descriptors();

    let tally = Tally::default();
    thread::scope(|scope| {
        for client in 0..clients {
            let sessions = if client < SINGLE { 1 } else { SESSIONS };
            for session in 0..sessions {
                let soaker = Soaker {
                    server: &server,
                    tally: &tally,
                    source: address::client(client),
                    owner: format!("client-{client}"),
                    // A session that ended may still be counted for a moment, but only one of
                    // nine ports is taken by it.
                    may_be_refused: sessions > 1,
                    random: StdRng::seed_from_u64(u64::from(client * SESSIONS + session)),
                };
                scope.spawn(|| soaker.run());
            }
        }
    });

    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    println!(
        "{} transfers, {} lists, {} abandoned, {} refused",
        count(&tally.transfers),
        count(&tally.lists),
        count(&tally.abandoned),
        count(&tally.refused)
    );
    assert!(count(&tally.transfers) > 100, "a soak with hardly a transfer shows nothing");
    assert!(count(&tally.abandoned) > 0 && count(&tally.lists) > 0);

    // Nothing is left behind: every client can have every port again,
    for client in 0..clients {
        let source = address::client(client);
        let mut held: Vec<Client> = Vec::new();
        while held.len() < server.ports().count() {
            let mut session = Client::login(source, server.control());
            within(BEFORE_TTL, "a port left behind is free again", || {
                session.passive(Passive::Pasv).is_ok()
            });
            held.push(session);
        }
    }
    // and descriptors are back where they were.
    eventually("the descriptors are back at their baseline", || {
        server.process().descriptors() <= baseline
    });
}
