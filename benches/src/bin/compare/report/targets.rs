//! What is to be reached, and whether it was.

use crate::samples::{Case, Metric, Samples};
use crate::spread::Spread;
use crate::table;
use serde::Serialize;
use std::fmt;

/// A bound on a ratio, and the ratio.
#[derive(Debug, Serialize)]
pub(super) struct Target {
    pub(super) what: String,
    bound: Bound,
    pub(super) measured: Spread,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    /// By the median.
    pub(super) fn met(&self) -> bool {
        match self.bound {
            Bound::AtMost(bound) => self.measured.median <= bound,
            Bound::AtLeast(bound) => self.measured.median >= bound,
        }
    }

    pub(super) fn bound(&self) -> String {
        match self.bound {
            Bound::AtMost(bound) => format!("at most {bound}"),
            Bound::AtLeast(bound) => format!("at least {bound}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.met() { "met   " } else { "MISSED" };
        write!(f, "{verdict} {}: {:.2}, to be {}", self.what, self.measured, self.bound())
    }
}

/// All for which there are figures.
pub(super) fn all(samples: &Samples) -> Vec<Target> {
    let mut targets = Vec::new();
    of_table(&samples.select(|sample| sample.part == table::PART), &mut targets);
    targets
}

fn of_table(samples: &Samples, targets: &mut Vec<Target>) {
    let samples = samples.select(|sample| sample.metric == Metric::NanosecondsPerOperation);
    let large = |case: &Case| {
        case.is("pending", 100_000.0) && case.is("ports", 9.0) && case.is("threads", 1.0)
    };
    let misses = samples.select(|s| s.operation == "claim miss" && large(&s.case));
    for (other, bound) in [(table::BASELINE, 0.5), (table::BASELINE_FAST, 0.5), (table::FLOOR, 1.3)]
    {
        if let Some(measured) = misses.ratio(table::OURS, other) {
            targets.push(Target {
                what: format!("claim miss at 100,000 pending, time against {other}"),
                bound: Bound::AtMost(bound),
                measured,
            });
        }
    }
}
