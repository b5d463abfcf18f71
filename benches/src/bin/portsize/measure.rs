//! Simulated figures: independent replications of one run, put together.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rayon::prelude::*;

use crate::holding::nanos;
use crate::interval::{self, CONFIDENCE, Interval};
use crate::progress::Progress;
use crate::quantity::count;
use crate::simulate::{Outcome, Setting, refused_of_each, simulate};
use crate::workload::{Share, Workload};

/// How much is simulated for one figure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) replications: u64,
    /// Requests that count, of each replication.
    pub(crate) requests: u64,
    /// Requests before this do not count.
    pub(crate) warm_up: Duration,
    pub(crate) seed: u64,
    /// Whether each replication has only its share of the requests.
    shared: bool,
}

/// Enough to tell a difference of a tenth at the default target, and for everybody to wait for.
const REPLICATIONS: u64 = 10;
/// Logs so long are replayed less often: they hold many requests themselves.
const LONG: u64 = 25_000;
/// Logs so long are simulated once, in shares.
const VERY_LONG: u64 = 1_000_000;
const SHARES: u64 = 8;
/// Without some, there is no spread between them; an even number keeps two processors busy.
const FEWEST_REPLICATIONS: u64 = 4;
/// Enough to tell who is refused.
const REPLICATIONS_TO_TELL: u64 = 20;

impl Plan {
    /// Requests simulated for one figure.
    pub(crate) fn size(&self, workload: &Workload) -> f64 {
        let warm_up = workload.per_second() * self.warm_up.as_secs_f64();
        self.replications as f64 * (self.requests as f64 + warm_up)
    }

    /// Which of the requests a replication has, if not all.
    fn share(&self, number: u64) -> Option<Share> {
        self.shared.then_some(Share { number, of: self.replications })
    }

    /// What the target needs: at least some tens of refusals at a share equal to the target.
    pub(crate) fn new(
        workload: &Workload,
        target: f64,
        wait: Duration,
        requests: Option<u64>,
        seed: u64,
    ) -> Self {
        let total = requests.unwrap_or(((40.0 / target) as u64).max(200_000));
        match workload.size() {
            Some(size) if size >= VERY_LONG && workload.is_recorded() => Self {
                replications: SHARES,
                requests: size / SHARES,
                warm_up: Duration::ZERO,
                seed,
                shared: true,
            },
            Some(size) => {
                let least = (REPLICATIONS * LONG / size).clamp(FEWEST_REPLICATIONS, REPLICATIONS);
                let replications = total.div_ceil(size).max(least);
                let warm_up = Duration::ZERO;
                Self { replications, requests: size, warm_up, seed, shared: false }
            }
            None => {
                let warm_up = workload.holding.settled_after() + wait;
                // A run is to be long beside its warm-up.
                let least = (workload.per_second() * warm_up.as_secs_f64()) as u64;
                let requests = (total / REPLICATIONS).max(least);
                Self { replications: REPLICATIONS, requests, warm_up, seed, shared: false }
            }
        }
    }
}

/// One figure that is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) setting: Setting,
    /// Requests come so many times as fast.
    pub(crate) speed: f64,
}

/// One figure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) requests: u64,
    pub(crate) refused: Interval,
    /// Within what time 99 of 100 requests had their answer, refused ones included.
    pub(crate) p99_wait: Duration,
}

/// Simulates, and remembers what it has simulated.
#[derive(Debug)]
pub(crate) struct Measurer<'a> {
    workload: &'a Workload,
    plan: Plan,
    known: HashMap<(Setting, u64), Measured>,
    peaks: HashMap<(Duration, u64), usize>,
    simulated: AtomicU64,
    progress: Progress,
}

impl<'a> Measurer<'a> {
    pub(crate) fn new(workload: &'a Workload, plan: Plan, progress: Progress) -> Self {
        Self {
            workload,
            plan,
            known: HashMap::new(),
            peaks: HashMap::new(),
            simulated: AtomicU64::new(0),
            progress,
        }
    }

    /// All requests simulated so far.
    pub(crate) fn simulated(&self) -> u64 {
        self.simulated.load(Ordering::Relaxed)
    }

    pub(crate) fn measure(&mut self, wanted: Wanted) -> Measured {
        self.measure_all(&[wanted])[0]
    }

    /// All at once, on all processors.
    pub(crate) fn measure_all(&mut self, wanted: &[Wanted]) -> Vec<Measured> {
        let key = |wanted: &Wanted| (wanted.setting, wanted.speed.to_bits());
        let mut missing: Vec<(Wanted, usize)> = Vec::new();
        for one in wanted {
            let new = !self.known.contains_key(&key(one));
            if new && !missing.iter().any(|(other, _)| key(other) == key(one)) {
                missing.push((*one, self.peak(one)));
            }
        }
        let jobs: Vec<(usize, u64)> = (0..missing.len())
            .flat_map(|one| (0..self.plan.replications).map(move |replication| (one, replication)))
            .collect();
        let this = &*self;
        let mut merged: Vec<Merged> = jobs
            .par_iter()
            .fold(Vec::new, |mut merged: Vec<Merged>, &(one, replication)| {
                let (wanted, peak) = missing[one];
                let outcome = this.replicate(wanted, peak, replication);
                Merged::of(&mut merged, one).add(&outcome);
                merged
            })
            .reduce(Vec::new, |mut all, more| {
                for one in more {
                    Merged::of(&mut all, one.number).join(one);
                }
                all
            });
        merged.sort_unstable_by_key(|one| one.number);
        for one in merged {
            let (wanted, _) = missing[one.number];
            self.known.insert(key(&wanted), one.measured());
        }
        wanted.iter().map(|one| self.known[&key(one)]).collect()
    }

    /// How many requests of each client are refused in some replications.
    pub(crate) fn refused_of_each(&mut self, wanted: Wanted) -> Vec<u64> {
        let peak = self.peak(&wanted);
        let Wanted { setting, speed } = wanted;
        let this = &*self;
        let replications = this.plan.replications.min(REPLICATIONS_TO_TELL);
        let none = || vec![0; this.workload.clients() as usize];
        (0..replications)
            .into_par_iter()
            .map(|replication| {
                let seed = seed_of(this.plan.seed, replication);
                let share = this.plan.share(replication);
                let arrivals = this.workload.arrivals(seed, speed, 0, this.plan.requests, share);
                refused_of_each(setting, this.workload.clients(), peak, seed, arrivals)
            })
            .reduce(none, |mut all, more| {
                for (all, more) in all.iter_mut().zip(more) {
                    *all += more;
                }
                all
            })
    }

    fn peak(&mut self, wanted: &Wanted) -> usize {
        let Wanted { setting, speed } = *wanted;
        let window = setting.ttl + setting.wait;
        *self
            .peaks
            .entry((window, speed.to_bits()))
            .or_insert_with(|| self.workload.peak(window, speed))
    }

    fn replicate(&self, wanted: Wanted, peak: usize, replication: u64) -> Outcome {
        let Wanted { setting, speed } = wanted;
        let Plan { requests, warm_up, seed, .. } = self.plan;
        let warm_up = (nanos(warm_up) as f64 / speed) as u64;
        // The same requests for every setting: differences are then those of the settings.
        let seed = seed_of(seed, replication);
        let share = self.plan.share(replication);
        let arrivals = self.workload.arrivals(seed, speed, warm_up, requests, share);
        let outcome = simulate(setting, self.workload.clients(), peak, seed, warm_up, arrivals);
        let before = self.simulated.fetch_add(outcome.simulated, Ordering::Relaxed);
        let all = count(before + outcome.simulated);
        self.progress.say(format!("{all} requests simulated, now on {} ports", setting.ports));
        outcome
    }
}

/// The seed of a replication.
pub(crate) fn seed_of(seed: u64, replication: u64) -> u64 {
    // Neighbouring seeds are as good as distant ones, but must not meet.
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(replication)
}

/// What some replications of one figure have come to.
#[derive(Debug)]
struct Merged {
    number: usize,
    replications: Vec<(u64, u64)>,
    sum: Outcome,
}

impl Merged {
    fn of(all: &mut Vec<Self>, number: usize) -> &mut Self {
        let position = all.iter().position(|one| one.number == number).unwrap_or_else(|| {
            all.push(Self { number, replications: Vec::new(), sum: Outcome::new() });
            all.len() - 1
        });
        &mut all[position]
    }

    fn add(&mut self, outcome: &Outcome) {
        self.replications.push((outcome.requests, outcome.refused));
        self.sum.requests += outcome.requests;
        self.sum.waits.add(&outcome.waits).expect("it grows as needed");
    }

    fn join(&mut self, other: Self) {
        self.replications.extend(other.replications);
        self.sum.requests += other.sum.requests;
        self.sum.waits.add(&other.sum.waits).expect("it grows as needed");
    }

    fn measured(mut self) -> Measured {
        // Floating point sums depend on the order.
        self.replications.sort_unstable();
        Measured {
            requests: self.sum.requests,
            refused: interval::of_replications(&self.replications, CONFIDENCE),
            p99_wait: Duration::from_micros(self.sum.waits.value_at_quantile(0.99)),
        }
    }
}
