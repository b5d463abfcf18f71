//! One measurement of one server.

use crate::client::{Client, Cycle};
use crate::kind::ServerKind;
use crate::options::Acks;
use crate::server::Server;
use crate::usage;
use serde::Serialize;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Round {
    pub(crate) server: ServerKind,
    pub(crate) acks: Acks,
    /// Its number; 0 is the warm-up.
    pub(crate) round: u32,
    pub(crate) cycles: u64,
    pub(crate) refusals: u64,
    pub(crate) errors: u64,
    pub(crate) seconds: f64,
    /// The server's processor time.
    pub(crate) cpu_seconds: f64,
    /// The processor time of all clients together.
    pub(crate) client_cpu_seconds: f64,
    /// How long half of the cycles, and 99 of 100, took at most.
    pub(crate) p50_seconds: f64,
    pub(crate) p99_seconds: f64,
    pub(crate) peak_rss_kib: u64,
}

impl Round {
    pub(crate) fn cycles_per_second(&self) -> f64 {
        self.cycles as f64 / self.seconds
    }

    pub(crate) fn cpu_per_cycle(&self) -> f64 {
        self.cpu_seconds / self.cycles as f64
    }

    pub(crate) fn client_cpu_per_cycle(&self) -> f64 {
        self.client_cpu_seconds / self.cycles as f64
    }
}

/// What one client has seen.
#[derive(Debug, Default)]
struct Seen {
    /// How long each finished cycle took.
    cycles: Vec<Duration>,
    refusals: u64,
    errors: u64,
    first_error: Option<io::Error>,
}

/// Lets all clients run cycles for `seconds`; each finishes the one that it is in.
pub(crate) fn measure(
    server: &Server,
    clients: &mut [Client],
    acks: Acks,
    round: u32,
    seconds: f64,
) -> io::Result<Round> {
    let process = server.process();
    let stop = AtomicBool::new(false);
    let cpu_before = usage::cpu_time(process)?;
    let own_before = usage::own_cpu_time()?;
    let start = Instant::now();
    let mut seen: Vec<Seen> = thread::scope(|scope| {
        let running: Vec<_> = clients
            .iter_mut()
            .map(|client| scope.spawn(|| run_cycles(client, acks, &stop)))
            .collect();
        thread::sleep(Duration::from_secs_f64(seconds));
        stop.store(true, Ordering::Relaxed);
        running.into_iter().map(|client| client.join().expect("clients do not panic")).collect()
    });
    let elapsed = start.elapsed();
    let cpu = usage::cpu_time(process)?.saturating_sub(cpu_before);
    let client_cpu = usage::own_cpu_time()?.saturating_sub(own_before);

    if let Some(error) = seen.iter_mut().find_map(|seen| seen.first_error.take()) {
        eprintln!("{}: a client failed: {error}", server.kind);
    }
    let mut times: Vec<Duration> = seen.iter().flat_map(|seen| seen.cycles.clone()).collect();
    times.sort_unstable();
    let within = |part: f64| {
        let index = (times.len() as f64 * part) as usize;
        times.get(index.min(times.len().saturating_sub(1))).map_or(f64::NAN, Duration::as_secs_f64)
    };
    Ok(Round {
        server: server.kind,
        acks,
        round,
        cycles: times.len() as u64,
        refusals: seen.iter().map(|seen| seen.refusals).sum(),
        errors: seen.iter().map(|seen| seen.errors).sum(),
        seconds: elapsed.as_secs_f64(),
        cpu_seconds: cpu.as_secs_f64(),
        client_cpu_seconds: client_cpu.as_secs_f64(),
        p50_seconds: within(0.50),
        p99_seconds: within(0.99),
        peak_rss_kib: usage::peak_rss(process)?,
    })
}

fn run_cycles(client: &mut Client, acks: Acks, stop: &AtomicBool) -> Seen {
    let mut seen = Seen { cycles: Vec::with_capacity(4096), ..Seen::default() };
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        match client.cycle(acks) {
            Ok(Cycle::Done) => seen.cycles.push(start.elapsed()),
            Ok(Cycle::Refused) => seen.refusals += 1,
            Err(error) => {
                seen.errors += 1;
                seen.first_error.get_or_insert(error);
                if let Err(error) = client.renew() {
                    seen.first_error = Some(error);
                    thread::sleep(Duration::from_millis(10));
                }
            }
        }
    }
    seen
}
