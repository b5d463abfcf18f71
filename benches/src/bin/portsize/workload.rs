//! When who asks for a port, and when they connect.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp1};

use crate::holding::{Holding, nanos};
use crate::population::Population;
use crate::recording::{Recording, SECOND, Stamp};

/// One request for a port.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Arrival {
    /// Nanoseconds since the start.
    pub(crate) at: u64,
    pub(crate) client: u32,
    /// Nanoseconds from the reply to the connection; `None` if it never comes, or too late.
    pub(crate) connects_after: Option<u64>,
}

/// Where requests come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Every session asks again and again, at moments independent of each other.
    Steady { population: Population, per_second: f64, parallel: u32 },
    /// Every session asks for `files` ports within `window`, at random moments.
    Burst { population: Population, window: Duration, files: u32, parallel: u32 },
    /// A log.
    Recorded(Recording),
}

/// Requests, and how long the ports they get are taken.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) source: Source,
    pub(crate) holding: Holding,
}

/// Offered loads with the share of requests that meets each.
pub(crate) type Loads = Vec<(f64, f64)>;

impl Workload {
    pub(crate) fn clients(&self) -> u32 {
        match &self.source {
            Source::Steady { population, .. } | Source::Burst { population, .. } => {
                population.clients()
            }
            Source::Recorded(recording) => recording.clients.len() as u32,
        }
    }

    /// How many requests there are, if that is fixed.
    pub(crate) fn size(&self) -> Option<u64> {
        match &self.source {
            Source::Steady { .. } => None,
            Source::Burst { population, files, .. } => {
                Some(population.sessions() * u64::from(*files))
            }
            Source::Recorded(recording) => Some(recording.requests.len() as u64),
        }
    }

    /// Requests a second, over all clients, on average.
    pub(crate) fn per_second(&self) -> f64 {
        match &self.source {
            Source::Steady { population, per_second, .. } => {
                population.sessions() as f64 * per_second
            }
            Source::Burst { population, window, files, .. } => {
                population.sessions() as f64 * f64::from(*files) / window.as_secs_f64()
            }
            Source::Recorded(recording) => {
                recording.requests.len() as f64 / (recording.span() as f64 / 1e9)
            }
        }
    }

    /// The offered loads of single clients. Those of a log are taken hour by hour.
    pub(crate) fn loads_per_client(&self) -> Loads {
        let held = self.holding.mean().as_secs_f64();
        match &self.source {
            Source::Steady { population, .. } | Source::Burst { population, .. } => {
                let all = population.sessions() as f64;
                let of_session = self.per_second() / all * held;
                population
                    .groups()
                    .iter()
                    .map(|group| {
                        let share = group.all_sessions() as f64 / all;
                        (share, f64::from(group.sessions) * of_session)
                    })
                    .collect()
            }
            Source::Recorded(recording) => hourly(recording, held, |stamp| stamp.client),
        }
    }

    /// The offered load of all clients together.
    pub(crate) fn loads_together(&self) -> Loads {
        match &self.source {
            Source::Recorded(recording) => {
                hourly(recording, self.holding.mean().as_secs_f64(), |_| 0)
            }
            _ => vec![(1.0, self.per_second() * self.holding.mean().as_secs_f64())],
        }
    }

    /// An upper bound for the requests that come within `window`, when they come `speed` times
    /// as fast.
    pub(crate) fn peak(&self, window: Duration, speed: f64) -> usize {
        let window = window.as_secs_f64() * speed;
        match &self.source {
            Source::Recorded(recording) => recording.peak((window * 1e9) as u64 + 2 * SECOND),
            Source::Steady { parallel, .. } | Source::Burst { parallel, .. } => {
                let mean = self.per_second() * window;
                let parallel = f64::from(*parallel);
                (mean + 10.0 * (mean * parallel).sqrt() + 100.0 * parallel) as usize
            }
        }
    }

    /// Requests in the order of time, `speed` times as fast; the same ones for the same `seed`.
    /// Steady ones end when `requests` have come after `warm_up` nanoseconds.
    pub(crate) fn arrivals(
        &self,
        seed: u64,
        speed: f64,
        warm_up: u64,
        requests: u64,
    ) -> Box<dyn Iterator<Item = Arrival> + '_> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut times = StdRng::from_rng(&mut random);
        let sampler = self.holding.sampler();
        let moments: Box<dyn Iterator<Item = Stamp> + '_> = match &self.source {
            Source::Steady { population, per_second, parallel } => {
                let rate = population.sessions() as f64 * per_second * speed;
                Box::new(steady(population, rate, *parallel, warm_up, requests, random))
            }
            Source::Burst { population, window, files, parallel } => {
                let moments = burst(population, nanos(*window), *files, *parallel, random);
                Box::new(moments.into_iter().map(move |stamp| faster(stamp, speed)))
            }
            Source::Recorded(recording) => Box::new(
                WithinSeconds::new(recording, random).map(move |stamp| faster(stamp, speed)),
            ),
        };
        Box::new(moments.map(move |Stamp { at, client }| Arrival {
            at,
            client,
            connects_after: sampler.draw(&mut times),
        }))
    }
}

fn faster(stamp: Stamp, speed: f64) -> Stamp {
    if speed == 1.0 { stamp } else { Stamp { at: (stamp.at as f64 / speed) as u64, ..stamp } }
}

/// The requests of many independent sessions: one Poisson process, whose every moment belongs to
/// a random session.
fn steady(
    population: &Population,
    rate: f64,
    parallel: u32,
    warm_up: u64,
    requests: u64,
    mut random: StdRng,
) -> impl Iterator<Item = Stamp> {
    let mean = 1e9 * f64::from(parallel) / rate;
    let sessions = population.sessions();
    let (mut now, mut due, mut client, mut left) = (0.0, 0, 0, requests);
    std::iter::from_fn(move || {
        if due == 0 {
            let gap: f64 = Exp1.sample(&mut random);
            now += gap * mean;
            client = population.client_of(random.random_range(0..sessions));
            due = parallel;
        }
        due -= 1;
        let at = now as u64;
        if at >= warm_up {
            left = left.checked_sub(1)?;
        }
        Some(Stamp { at, client })
    })
}

fn burst(
    population: &Population,
    window: u64,
    files: u32,
    parallel: u32,
    mut random: StdRng,
) -> Vec<Stamp> {
    let mut stamps = Vec::new();
    for session in 0..population.sessions() {
        let client = population.client_of(session);
        let mut at = 0;
        for file in 0..files {
            if file % parallel == 0 {
                at = random.random_range(0..window);
            }
            stamps.push(Stamp { at, client });
        }
    }
    stamps.sort_unstable();
    stamps
}

/// A recording with its requests spread over the seconds that they are known to have come in.
struct WithinSeconds<'a> {
    rest: &'a [Stamp],
    whole_seconds: bool,
    /// Those of the present second, the last first.
    second: Vec<Stamp>,
    random: StdRng,
}

impl<'a> WithinSeconds<'a> {
    fn new(recording: &'a Recording, random: StdRng) -> Self {
        let Recording { requests, whole_seconds, .. } = recording;
        Self { rest: requests, whole_seconds: *whole_seconds, second: Vec::new(), random }
    }
}

impl Iterator for WithinSeconds<'_> {
    type Item = Stamp;

    fn next(&mut self) -> Option<Stamp> {
        if !self.whole_seconds {
            let (first, rest) = self.rest.split_first()?;
            self.rest = rest;
            return Some(*first);
        }
        if self.second.is_empty() {
            let now = self.rest.first()?.at;
            let (second, rest) = self.rest.split_at(self.rest.partition_point(|s| s.at <= now));
            self.rest = rest;
            self.second.extend(second.iter().map(|stamp| Stamp {
                at: stamp.at + self.random.random_range(0..SECOND),
                ..*stamp
            }));
            self.second.sort_unstable_by(|a, b| b.cmp(a));
        }
        self.second.pop()
    }
}

/// The loads of a recording, hour by hour, of whom `key` tells apart.
fn hourly(recording: &Recording, held: f64, key: impl Fn(&Stamp) -> u32) -> Loads {
    let hour = recording.span().min(3600 * SECOND);
    let mut counts: HashMap<(u64, u32), u64> = HashMap::new();
    for stamp in &recording.requests {
        // The last moment belongs to the hour that it ends.
        let number = (stamp.at / hour).min((recording.span() - 1) / hour);
        *counts.entry((number, key(stamp))).or_default() += 1;
    }
    let mut alike: BTreeMap<u64, u64> = BTreeMap::new();
    for count in counts.into_values() {
        *alike.entry(count).or_default() += 1;
    }
    let all = recording.requests.len() as f64;
    let hour = hour as f64 / 1e9;
    alike
        .into_iter()
        .map(|(count, times)| {
            let requests = count as f64;
            (requests * times as f64 / all, requests / hour * held)
        })
        .collect()
}
