//! When who asks for a port, and when they connect.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp1};

use crate::held::Held;
use crate::holding::{Holding, nanos};
use crate::population::Population;
use crate::recording::{Grain, NOT_MEASURED, Recording, SECOND, Stamp};

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

/// A part of a log that is so long that each request is simulated only once: every so many of
/// its pieces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) number: u64,
    pub(crate) of: u64,
}

impl Share {
    /// Each share has as many pieces, spread over all of the log. They are long beside the time
    /// that anybody holds a port.
    const PIECES: u64 = 16;

    fn pieces(self, requests: &[Stamp]) -> Vec<&[Stamp]> {
        let (all, pieces) = (requests.len() as u64, self.of * Self::PIECES);
        (0..Self::PIECES)
            .map(|piece| {
                let piece = piece * self.of + self.number;
                &requests[(all * piece / pieces) as usize..(all * (piece + 1) / pieces) as usize]
            })
            .collect()
    }
}

/// Requests, and how long the ports they get are taken.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) source: Source,
    pub(crate) holding: Holding,
    /// The times from reply to connection that a log has told, which are then used.
    pub(crate) held: Option<Held>,
}

/// Offered loads with the share of requests that meets each.
pub(crate) type Loads = Vec<(f64, f64)>;

impl Workload {
    pub(crate) fn new(source: Source, holding: Holding) -> Self {
        let held = match &source {
            Source::Recorded(recording) => Held::new(recording, &holding),
            Source::Steady { .. } | Source::Burst { .. } => None,
        };
        Self { source, holding, held }
    }

    /// Whether the requests are those of a log.
    pub(crate) fn is_recorded(&self) -> bool {
        matches!(self.source, Source::Recorded(_))
    }

    /// The mean time that a port is taken.
    pub(crate) fn mean_held(&self) -> Duration {
        self.held.as_ref().map_or_else(|| self.holding.mean(), Held::mean)
    }

    /// Whether it is exponential, but for a difference that nobody sees.
    pub(crate) fn is_exponential(&self) -> bool {
        self.held.is_none() && self.holding.is_exponential()
    }

    /// The mean time that a port is taken for each request of a recording, in seconds.
    pub(crate) fn held_by(&self) -> impl Fn(&Stamp) -> f64 {
        let mean = self.holding.mean().as_secs_f64();
        move |stamp| self.held.as_ref().map_or(mean, |held| held.expected(stamp))
    }

    /// The same requests, coming `times` as fast.
    pub(crate) fn speed_up(&mut self, times: f64) {
        match &mut self.source {
            Source::Steady { per_second, .. } => *per_second *= times,
            Source::Burst { window, .. } => *window = window.div_f64(times),
            Source::Recorded(recording) => recording.speed_up(times),
        }
    }

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
        let held = self.mean_held().as_secs_f64();
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
            Source::Recorded(recording) => self.hourly(recording, |stamp| stamp.client),
        }
    }

    /// The offered load of all clients together.
    pub(crate) fn loads_together(&self) -> Loads {
        match &self.source {
            Source::Recorded(recording) => self.hourly(recording, |_| 0),
            _ => vec![(1.0, self.per_second() * self.mean_held().as_secs_f64())],
        }
    }

    /// An upper bound for the requests that come within `window`, when they come `speed` times
    /// as fast.
    pub(crate) fn peak(&self, window: Duration, speed: f64) -> usize {
        let window = window.as_secs_f64() * speed;
        match &self.source {
            Source::Recorded(recording) => {
                recording.peak((window * 1e9) as u64 + 2 * recording.grain.nanos().max(SECOND))
            }
            Source::Steady { parallel, .. } | Source::Burst { parallel, .. } => {
                let mean = self.per_second() * window;
                let parallel = f64::from(*parallel);
                (mean + 10.0 * (mean * parallel).sqrt() + 100.0 * parallel) as usize
            }
        }
    }

    /// Requests in the order of time, `speed` times as fast; the same ones for the same `seed`.
    /// Steady ones end when `requests` have come after `warm_up` nanoseconds; of a log, it may be
    /// only a part.
    pub(crate) fn arrivals(
        &self,
        seed: u64,
        speed: f64,
        warm_up: u64,
        requests: u64,
        part: Option<Share>,
    ) -> Box<dyn Iterator<Item = Arrival> + '_> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut times = StdRng::from_rng(&mut random);
        let sampler = self.holding.sampler();
        let mut connects_after = move |stamp: &Stamp| match &self.held {
            Some(held) => held.draw(stamp, &mut times),
            None => sampler.draw(&mut times),
        };
        let moments: Box<dyn Iterator<Item = Stamp> + '_> = match &self.source {
            Source::Steady { population, per_second, parallel } => {
                let rate = population.sessions() as f64 * per_second * speed;
                Box::new(steady(population, rate, *parallel, warm_up, requests, random))
            }
            Source::Burst { population, window, files, parallel } => {
                let moments = burst(population, nanos(*window), *files, *parallel, random);
                Box::new(moments.into_iter().map(move |stamp| faster(stamp, speed)))
            }
            Source::Recorded(recording) => {
                let all = &recording.requests[..];
                let pieces = part.map_or_else(|| vec![all], |part| part.pieces(all));
                let stamps = pieces.into_iter().flat_map(move |piece| {
                    WithinGrains::new(piece, recording.grain, StdRng::from_rng(&mut random))
                });
                Box::new(stamps.map(move |stamp| faster(stamp, speed)))
            }
        };
        Box::new(moments.map(move |stamp| {
            let Stamp { at, client, .. } = stamp;
            Arrival { at, client, connects_after: connects_after(&stamp) }
        }))
    }

    /// The loads of a recording, hour by hour, of whom `key` tells apart.
    fn hourly(&self, recording: &Recording, key: impl Fn(&Stamp) -> u32) -> Loads {
        let held_by = self.held_by();
        let mut counts: HashMap<(u64, u32), (u64, f64)> = HashMap::new();
        for stamp in &recording.requests {
            let (count, held) = counts.entry((recording.hour_of(stamp), key(stamp))).or_default();
            *count += 1;
            *held += held_by(stamp);
        }
        let mut alike: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        for (count, held) in counts.into_values() {
            // To the microsecond: sums depend on their order.
            *alike.entry((count, (held * 1e6).round() as u64)).or_default() += 1;
        }
        let all = recording.requests.len() as f64;
        let hour = recording.hour() as f64 / 1e9;
        alike
            .into_iter()
            .map(|((count, held), times)| {
                (count as f64 * times as f64 / all, held as f64 / 1e6 / hour)
            })
            .collect()
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
        Some(Stamp { at, client, held: NOT_MEASURED })
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
            stamps.push(Stamp { at, client, held: NOT_MEASURED });
        }
    }
    stamps.sort_unstable();
    stamps
}

/// A recording with its requests spread over the seconds, or minutes, that they are known to have
/// come in.
struct WithinGrains<'a> {
    rest: &'a [Stamp],
    grain: Grain,
    /// Those of the present one, the last first.
    present: Vec<Stamp>,
    random: StdRng,
}

impl<'a> WithinGrains<'a> {
    fn new(rest: &'a [Stamp], grain: Grain, random: StdRng) -> Self {
        Self { rest, grain, present: Vec::new(), random }
    }
}

impl Iterator for WithinGrains<'_> {
    type Item = Stamp;

    fn next(&mut self) -> Option<Stamp> {
        if self.grain == Grain::Fine {
            let (first, rest) = self.rest.split_first()?;
            self.rest = rest;
            return Some(*first);
        }
        if self.present.is_empty() {
            let now = self.rest.first()?.at;
            let (present, rest) =
                self.rest.split_at(self.rest.iter().take_while(|s| s.at <= now).count());
            self.rest = rest;
            self.present.extend(present.iter().map(|stamp| Stamp {
                at: stamp.at + self.random.random_range(0..self.grain.nanos()),
                ..*stamp
            }));
            self.present.sort_unstable_by(|a, b| b.cmp(a));
        }
        self.present.pop()
    }
}
