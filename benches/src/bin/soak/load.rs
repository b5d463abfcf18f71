//! The load: every way to use a server, by clients that think in between, so that the server is
//! busy and not swamped.

use crate::sample::Latency;
use hdrhistogram::Histogram;
use mux_tests::data::{self, Data};
use mux_tests::{Client, Holding, Passive, Server, address, files};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::any::Any;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread::{Scope, sleep};
use std::time::{Duration, Instant};

/// Clients with one session at a time.
const SINGLE: u16 = 16;
/// The client with more sessions at once than there are ports.
const CROWD: u16 = SINGLE;
const CROWD_SESSIONS: u16 = 24;
/// How long they take to connect, at most.
const DAWDLE: Duration = Duration::from_millis(500);
/// Clients that take turns, a session each, and mostly leave a reservation behind.
const ROAMING: std::ops::Range<u16> = CROWD + 1..CROWD + 13;
/// How long a client thinks, at most.
const THINK: Duration = Duration::from_millis(500);
/// Between two strangers.
const STRANGER: Duration = Duration::from_millis(25);

const SMALL: usize = 20_000;
const BIG: usize = 3 << 20;

/// What clients do to a server, and what came of it.
#[derive(Debug)]
pub(crate) struct Load {
    over: AtomicBool,
    latency: Mutex<Histogram<u64>>,
    failures: Mutex<Vec<String>>,
    downloads: AtomicU64,
    uploads: AtomicU64,
    listings: AtomicU64,
    abandoned: AtomicU64,
    cut: AtomicU64,
    refused: AtomicU64,
    strangers: AtomicU64,
    sessions: AtomicU64,
}

impl Load {
    pub(crate) fn new() -> Self {
        let latency = Histogram::new(3).expect("three digits are a precision that there is");
        Self {
            over: AtomicBool::new(false),
            latency: Mutex::new(latency),
            failures: Mutex::default(),
            downloads: AtomicU64::new(0),
            uploads: AtomicU64::new(0),
            listings: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            strangers: AtomicU64::new(0),
            sessions: AtomicU64::new(0),
        }
    }

    /// Puts the files there, and has each client use every port once.
    pub(crate) fn prepare(&self, server: &Server) {
        server.put("big", &files::content("big", BIG));
        for client in (0..SINGLE).chain([CROWD]).chain(ROAMING) {
            let owner = owner(client);
            server.put(&owner, &files::content(&owner, SMALL));
            let mut peers = Vec::new();
            for mut holding in Holding::every_port(server, address::client(client)) {
                files::assert_own(&owner, SMALL, &holding.retr(&owner));
                peers.push(holding.session.local_addr());
            }
            server.until_gone(&peers);
        }
    }

    /// Lets the clients loose.
    pub(crate) fn begin<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        server: &'scope Server,
    ) {
        let mut number = 0;
        let mut user = |clients: std::ops::Range<u16>, kind| {
            number += 1;
            let random = StdRng::seed_from_u64(number);
            let user = User { load: self, server, clients, kind, number, random };
            scope.spawn(move || user.run());
        };
        for client in 0..SINGLE {
            user(client..client + 1, Kind::Single);
        }
        for _ in 0..CROWD_SESSIONS {
            user(CROWD..CROWD + 1, Kind::Crowd);
        }
        user(ROAMING, Kind::Roaming);
        user(ROAMING, Kind::Roaming);
        user(0..1, Kind::Stranger);
    }

    /// Tells them to leave.
    pub(crate) fn end(&self) {
        self.over.store(true, Relaxed);
    }

    /// Of small downloads since this was last asked.
    pub(crate) fn latency(&self) -> Latency {
        let mut latency = self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |quantile| latency.value_at_quantile(quantile) as f64 / 1000.0;
        let taken = (at(0.5), at(0.99));
        latency.reset();
        taken
    }

    /// What went wrong.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What has been done.
    pub(crate) fn tally(&self) -> impl fmt::Display {
        let of = |count: &AtomicU64| count.load(Relaxed);
        format!(
            "{} sessions, {} downloads, {} uploads, {} listings, {} cut off, {} abandoned, \
             {} refused, {} strangers, {} failures",
            of(&self.sessions),
            of(&self.downloads),
            of(&self.uploads),
            of(&self.listings),
            of(&self.cut),
            of(&self.abandoned),
            of(&self.refused),
            of(&self.strangers),
            self.failures().len()
        )
    }

    fn took(&self, time: Duration) {
        let mut latency = self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        // It grows as it must; there is no value that it cannot hold.
        let _ = latency.record(time.as_micros().try_into().unwrap_or(u64::MAX));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Single,
    Crowd,
    Roaming,
    Stranger,
}

/// One thread of the load.
struct User<'a> {
    load: &'a Load,
    server: &'a Server,
    clients: std::ops::Range<u16>,
    kind: Kind,
    number: u64,
    random: StdRng,
}

impl User<'_> {
    fn run(mut self) {
        while !self.load.over.load(Relaxed) {
            // What goes wrong is a panic that says what.
            let done = catch_unwind(AssertUnwindSafe(|| match self.kind {
                Kind::Stranger => self.stranger(),
                _ => self.session(),
            }));
            if let Err(panic) = done {
                let mut failures =
                    self.load.failures.lock().unwrap_or_else(PoisonError::into_inner);
                failures.push(words(&*panic));
            }
        }
    }

    fn think(&mut self) {
        sleep(THINK.mul_f64(self.random.random()));
    }

    fn stranger(&mut self) {
        let ports = self.server.ports().list();
        let port = ports[self.random.random_range(0..ports.len())];
        let from = address::stranger(self.random.random());
        let _ = data::unserved(Data::connect(from, (address::SERVER, port).into()));
        add(&self.load.strangers);
        sleep(STRANGER);
    }

    fn session(&mut self) {
        let client = self.random.random_range(self.clients.clone());
        let mut session = Client::login(address::client(client), self.server.control());
        add(&self.load.sessions);
        for _ in 0..self.random.random_range(1..12) {
            self.think();
            if self.load.over.load(Relaxed) {
                break;
            }
            let started = Instant::now();
            let Some(port) = self.port(&mut session) else { continue };
            if self.kind == Kind::Crowd {
                sleep(DAWDLE.mul_f64(self.random.random()));
            }
            let what = if self.kind == Kind::Roaming { 9 } else { self.random.random_range(0..10) };
            self.transfer(&mut session, port, client, what, started);
        }
        if self.random.random_ratio(1, 6)
            && let Some(port) = self.port(&mut session)
        {
            // A reader that stops reading, and goes.
            let mut data = Data::connect_narrow(session.source(), port).expect("its own port");
            session.expect("RETR big", 150);
            data.read_some(1000).expect("it begins");
            session.reset();
            data.reset();
            return add(&self.load.cut);
        }
        match self.random.random_range(0..4) {
            0 => session.fin(),
            1 => session.reset(),
            _ => session.quit(),
        }
    }

    fn transfer(
        &mut self,
        session: &mut Client,
        port: SocketAddr,
        client: u16,
        what: u32,
        started: Instant,
    ) {
        let owner = owner(client);
        match what {
            0..=3 => {
                files::assert_own(&owner, SMALL, &session.retr_from(port, &owner));
                if self.kind == Kind::Single {
                    self.load.took(started.elapsed());
                }
                add(&self.load.downloads);
            }
            4 => {
                files::assert_own("big", BIG, &session.retr_from(port, "big"));
                add(&self.load.downloads);
            }
            5 | 6 => {
                let name = format!("up-{}", self.number);
                let data = session.open(port);
                session.expect(&format!("STOR {name}"), 150);
                data.write_all(&files::content(&name, SMALL)).expect("it is read");
                session.expect_reply(226);
                add(&self.load.uploads);
            }
            7 | 8 => {
                let data = session.open(port);
                let text = session.receive(data, "LIST");
                assert!(String::from_utf8_lossy(&text).contains(&owner), "a listing without it");
                add(&self.load.listings);
            }
            _ => add(&self.load.abandoned),
        }
    }

    fn port(&mut self, session: &mut Client) -> Option<SocketAddr> {
        let how = if self.random.random() { Passive::Pasv } else { Passive::Epsv };
        match session.passive(how) {
            Ok(port) => {
                assert!(self.server.ports().contains(port.port()), "{port} is outside the set");
                Some(port)
            }
            Err(refusal) => {
                assert_eq!(refusal.code, 425, "{refusal}");
                let source: IpAddr = session.source();
                assert!(self.kind != Kind::Single, "{source} has one session: {refusal}");
                add(&self.load.refused);
                None
            }
        }
    }
}

fn owner(client: u16) -> String {
    format!("client-{client}")
}

fn add(to: &AtomicU64) {
    to.fetch_add(1, Relaxed);
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "something without words".to_owned())
}
