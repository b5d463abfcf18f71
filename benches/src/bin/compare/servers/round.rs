//! One measurement of one server.

use super::client::{Client, Cycle};
use super::server::Server;
use super::storm::Storm;
use super::usage;
use super::workload::{Acks, Until, Work};
use hdrhistogram::Histogram;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What was measured.
#[derive(Debug)]
pub(super) struct Round {
    /// How long each finished cycle took, in nanoseconds.
    pub(super) times: Histogram<u64>,
    pub(super) refusals: u64,
    pub(super) errors: u64,
    pub(super) seconds: f64,
    /// The server's processor time.
    pub(super) cpu_seconds: f64,
    pub(super) peak_rss_kib: u64,
    /// How many strangers have connected.
    pub(super) strangers: u64,
}

impl Round {
    pub(super) fn cycles_per_second(&self) -> f64 {
        self.times.len() as f64 / self.seconds
    }

    pub(super) fn microseconds(&self, quantile: f64) -> f64 {
        if self.times.is_empty() {
            return f64::NAN;
        }
        self.times.value_at_quantile(quantile) as f64 / 1e3
    }

    pub(super) fn refused_percent(&self) -> f64 {
        100.0 * self.refusals as f64 / (self.refusals + self.times.len()).max(1) as f64
    }
}

/// What one client has seen.
#[derive(Debug, Default)]
struct Seen {
    cycles: Vec<Duration>,
    refusals: u64,
    errors: u64,
    first_error: Option<io::Error>,
}

/// Lets all clients work, while strangers connect if there is a storm of them.
pub(super) fn measure(
    server: &Server,
    clients: &mut [Client],
    (work, acks): (&Work, Acks),
    until: Until,
    storm: Option<Storm>,
) -> io::Result<Round> {
    let process = server.process();
    let stop = AtomicBool::new(false);
    let calm = AtomicBool::new(false);
    let (stop, calm) = (&stop, &calm);
    let (seen, elapsed, cpu, strangers) = thread::scope(|scope| -> io::Result<_> {
        let storm = storm.map(|storm| scope.spawn(move || storm.blow(server, calm)));
        let cpu_before = usage::cpu_time(process)?;
        let start = Instant::now();
        let running: Vec<_> = clients
            .iter_mut()
            .map(|client| scope.spawn(move || run_cycles(client, work, acks, until, stop)))
            .collect();
        if let Until::Seconds(seconds) = until {
            thread::sleep(Duration::from_secs_f64(seconds));
            stop.store(true, Ordering::Relaxed);
        }
        let seen: Vec<Seen> =
            running.into_iter().map(|one| one.join().expect("clients do not panic")).collect();
        let elapsed = start.elapsed();
        let cpu = usage::cpu_time(process)?.saturating_sub(cpu_before);
        calm.store(true, Ordering::Relaxed);
        let strangers = storm.map_or(0, |storm| storm.join().expect("strangers do not panic"));
        Ok((seen, elapsed, cpu, strangers))
    })?;

    if let Some(error) = seen.iter().find_map(|seen| seen.first_error.as_ref()) {
        eprintln!("{}: a client failed: {error}", server.kind);
    }
    let times = histogram(seen.iter().flat_map(|seen| &seen.cycles));
    Ok(Round {
        times,
        refusals: seen.iter().map(|seen| seen.refusals).sum(),
        errors: seen.iter().map(|seen| seen.errors).sum(),
        seconds: elapsed.as_secs_f64(),
        cpu_seconds: cpu.as_secs_f64(),
        peak_rss_kib: usage::peak_rss(process)?,
        strangers,
    })
}

/// Longer ones count as so long.
const LONGEST: Duration = Duration::from_secs(600);

fn histogram<'a>(times: impl Iterator<Item = &'a Duration>) -> Histogram<u64> {
    let bound = LONGEST.as_nanos() as u64;
    let mut histogram = Histogram::new_with_max(bound, 3).expect("a range and a precision");
    for time in times {
        histogram.saturating_record(time.as_nanos() as u64);
    }
    histogram
}

fn run_cycles(
    client: &mut Client,
    work: &Work,
    acks: Acks,
    until: Until,
    stop: &AtomicBool,
) -> Seen {
    let mut seen = Seen { cycles: Vec::with_capacity(4096), ..Seen::default() };
    let done = |seen: &Seen| match until {
        Until::Seconds(_) => stop.load(Ordering::Relaxed),
        // A server that fails again and again is given up.
        Until::Once => !seen.cycles.is_empty() || seen.errors > 20,
    };
    while !done(&seen) {
        let start = Instant::now();
        match client.cycle(work, acks) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_times() {
        let times: Vec<Duration> = (1..=1000).map(Duration::from_micros).collect();
        let round = Round {
            times: histogram(times.iter()),
            refusals: 1000,
            errors: 0,
            seconds: 2.0,
            cpu_seconds: 1.0,
            peak_rss_kib: 1,
            strangers: 0,
        };
        for (quantile, expected) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0)] {
            let measured = round.microseconds(quantile);
            assert!((measured - expected).abs() < 2.0, "{quantile}: {measured}");
        }
        assert_eq!(round.cycles_per_second(), 500.0);
        assert_eq!(round.refused_percent(), 50.0);
    }
}
