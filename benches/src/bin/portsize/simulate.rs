//! One simulated run: the real reservation table, with a clock that only events move.
//!
//! The table refuses at once. The line belongs to the front, and is rebuilt here as it is there:
//! first come, first served, each client in a line of its own, nobody overtakes, and both the
//! time and the number of those who wait are bounded.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hdrhistogram::Histogram;
use mux_core::table::{Matching, Table, Time};
use mux_core::{ClientKey, ClientPrefix, PortSet, ReserveError};

use crate::holding::nanos;
use crate::workload::Arrival;

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Setting {
    pub(crate) ports: u16,
    /// Whether ports are taken for one client only, or for everybody.
    pub(crate) multiplexed: bool,
    /// How long a request waits in line; zero refuses at once.
    pub(crate) wait: Duration,
    pub(crate) ttl: Duration,
}

/// As many may wait as the front allows by default, of one client and of all.
pub(crate) const MAX_WAITING: (usize, usize) = (256, 16_384);

/// What came of the requests that count.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) refused: u64,
    /// From request to reply, in microseconds, the refused ones included.
    pub(crate) waits: Histogram<u32>,
    /// All requests, those before counting began included.
    pub(crate) simulated: u64,
}

impl Outcome {
    pub(crate) fn new() -> Self {
        let waits = Histogram::new(3).expect("three digits are possible");
        Self { requests: 0, refused: 0, waits, simulated: 0 }
    }
}

/// Runs through `arrivals`, counting those from `counted_from` on. At most `peak` of them come
/// within the time that one can wait and hold a port.
pub(crate) fn simulate(
    setting: Setting,
    clients: u32,
    peak: usize,
    seed: u64,
    counted_from: u64,
    arrivals: impl Iterator<Item = Arrival>,
) -> Outcome {
    let mut run = Run::new(setting, clients, peak, seed, counted_from);
    run.all(arrivals);
    run.outcome
}

/// How many requests of each client are refused, as [`simulate`] would.
pub(crate) fn refused_of_each(
    setting: Setting,
    clients: u32,
    peak: usize,
    seed: u64,
    arrivals: impl Iterator<Item = Arrival>,
) -> Vec<u64> {
    let mut run = Run::new(setting, clients, peak, seed, 0);
    run.refused_of = vec![0; clients as usize];
    run.all(arrivals);
    run.refused_of
}

struct Run {
    setting: Setting,
    /// A reservation carries the number of its request.
    table: Table<u64>,
    events: BinaryHeap<Reverse<Event>>,
    lines: HashMap<u32, VecDeque<Waiting>>,
    waiting: usize,
    counted_from: u64,
    outcome: Outcome,
    /// The refused requests of each client; empty if nobody asks for them.
    refused_of: Vec<u64>,
}

/// What happens next; at the same moment, ports are freed before somebody gives up waiting.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: u64,
    what: What,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Connection { request: u64, client: u32, port: u16 },
    Deadline { client: u32 },
    PatienceEnds { request: u64, client: u32 },
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    request: u64,
    arrival: Arrival,
}

impl Run {
    fn new(setting: Setting, clients: u32, peak: usize, seed: u64, counted_from: u64) -> Self {
        let clients = if setting.multiplexed { clients as usize } else { 1 };
        // One more than can be taken: a full table says that it is full, not that no port is free.
        let capacity = peak.min(clients.saturating_mul(usize::from(setting.ports))) + 1;
        let ports = PortSet::new([1..=setting.ports]).expect("at least one port");
        Self {
            setting,
            table: Table::with_seed(ports, capacity, seed),
            events: BinaryHeap::new(),
            lines: HashMap::new(),
            waiting: 0,
            counted_from,
            outcome: Outcome::new(),
            refused_of: Vec::new(),
        }
    }

    fn all(&mut self, arrivals: impl Iterator<Item = Arrival>) {
        for (number, arrival) in (0..).zip(arrivals) {
            self.until(arrival.at);
            self.arrive(number, arrival);
        }
        self.until(u64::MAX);
    }

    /// Lets everything happen that is due by `now`.
    fn until(&mut self, now: u64) {
        while self.events.peek().is_some_and(|Reverse(event)| event.at <= now) {
            let Some(Reverse(Event { at, what })) = self.events.pop() else { return };
            match what {
                What::Connection { request, client, port } => {
                    let claimed = self.table.claim(port, address(client), Time::from_nanos(at));
                    assert_eq!(claimed, Some(request), "a connection finds its reservation");
                    self.serve_line(client, at);
                }
                What::Deadline { client } => {
                    // One that is due at the same moment may have ended this one too.
                    let _ = self.table.expire(Time::from_nanos(at));
                    self.serve_line(client, at);
                }
                What::PatienceEnds { request, client } => self.give_up(request, client),
            }
        }
    }

    fn arrive(&mut self, request: u64, arrival: Arrival) {
        self.outcome.simulated += 1;
        let key = if self.setting.multiplexed { arrival.client } else { 0 };
        let arrival = Arrival { client: key, ..arrival };
        let line_before = self.waiting > 0 && self.lines.contains_key(&key);
        if !line_before && self.reserve(request, arrival, arrival.at) {
            self.count(arrival, Ok(0));
            return;
        }
        let line = self.lines.get(&key).map_or(0, VecDeque::len);
        let full = line >= MAX_WAITING.0 || self.waiting >= MAX_WAITING.1;
        if self.setting.wait.is_zero() || full {
            self.count(arrival, Err(0));
            return;
        }
        self.lines.entry(key).or_default().push_back(Waiting { request, arrival });
        self.waiting += 1;
        let at = arrival.at + nanos(self.setting.wait);
        self.schedule(at, What::PatienceEnds { request, client: key });
    }

    /// Reserves, if a port is free, and sees to the reservation's end.
    fn reserve(&mut self, request: u64, arrival: Arrival, now: u64) -> bool {
        let client = arrival.client;
        let deadline = Time::from_nanos(now) + self.setting.ttl;
        match self.table.reserve(address(client), deadline, Matching::Address, request) {
            Ok(reserved) => {
                match arrival.connects_after {
                    Some(after) => {
                        let port = reserved.port;
                        self.schedule(now + after, What::Connection { request, client, port });
                    }
                    None => self.schedule(deadline.as_nanos(), What::Deadline { client }),
                }
                true
            }
            Err(error) => {
                assert_eq!(
                    error.reason,
                    ReserveError::NoFreePort,
                    "the table has room for the peak"
                );
                false
            }
        }
    }

    /// Gives ports to those first in a client's line while there are any.
    fn serve_line(&mut self, client: u32, now: u64) {
        if self.waiting == 0 {
            return;
        }
        while let Some(&first) = self.lines.get(&client).and_then(VecDeque::front) {
            if !self.reserve(first.request, first.arrival, now) {
                return;
            }
            self.leave_line(client);
            self.count(first.arrival, Ok(now - first.arrival.at));
        }
    }

    /// Refuses a request that has waited its time, unless it was served. All wait equally long,
    /// so it is the first of its line.
    fn give_up(&mut self, request: u64, client: u32) {
        let first = self.lines.get(&client).and_then(VecDeque::front).copied();
        if let Some(first) = first.filter(|first| first.request == request) {
            self.leave_line(client);
            self.count(first.arrival, Err(nanos(self.setting.wait)));
        }
    }

    fn leave_line(&mut self, client: u32) {
        if let Some(line) = self.lines.get_mut(&client) {
            line.pop_front();
            self.waiting -= 1;
            if line.is_empty() {
                self.lines.remove(&client);
            }
        }
    }

    /// Counts a request that got its port, or not, after waiting so many nanoseconds.
    fn count(&mut self, arrival: Arrival, waited: Result<u64, u64>) {
        if arrival.at < self.counted_from {
            return;
        }
        self.outcome.requests += 1;
        self.outcome.refused += u64::from(waited.is_err());
        if let (Err(_), Some(refused)) = (waited, self.refused_of.get_mut(arrival.client as usize))
        {
            *refused += 1;
        }
        let (Ok(waited) | Err(waited)) = waited;
        self.outcome.waits.record(waited / 1000).expect("it grows as needed");
    }

    fn schedule(&mut self, at: u64, what: What) {
        self.events.push(Reverse(Event { at, what }));
    }
}

/// An address for the client of that number.
fn address(client: u32) -> ClientKey {
    let ip = Ipv4Addr::from_bits(0x0a00_0000_u32.wrapping_add(client));
    ClientPrefix::ADDRESS.key(IpAddr::from(ip))
}

#[cfg(test)]
mod tests;
