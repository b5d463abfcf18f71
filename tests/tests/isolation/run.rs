//! What all parties share: the server, what they know of each other, and what came of it.

use std::any::Any;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use mux_tests::{Client, Passive, Server, address, files};
use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// How long a file is; a multiple of a line.
pub(crate) const LENGTH: usize = 640 * 64;

/// How many addresses' last ports are known to attackers.
const KNOWN: usize = 64;

/// How much longer than told a run may take, for enough to happen.
const PATIENCE: Duration = Duration::from_secs(300);

/// What has happened.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Of clients with nobody else behind their address.
    pub(crate) downloads: AtomicU64,
    pub(crate) uploads: AtomicU64,
    pub(crate) listings: AtomicU64,
    /// Connections from addresses without a session.
    pub(crate) outside: AtomicU64,
    /// Connections of clients to ports that are not theirs, or not any more.
    pub(crate) hostile: AtomicU64,
    /// Behind one address: transfers as they should be,
    pub(crate) shared: AtomicU64,
    /// and those that an attacker took the place of,
    pub(crate) lost: AtomicU64,
    /// that got the bytes of another session there,
    pub(crate) mixed: AtomicU64,
    /// and uploads into which an attacker put bytes.
    pub(crate) put_in: AtomicU64,
    /// Attempts of attackers there who guess, and of those who know the port,
    pub(crate) guesses: AtomicU64,
    pub(crate) races: AtomicU64,
    /// and how many got something.
    pub(crate) guessed: AtomicU64,
    pub(crate) raced: AtomicU64,
}

pub(crate) fn add(to: &AtomicU64) {
    to.fetch_add(1, Relaxed);
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |count: &AtomicU64| count.load(Relaxed);
        write!(
            f,
            "alone at their address: {} downloads, {} uploads, {} listings; against them {} \
             connections from outside and {} of other clients, which got nothing.\nBehind one \
             address: {} transfers in order, {} lost, {} with another session's bytes, {} uploads \
             put in; {} of {} guesses got something, and {} of {} attempts that knew the port",
            of(&self.downloads),
            of(&self.uploads),
            of(&self.listings),
            of(&self.outside),
            of(&self.hostile),
            of(&self.shared),
            of(&self.lost),
            of(&self.mixed),
            of(&self.put_in),
            of(&self.guessed),
            of(&self.guesses),
            of(&self.raced),
            of(&self.races)
        )
    }
}

/// Everything that is shared.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) server: &'a Server,
    pub(crate) counts: Counts,
    known: [AtomicU16; KNOWN],
    over: AtomicBool,
    wrong: Mutex<Vec<String>>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(server: &'a Server) -> Self {
        let known = std::array::from_fn(|_| AtomicU16::new(server.ports().first()));
        Self {
            server,
            counts: Counts::default(),
            known,
            over: AtomicBool::new(false),
            wrong: Mutex::default(),
        }
    }

    /// Returns when the time is up, or something is wrong. It takes more time where that was not
    /// enough for everything to happen: how fast a machine is nobody knows.
    pub(crate) fn wait(&self, time: Duration) {
        let started = Instant::now();
        let mut told = Instant::now();
        let is_up = |passed| passed >= time && (self.has_happened() || passed >= time + PATIENCE);
        while !is_up(started.elapsed()) && !self.is_over() {
            sleep(Duration::from_millis(50));
            if told.elapsed() > Duration::from_secs(60) {
                told = Instant::now();
                let name = self.server.program();
                println!("{name}, after {:.0?}: {}", started.elapsed(), self.counts);
            }
        }
        self.over.store(true, Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    fn is_wrong(&self, what: String) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        self.over.store(true, Relaxed);
    }

    #[track_caller]
    pub(crate) fn assert_well(&self) {
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(self.has_happened(), "too little happened: {}", self.counts);
    }

    /// Whether enough has: a run in which nothing happened shows nothing. And were nothing got
    /// behind one address, it would not be seen elsewhere either.
    fn has_happened(&self) -> bool {
        let Counts { downloads, uploads, outside, hostile, raced, guessed, put_in, .. } =
            &self.counts;
        let counts = [
            (downloads, 50),
            (uploads, 20),
            (outside, 200),
            (hostile, 50),
            (raced, 0),
            (guessed, 0),
            (put_in, 0),
        ];
        counts.iter().all(|(count, too_few)| count.load(Relaxed) > *too_few)
    }
}

/// Somebody with an address, and a thread.
#[derive(Debug)]
pub(crate) struct Party<'a> {
    pub(crate) run: &'a Run<'a>,
    pub(crate) address: IpAddr,
    pub(crate) number: u16,
    pub(crate) random: StdRng,
}

impl Party<'_> {
    /// Its directory, and a file in it.
    #[track_caller]
    pub(crate) fn prepare(&self) {
        let directory = self.run.server.root().join(self.directory());
        std::fs::create_dir(directory).expect("a directory can be made");
        let file = format!("{}/file", self.directory());
        self.run.server.put(&file, &files::content(&self.owner("file"), LENGTH));
    }

    /// Does `what` until the run is over, or something is wrong.
    pub(crate) fn go_on(mut self, what: fn(&mut Self)) {
        while !self.run.is_over() {
            let done = catch_unwind(AssertUnwindSafe(|| what(&mut self)));
            if let Err(panic) = done {
                self.run.is_wrong(words(&*panic));
            }
        }
    }

    pub(crate) fn directory(&self) -> String {
        format!("{}-{}", self.address, self.number)
    }

    /// Whose bytes they are, in words that each line of them begins with.
    pub(crate) fn owner(&self, what: impl fmt::Display) -> String {
        format!("{}/{}/{what}", self.address, self.number)
    }

    /// A session in its own directory.
    #[track_caller]
    pub(crate) fn login(&self) -> Client {
        let mut session = Client::login(self.address, self.run.server.control());
        session.expect(&format!("CWD {}", self.directory()), 250);
        session
    }

    pub(crate) fn how(&mut self) -> Passive {
        if self.random.random() { Passive::Pasv } else { Passive::Epsv }
    }

    /// Any passive port.
    pub(crate) fn any_port(&mut self) -> SocketAddr {
        let ports = self.run.server.ports().list();
        (address::SERVER, ports[self.random.random_range(0..ports.len())]).into()
    }

    /// Lets attackers know which port it was granted.
    pub(crate) fn betray(&self, port: SocketAddr) {
        self.known_of(self.address).store(port.port(), Relaxed);
    }

    /// The port that somebody at `address` was granted last.
    pub(crate) fn known(&self, address: IpAddr) -> SocketAddr {
        (address::SERVER, self.known_of(address).load(Relaxed)).into()
    }

    fn known_of(&self, address: IpAddr) -> &AtomicU16 {
        let IpAddr::V4(address) = address else { panic!("{address} is no IPv4 address") };
        &self.run.known[usize::from(address.octets()[3]) % KNOWN]
    }

    /// Up to so long.
    pub(crate) fn moment(&mut self, most: Duration) -> Duration {
        most.mul_f64(f64::from(self.random.next_u32()) / f64::from(u32::MAX))
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "a panic without words".to_owned())
}
