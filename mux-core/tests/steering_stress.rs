//! Nobody ever gets a connection of somebody else, however fast the listeners change hands.
//!
//! 64 clients on three ports with six steered listeners each, so that listeners are replaced in
//! place all the time, for the same client when a lease is revoked, and for another one as often as
//! the pace of attaching allows. All the while strangers with the same addresses connect, those
//! that are about to lose their listener above all, and some of them half-way: their handshakes
//! end a second later, when the listener they began at has long been given to somebody else.
//!
//! What is checked: every connection that a holder accepts is from the client it was lent to; a
//! client that connects to what was lent to it arrives; a revoked holder gets nothing.
//!
//! That the order of the steps is what makes it so can be tried out by breaking it, in one of two
//! ways:
//!
//! ```text
//! # End the old listener before the new one has joined:
//! sed -i '/Step 2:/{h;d};/Step 3:/G' mux-core/src/steer/swap.rs
//! # Leave the old client steered to the index that changes hands (two lines of defence):
//! sed -i '/attach_without(|index| idle.iter()/d' mux-core/src/steer/group.rs
//! sed -i 's/if next == Next::AnyClient && .*steered {/if false {/' mux-core/src/steer/swap.rs
//! ```
#![cfg(all(feature = "steering", target_os = "linux", not(loom)))]

mod exhaust;
mod machine;
mod steering_support;

use std::collections::VecDeque;
use std::env;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mux_core::steer::{Arrival, Group, LeaseId, LendError, Lent, Watch, reset};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{SockFilter, SockRef, Socket};
use steering_support::*;

const CLIENTS: u8 = 64;
const PORTS: usize = 3;
const MEMBERS: usize = 6;
/// How much happens in a run of all tests. Each break of the order, above, shows in it.
const SHORT: Amount = Amount { deliveries: 4_000, replacements: 450 };
/// How much happens where `MUX_STRESS` is in the environment, as `ci/stress.sh` has it.
const LONG: Amount = Amount { deliveries: 22_000, replacements: 2_500 };
/// Bounds the test on a machine that is far too slow; reaching it fails.
const TIME: Duration = Duration::from_secs(300);

/// Half-open connections of all clients keep theirs for a while.
const DESCRIPTORS: u64 = 8192;

struct Amount {
    deliveries: u64,
    /// Listeners that were given to another client, at two attaches each.
    replacements: u64,
}

struct Port {
    address: SocketAddr,
    group: Mutex<Group>,
    own: Arc<TcpListener>,
    watches: Mutex<Vec<Watch>>,
    /// Which clients a lender is busy with: one reservation per client and port.
    busy: [AtomicBool; CLIENTS as usize],
    /// Who was steered last, the next one to lose its listener first.
    recent: Mutex<VecDeque<u8>>,
}

#[derive(Debug, Default)]
struct Counts {
    lease: AtomicU64,
    delivered: AtomicU64,
    reused: AtomicU64,
    replaced: AtomicU64,
    revoked: AtomicU64,
    full: AtomicU64,
    too_fast: AtomicU64,
    half_open: AtomicU64,
    strangers: AtomicU64,
}

struct Stress {
    start: Instant,
    amount: Amount,
    ports: Vec<Port>,
    counts: Counts,
    wrong: Mutex<Vec<String>>,
}

/// Steele, Lea and Flood's SplitMix64: repeatable, and no two threads alike.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn client(&mut self) -> u8 {
        self.below(CLIENTS.into()) as u8
    }
}

/// Starts to connect, and does not wait.
fn begin_connect(last: u8, address: SocketAddr, prepare: impl FnOnce(&Socket)) -> Socket {
    let socket = client_socket(ip(last)).unwrap();
    socket.set_nonblocking(true).unwrap();
    prepare(&socket);
    // In progress, or refused where a half-open one is in the way: what counts is who accepts.
    let _ = socket.connect(&address.into());
    socket
}

impl Stress {
    fn is_done(&self) -> bool {
        self.counts.delivered.load(Relaxed) >= self.amount.deliveries
            && self.counts.replaced.load(Relaxed) >= self.amount.replacements
    }

    fn is_over(&self) -> bool {
        self.is_done() || self.start.elapsed() > TIME || self.wrong.lock().unwrap().len() >= 10
    }

    /// Waits until something is queued; false if nothing comes.
    fn is_readable(&self, listener: &TcpListener) -> bool {
        let start = Instant::now();
        let slice = PollTimeout::from(100_u8);
        let mut listener = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        while poll(&mut listener, slice).unwrap() == 0 {
            // Once something was wrong, the rest of the test need not be waited for.
            let is_hopeless = !self.wrong.lock().unwrap().is_empty();
            if is_hopeless || start.elapsed() > HANG_GUARD {
                return false;
            }
        }
        true
    }

    fn fail(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    /// Accepts what is queued at a lent listener and checks whose it is.
    fn take(&self, lent: &Lent, last: u8, port: &Port) -> usize {
        let mut taken = 0;
        while let Ok((connection, peer)) = lent.listener.accept() {
            let local = connection.local_addr();
            if peer.ip() != ip(last) || local.is_ok_and(|local| local != port.address) {
                self.fail(format!("{peer} was delivered to {}", ip(last)));
            }
            reset(connection);
            self.counts.delivered.fetch_add(1, Relaxed);
            taken += 1;
        }
        taken
    }

    /// Anybody, or, that many times in a hundred, one of those who may have a listener now.
    fn pick(&self, port: &Port, random: &mut Random, percent: usize) -> u8 {
        let recent = port.recent.lock().unwrap();
        if recent.is_empty() || random.below(100) >= percent {
            return random.client();
        }
        recent[random.below(recent.len())]
    }

    fn lend_and_use(&self, random: &mut Random, stale: &mut VecDeque<TcpListener>) {
        let port = &self.ports[random.below(PORTS)];
        let last = self.pick(port, random, 60);
        if port.busy[usize::from(last)].swap(true, Relaxed) {
            return;
        }
        self.lend_to(last, port, random, stale);
        port.busy[usize::from(last)].store(false, Relaxed);
    }

    fn lend_to(
        &self,
        last: u8,
        port: &Port,
        random: &mut Random,
        stale: &mut VecDeque<TcpListener>,
    ) {
        let lease = LeaseId::new(self.counts.lease.fetch_add(1, Relaxed).into());
        let lent = port.group.lock().unwrap().lend(client(last), lease);
        let mut lent = match lent {
            Ok(lent) => lent,
            Err(LendError::Full) => {
                self.counts.full.fetch_add(1, Relaxed);
                return;
            }
            Err(LendError::TooFast { .. }) => {
                self.counts.too_fast.fetch_add(1, Relaxed);
                return;
            }
            Err(error) => return self.fail(format!("lend: {error}")),
        };
        match lent.watch.take() {
            Some(watch) => {
                port.watches.lock().unwrap().push(watch);
                self.counts.replaced.fetch_add(1, Relaxed);
                let mut recent = port.recent.lock().unwrap();
                recent.push_back(last);
                if recent.len() > MEMBERS {
                    recent.pop_front();
                }
            }
            None => drop(self.counts.reused.fetch_add(1, Relaxed)),
        }
        match random.below(100) {
            0..60 => {
                let connection = begin_connect(last, port.address, |_| ());
                if !self.is_readable(&lent.listener) || self.take(&lent, last, port) == 0 {
                    self.fail(format!("{} connected and did not arrive", ip(last)));
                }
                drop((connection, lent.listener));
                if random.below(2) == 0 {
                    port.group.lock().unwrap().revoke(lease);
                }
            }
            60..85 => {
                // Revoked in the middle of a handshake, at its end, or after it.
                let connection = begin_connect(last, port.address, |_| ());
                for _ in 0..random.below(3) {
                    self.take(&lent, last, port);
                    thread::yield_now();
                }
                let ended = port.group.lock().unwrap().revoke(lease);
                self.counts.revoked.fetch_add(1, Relaxed);
                if let Some(mux_core::steer::Ended::Revoked { watch: Some(watch) }) = ended {
                    port.watches.lock().unwrap().push(watch);
                }
                drop(connection);
                stale.push_back(lent.listener);
            }
            _ => {
                let connection = begin_connect(last, port.address, |_| ());
                drop(lent.listener);
                drop(connection);
            }
        }
    }

    fn lender(&self, seed: u64) {
        let (mut random, mut stale) = (Random(seed), VecDeque::new());
        while !self.is_over() {
            self.lend_and_use(&mut random, &mut stale);
            if let Some(listener) = stale.front() {
                let relisten = SockRef::from(listener).listen(8);
                if relisten.is_ok() || listener.accept().is_ok() {
                    self.fail("a revoked holder listens again".into());
                }
            }
            if stale.len() > 16 {
                stale.pop_front();
            }
        }
    }

    fn stranger(&self, seed: u64) {
        let mut random = Random(seed);
        let (mut connecting, mut half_open) = (VecDeque::new(), VecDeque::new());
        // Drops every packet (needs CAP_NET_ADMIN; without it the connection is an ordinary one).
        let deaf = [SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, 0)];
        while !self.is_over() {
            let port = &self.ports[random.below(PORTS)];
            if random.below(32) == 0 {
                let socket =
                    begin_connect(self.pick(port, &mut random, 75), port.address, |socket| {
                        if socket.attach_filter(&deaf).is_ok() {
                            self.counts.half_open.fetch_add(1, Relaxed);
                        }
                    });
                half_open.push_back((Instant::now(), socket));
            } else {
                let last = self.pick(port, &mut random, 75);
                connecting.push_back(begin_connect(last, port.address, |_| ()));
            }
            if connecting.len() > random.below(12) {
                let socket = connecting.pop_front().unwrap();
                // Half of them go with a reset, which leaves nothing behind.
                if random.below(2) == 0 {
                    reset(TcpStream::from(socket));
                }
            }
            // Both sides repeat after a second what was dropped.
            for (_, socket) in half_open.iter().take_while(|(at, _)| at.elapsed().as_millis() > 500)
            {
                let _ = socket.detach_filter();
            }
            if half_open.front().is_some_and(|(at, _)| at.elapsed().as_secs() > 3) {
                half_open.pop_front();
            }
            thread::sleep(Duration::from_micros(random.below(150) as u64));
        }
    }

    /// What a front does with the members' readiness and with the own listener.
    fn front(&self) {
        while !self.is_over() {
            for port in &self.ports {
                while let Ok((connection, _)) = port.own.accept() {
                    self.counts.strangers.fetch_add(1, Relaxed);
                    reset(connection);
                }
                let watches = std::mem::take(&mut *port.watches.lock().unwrap());
                let stay = watches.into_iter().filter(|watch| {
                    let arrival = port.group.lock().unwrap().on_readable(watch.member, reset);
                    if let Arrival::Idle { strangers } = arrival {
                        self.counts.strangers.fetch_add(strangers as u64, Relaxed);
                    }
                    arrival != Arrival::Gone
                });
                let stay: Vec<_> = stay.collect();
                port.watches.lock().unwrap().extend(stay);
            }
            thread::sleep(Duration::from_micros(300));
        }
    }
}

#[test]
fn no_connection_goes_to_another_client() {
    needs!(steers(), machine::descriptors(DESCRIPTORS));
    exhaust::limit(DESCRIPTORS);
    let port = |_| {
        let (group, own) = group(MEMBERS);
        Port {
            address: group.address(),
            group: Mutex::new(group),
            own,
            watches: Mutex::default(),
            busy: [const { AtomicBool::new(false) }; CLIENTS as usize],
            recent: Mutex::default(),
        }
    };
    let stress = Stress {
        start: Instant::now(),
        amount: if env::var_os("MUX_STRESS").is_some() { LONG } else { SHORT },
        ports: (0..PORTS).map(port).collect(),
        counts: Counts::default(),
        wrong: Mutex::default(),
    };
    thread::scope(|scope| {
        for seed in 0..4_u64 {
            scope.spawn({
                let stress = &stress;
                move || stress.lender(seed)
            });
        }
        for seed in 10..12 {
            scope.spawn({
                let stress = &stress;
                move || stress.stranger(seed)
            });
        }
        scope.spawn(|| stress.front());
    });
    println!("{:?}: {:#?}", stress.start.elapsed(), stress.counts);
    let is_done = stress.is_done();
    let wrong = stress.wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} wrong, the first: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(5)]
    );
    assert!(is_done, "the machine is too slow for this test");
}
