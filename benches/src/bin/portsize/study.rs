//! Which numbers of ports are looked at, what is found, and which number is enough.

use std::time::Duration;

use crate::erlang;
use crate::live::Live;
use crate::measure::{Measured, Measurer, Wanted};
use crate::simulate::Setting;
use crate::workload::{Loads, Workload};

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    pub(crate) refused: f64,
    pub(crate) p99_wait: Option<Duration>,
    pub(crate) wait: Duration,
    pub(crate) ttl: Duration,
}

impl Goal {
    /// Whether a figure reaches it, with all of its interval.
    pub(crate) fn reached(&self, measured: &Measured) -> bool {
        measured.refused.high <= self.refused
            && self.p99_wait.is_none_or(|most| measured.p99_wait <= most)
    }
}

/// Everything about one way to use ports: multiplexed, or one for everybody.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) multiplexed: bool,
    pub(crate) loads: Loads,
    pub(crate) rows: Vec<Row>,
    pub(crate) enough: Option<Enough>,
}

/// One number of ports.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) ports: u16,
    pub(crate) at_once: Answers,
    /// `None` if nobody waits.
    pub(crate) waiting: Option<Answers>,
}

/// The share refused, from each of the three.
#[derive(Debug)]
pub(crate) struct Answers {
    /// `None` if no formula holds.
    pub(crate) analysis: Option<f64>,
    pub(crate) simulated: Measured,
    pub(crate) live: Option<Live>,
}

impl Row {
    /// The figure that the goal is about.
    pub(crate) fn decisive(&self) -> &Measured {
        &self.waiting.as_ref().unwrap_or(&self.at_once).simulated
    }
}

/// The fewest ports that reach the goal, and what margin they leave.
#[derive(Debug)]
pub(crate) struct Enough {
    pub(crate) ports: u16,
    pub(crate) measured: Measured,
    /// One port fewer.
    pub(crate) fewer: Option<Measured>,
    /// When requests come this many times as fast.
    pub(crate) faster: Vec<Faster>,
}

#[derive(Debug)]
pub(crate) struct Faster {
    pub(crate) speed: f64,
    pub(crate) measured: Measured,
    /// How many ports that would take.
    pub(crate) ports: Option<u16>,
}

/// Ten per cent more, and twice as much.
const SPEEDS: [f64; 2] = [1.1, 2.0];

/// Looks at one way to use ports. `widths` are the numbers of ports to look at, if not those
/// that matter.
pub(crate) fn side(
    workload: &Workload,
    goal: Goal,
    measurer: &mut Measurer<'_>,
    multiplexed: bool,
    widths: Option<&[u16]>,
) -> Side {
    let loads = if multiplexed { workload.loads_per_client() } else { workload.loads_together() };
    let setting = |ports, wait| Setting { ports, multiplexed, wait, ttl: goal.ttl };
    let held = workload.mean_held().as_secs_f64();
    let patience = goal.wait.as_secs_f64() / held;
    let guess = fewest(|ports| {
        let refused = |load| erlang::refused_after_waiting(ports.into(), load, patience);
        mean(&loads, refused) <= goal.refused
    });

    let mut found = |speed, guess| {
        fewest_near(guess, |ports| {
            let wanted = Wanted { setting: setting(ports, goal.wait), speed };
            goal.reached(&measurer.measure(wanted))
        })
    };
    let ports = found(1.0, guess);
    let speeds: Vec<(f64, Option<u16>)> = match ports {
        Some(ports) if multiplexed => {
            SPEEDS.iter().map(|&speed| (speed, found(speed, ports))).collect()
        }
        _ => Vec::new(),
    };
    let enough = ports.map(|ports| {
        let mut measure =
            |ports, speed| measurer.measure(Wanted { setting: setting(ports, goal.wait), speed });
        Enough {
            ports,
            measured: measure(ports, 1.0),
            fewer: (ports > 1).then(|| measure(ports - 1, 1.0)),
            faster: speeds
                .into_iter()
                .map(|(speed, more)| Faster { speed, measured: measure(ports, speed), ports: more })
                .collect(),
        }
    });

    let matter = widths_that_matter(ports.unwrap_or(guess));
    let widths = widths.unwrap_or(&matter);
    let mut waits = vec![Duration::ZERO];
    if !goal.wait.is_zero() {
        waits.push(goal.wait);
    }
    let wanted: Vec<Wanted> = widths
        .iter()
        .flat_map(|&ports| waits.iter().map(move |&wait| (ports, wait)))
        .map(|(ports, wait)| Wanted { setting: setting(ports, wait), speed: 1.0 })
        .collect();
    let measured = measurer.measure_all(&wanted);
    let rows = widths
        .iter()
        .zip(measured.chunks(waits.len()))
        .map(|(&ports, measured)| {
            let at_once = |load| erlang::refused_at_once(ports.into(), load);
            let waiting = |load| erlang::refused_after_waiting(ports.into(), load, patience);
            let exponential = workload.is_exponential();
            let answers = |analysis, simulated| Answers { analysis, simulated, live: None };
            Row {
                ports,
                at_once: answers(Some(mean(&loads, at_once)), measured[0]),
                waiting: measured
                    .get(1)
                    .map(|&one| answers(exponential.then(|| mean(&loads, waiting)), one)),
            }
        })
        .collect();
    Side { multiplexed, loads, rows, enough }
}

/// The mean over all requests.
fn mean(loads: &Loads, refused: impl Fn(f64) -> f64) -> f64 {
    loads.iter().map(|&(share, load)| share * refused(load)).sum()
}

/// The fewest ports that are enough, or 65,535; if some are enough, so are more.
fn fewest(mut enough: impl FnMut(u16) -> bool) -> u16 {
    let (mut low, mut high) = (0, 1);
    while !enough(high) {
        low = high;
        high = high.saturating_mul(2);
        if low == u16::MAX {
            return low;
        }
    }
    bisect(low, high, enough)
}

/// The same when looking is dear: begins at a guess. `None` if not even 65,535 are enough.
fn fewest_near(guess: u16, mut enough: impl FnMut(u16) -> bool) -> Option<u16> {
    let (mut low, mut high) = (0, guess);
    let mut step = 1;
    if enough(guess) {
        while high > 1 {
            let fewer = high.saturating_sub(step).max(1);
            if !enough(fewer) {
                low = fewer;
                break;
            }
            high = fewer;
            step = step.saturating_mul(2);
        }
    } else {
        loop {
            low = high;
            if low == u16::MAX {
                return None;
            }
            high = low.saturating_add(step);
            if enough(high) {
                break;
            }
            step = step.saturating_mul(2);
        }
    }
    Some(bisect(low, high, enough))
}

/// The fewest of those above `low`, which are not enough, up to `high`, which are.
fn bisect(mut low: u16, mut high: u16, mut enough: impl FnMut(u16) -> bool) -> u16 {
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// Those around the answer, and on the way there.
fn widths_that_matter(enough: u16) -> Vec<u16> {
    let last = enough.saturating_add(enough.div_ceil(8));
    if last <= 10 {
        return (1..=last.saturating_add(1)).collect();
    }
    let mut widths: Vec<u16> = (0..=6)
        .map(|eighth| (f64::from(enough) * (0.35 + 0.65 * f64::from(eighth) / 6.0)) as u16)
        .collect();
    widths.extend([1, enough - 1, enough, last]);
    widths.sort_unstable();
    widths.dedup();
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_are_found_wherever_one_begins() {
        for least in [1, 2, 9, 17, 300, 65_534, 65_535] {
            assert_eq!(fewest(|ports| ports >= least), least);
            for guess in [1, 8, 9, 10, 400, 65_535] {
                assert_eq!(fewest_near(guess, |ports| ports >= least), Some(least));
            }
        }
        assert_eq!(fewest_near(7, |_| false), None);
    }

    #[test]
    fn what_matters_holds_the_answer_and_its_neighbours() {
        for enough in [1, 2, 7, 9, 10, 11, 43, 500, 65_535] {
            let widths = widths_that_matter(enough);
            assert!(widths.contains(&enough) && widths[0] == 1 && widths.len() <= 12, "{widths:?}");
            assert!(enough == 1 || widths.contains(&(enough - 1)));
        }
    }
}
