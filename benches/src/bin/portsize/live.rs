//! The same requests to a real multiplexer: real listeners, real connections, real time.
//!
//! Every client has an address of its own in 127.0.0.0/8, and connections are delivered as
//! streams. Time runs faster or slower than in the description, all of it alike: requests,
//! connections, waiting and deadlines. How many ports are taken at a time does not change by
//! that. It is chosen so that a port is taken for far longer than a timer is late.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use mux_core::mux::{BindError, ReserveError};
use mux_core::{Mux, PortSet};
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::measure::{Plan, seed_of};
use crate::recording::Recording;
use crate::simulate::{MAX_WAITING, Setting, simulate};
use crate::workload::{Arrival, Source, Workload};

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live {
    pub(crate) requests: u64,
    pub(crate) refused: u64,
    /// Of the very same requests, simulated.
    pub(crate) simulated_refused: u64,
    /// In the time of the description.
    pub(crate) p99_wait: Duration,
    /// Connections that did not reach their reservation: they came late.
    pub(crate) lost: u64,
    /// By how much the latest request came late, in real time.
    pub(crate) latest: Duration,
}

impl Live {
    pub(crate) fn share(&self) -> f64 {
        self.refused as f64 / self.requests as f64
    }

    pub(crate) fn simulated_share(&self) -> f64 {
        self.simulated_refused as f64 / self.requests as f64
    }

    /// By how much two runs of so many requests may differ by chance, with 95 % confidence.
    pub(crate) fn chance(&self) -> f64 {
        let n = self.requests as f64;
        // One that is refused, or not, keeps a share of nothing from looking certain.
        let share = ((self.refused + self.simulated_refused) as f64 / 2.0 + 1.0) / (n + 2.0);
        2.0 * (2.0 * share * (1.0 - share) / n).sqrt()
    }

    /// Whether it differs from the simulation of the same requests by no more than chance allows.
    pub(crate) fn agrees(&self) -> bool {
        (self.share() - self.simulated_share()).abs() <= self.chance()
    }
}

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LiveError {
    #[error("--live cannot open {ports} ports on loopback: {error}")]
    Ports { ports: u16, error: io::Error },
    #[error("--live cannot start a multiplexer: {0}")]
    Bind(#[from] BindError),
    #[error("--live: the multiplexer refused for another reason than want of ports: {0}")]
    Refused(ReserveError),
    #[error("--live: a connection over loopback failed: {0}")]
    Connection(io::Error),
}

/// Requests to make, and how fast.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    arrivals: Arc<[Arrival]>,
    clients: u32,
    /// How many times as fast time runs.
    pub(crate) pace: f64,
}

/// What a noisy machine of two processors does without being late.
const REQUESTS_PER_SECOND: f64 = 200.0;
/// Timers go off up to a millisecond or two late: little beside this.
const SHORTEST_HOLDING: f64 = 0.05;
/// Nobody wants to wait longer for one measurement.
const LONGEST: f64 = 40.0;

impl Script {
    /// The first requests of a simulated replication; those of the busiest stretch, if they are
    /// from a log.
    pub(crate) fn new(workload: &Workload, plan: &Plan, requests: u32) -> Self {
        let replication =
            workload.arrivals(seed_of(plan.seed, 0), 1.0, 0, u64::from(requests), None);
        let mut arrivals: Vec<Arrival> = replication.collect();
        let held = workload.mean_held().as_secs_f64();
        let count = arrivals.len().min(requests as usize);
        let first = match &workload.source {
            Source::Steady { .. } => 0,
            Source::Burst { .. } => (arrivals.len() - count) / 2,
            Source::Recorded(_) => (0..=arrivals.len() - count)
                .min_by_key(|&first| arrivals[first + count - 1].at - arrivals[first].at)
                .unwrap_or(0),
        };
        arrivals.drain(..first);
        arrivals.truncate(count);
        let start = arrivals.first().map_or(0, |first| first.at);
        for arrival in &mut arrivals {
            arrival.at -= start;
        }
        let span = arrivals.last().map_or(0.0, |last| last.at as f64 / 1e9).max(1e-3);
        let pace = (REQUESTS_PER_SECOND * span / count as f64).min(held / SHORTEST_HOLDING);
        arrivals.retain(|arrival| arrival.at as f64 / 1e9 <= LONGEST * pace);
        Self { arrivals: arrivals.into(), clients: workload.clients(), pace }
    }

    pub(crate) fn requests(&self) -> usize {
        self.arrivals.len()
    }

    /// How long it takes, in real time.
    pub(crate) fn lasts(&self) -> Duration {
        self.real(self.arrivals.last().map_or(0, |last| last.at))
    }

    fn real(&self, nanos: u64) -> Duration {
        Duration::from_secs_f64(nanos as f64 / 1e9 / self.pace)
    }

    /// How many of the requests are refused when they are simulated.
    fn simulate(&self, setting: Setting, seed: u64) -> u64 {
        let arrivals = self.arrivals.iter().copied();
        let peak = self.arrivals.len();
        simulate(setting, self.clients, peak, seed, 0, arrivals).refused
    }

    /// Makes the requests.
    pub(crate) async fn run(&self, setting: Setting, seed: u64) -> Result<Live, LiveError> {
        let real = |duration: Duration| duration.div_f64(self.pace);
        let bind = || -> Result<Mux, LiveError> {
            Ok(Mux::builder(free_ports(setting.ports)?)
                .ttl(real(setting.ttl))
                .wait(real(setting.wait))
                .max_waiting(MAX_WAITING.0, MAX_WAITING.1)
                .bind()?)
        };
        // Somebody else may have taken a port that was free a moment before.
        let mux = bind().or_else(|_| bind()).or_else(|_| bind())?;
        let start = Instant::now() + Duration::from_millis(50);
        let mut sessions = JoinSet::new();
        let mut latest = Duration::ZERO;
        for arrival in self.arrivals.iter() {
            let due = start + self.real(arrival.at);
            sleep_until(due).await;
            latest = latest.max(due.elapsed());
            let client = if setting.multiplexed { address(arrival.client) } else { address(0) };
            let connects_after = arrival.connects_after.map(|after| self.real(after));
            sessions.spawn(session(mux.clone(), client, connects_after));
        }
        let mut waits: Histogram<u64> = Histogram::new(3).expect("three digits are possible");
        let (mut refused, mut lost) = (0, 0);
        while let Some(end) = sessions.join_next().await {
            let end = end.expect("sessions do not panic")?;
            refused += u64::from(end.result == Met::Refused);
            lost += u64::from(end.result == Met::Lost);
            let waited = end.waited.as_secs_f64() * self.pace * 1e6;
            waits.record(waited as u64).expect("it grows as needed");
        }
        mux.shutdown().await;
        Ok(Live {
            requests: self.arrivals.len() as u64,
            refused,
            simulated_refused: self.simulate(setting, seed),
            p99_wait: Duration::from_micros(waits.value_at_quantile(0.99)),
            lost,
            latest,
        })
    }
}

struct End {
    result: Met,
    waited: Duration,
}

#[derive(PartialEq, Eq)]
enum Met {
    Served,
    Refused,
    Lost,
}

/// One request, and what follows.
async fn session(
    mux: Mux,
    client: Ipv4Addr,
    connects_after: Option<Duration>,
) -> Result<End, LiveError> {
    let asked = Instant::now();
    let reserved = mux.reserve(IpAddr::from(client)).await;
    let waited = asked.elapsed();
    let mut reservation = match reserved {
        Ok(reservation) => reservation,
        Err(ReserveError::NoFreePort | ReserveError::QueueFull) => {
            return Ok(End { result: Met::Refused, waited });
        }
        Err(error) => return Err(LiveError::Refused(error)),
    };
    let Some(after) = connects_after else {
        // Nobody connects: the port comes back at the deadline.
        let _expired = reservation.accept().await;
        return Ok(End { result: Met::Served, waited });
    };
    sleep_until(asked + waited + after).await;
    let there = connect(client, reservation.port()).await;
    let result = match (there, reservation.accept().await) {
        (Ok(there), Ok(here)) => {
            // Without TIME_WAIT, so that thousands of connections leave nothing behind.
            for stream in [&there, &here] {
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
            }
            Met::Served
        }
        (Ok(_), Err(_expired)) => Met::Lost,
        (Err(error), _) if error.kind() == io::ErrorKind::ConnectionReset => Met::Lost,
        (Err(error), _) => return Err(LiveError::Connection(error)),
    };
    Ok(End { result, waited })
}

async fn connect(client: Ipv4Addr, port: u16) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((client, 0)))?;
    socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

/// An address on loopback for the client of that number.
fn address(client: u32) -> Ipv4Addr {
    const FIRST: u32 = 0x7f01_0001; // 127.1.0.1
    const LAST: u32 = 0x7fff_fffe;
    Ipv4Addr::from_bits(FIRST + client % (LAST - FIRST + 1))
}

/// Ports that nobody listens on.
fn free_ports(count: u16) -> Result<PortSet, LiveError> {
    let listen = || -> io::Result<(TcpListener, u16)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        Ok((listener, port))
    };
    let listeners: Vec<(TcpListener, u16)> = (0..count)
        .map(|_| listen())
        .collect::<io::Result<_>>()
        .map_err(|error| LiveError::Ports { ports: count, error })?;
    let ports = listeners.iter().map(|&(_, port)| port..=port);
    Ok(PortSet::new(ports).expect("at least one port, and none is 0"))
}

/// Whether a log's busiest stretch is what is run.
pub(crate) fn is_stretch(recording: &Recording, script: &Script) -> bool {
    recording.requests.len() > script.requests()
}
