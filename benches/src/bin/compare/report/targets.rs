//! What is to be reached, and whether it was.

use crate::samples::{Case, Metric, Samples};
use crate::spread::Spread;
use crate::{servers, sockets, table};
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
    of_sockets(samples, &mut targets);
    of_servers(samples, &mut targets);
    of_named(samples, &mut targets);
    targets
}

fn of_table(samples: &Samples, targets: &mut Vec<Target>) {
    let samples = samples.select(|sample| sample.metric == Metric::NanosecondsPerOperation);
    let large = |case: &Case| {
        case.is("pending", 100_000.0) && case.is("ports", 9.0) && case.is("threads", 1.0)
    };
    let misses = samples.select(|s| s.operation == "claim miss" && large(&s.case));
    for (other, bound) in [(table::BASELINE, 0.5), (table::FLOOR, 1.3)] {
        if let Some(measured) = misses.ratio(table::OURS, other) {
            targets.push(Target {
                what: format!("claim miss at 100,000 pending, time against {other}"),
                bound: Bound::AtMost(bound),
                measured,
            });
        }
    }
    targets.extend(wide_and_full(&samples));
    targets.extend(scaling(&samples));
    targets.extend(slowest(&samples));
}

/// A reservation in a wide range of which little is left, against one in an empty narrow one.
fn wide_and_full(samples: &Samples) -> Option<Target> {
    let own = samples.select(|s| s.contestant == table::OURS && s.case.is("threads", 1.0));
    let in_round = |operation: &str, ports: f64, round: u32| {
        let same = own.select(|s| {
            s.operation == operation
                && s.round == round
                && s.case.is("ports", ports)
                && s.case.is("pending", 100_000.0)
        });
        Some(same.figures(table::OURS)?.median)
    };
    let rounds = own.distinct(|sample| sample.round);
    let measured = Spread::of(rounds.into_iter().filter_map(|round| {
        let full = in_round("reserve + cancel, 99 % of the ports held", 16_384.0, round)?;
        Some(full / in_round("reserve + cancel", 9.0, round)?)
    }))?;
    let what = "reserve in 16,384 ports of which 99 % are held, time against 9 empty ones";
    Some(Target { what: what.to_owned(), bound: Bound::AtMost(2.0), measured })
}

/// What two threads do against what one does, of claims with reservations among them.
fn scaling(samples: &Samples) -> Option<Target> {
    let own = samples.select(|s| {
        s.contestant == table::OURS
            && s.operation.starts_with("7 claims")
            && s.case.is("ports", 9.0)
            && s.case.is("pending", 100_000.0)
    });
    let in_round = |threads: f64, round: u32| {
        let same = own.select(|s| s.round == round && s.case.is("threads", threads));
        Some(same.figures(table::OURS)?.median)
    };
    let rounds = own.distinct(|sample| sample.round);
    let measured = Spread::of(
        rounds
            .into_iter()
            .filter_map(|round| Some(2.0 * in_round(1.0, round)? / in_round(2.0, round)?)),
    )?;
    let what = "claims among reservations at 100,000 pending, two threads' rate against one's";
    Some(Target { what: what.to_owned(), bound: Bound::AtLeast(1.6), measured })
}

/// The case that comes off worst beside `DashMap`.
fn slowest(samples: &Samples) -> Option<Target> {
    let mut worst: Option<Target> = None;
    for operation in samples.distinct(|sample| sample.operation.clone()) {
        let own = samples.select(|sample| sample.operation == operation);
        for case in own.distinct(|sample| sample.case.clone()) {
            let ratio = own.select(|s| s.case == case).ratio(table::OURS, table::BASELINE);
            let Some(measured) = ratio else { continue };
            if worst.as_ref().is_none_or(|worst| worst.measured.median < measured.median) {
                let what = format!(
                    "the slowest of all operations, time against {}: {operation}, {}",
                    table::BASELINE,
                    case.label
                );
                worst = Some(Target { what, bound: Bound::AtMost(1.0), measured });
            }
        }
    }
    worst
}

/// What is asked of muxftpd beside one server by name.
fn of_named(samples: &Samples, targets: &mut Vec<Target>) {
    for (metric, operation, other, bound) in [
        (Metric::CyclesPerSecond, "RETR of 1 byte", servers::EARLIER, Bound::AtLeast(1.6)),
        (Metric::CpuSecondsPerGibibyte, "RETR of", servers::VSFTPD, Bound::AtMost(1.0)),
        (Metric::MebibytesPerSecond, "RETR of", servers::VSFTPD, Bound::AtLeast(1.0)),
    ] {
        let rows = samples.select(|s| s.metric == metric && s.operation.contains(operation));
        let rows = rows.select(|s| s.part == servers::PART);
        for operation in rows.distinct(|sample| sample.operation.clone()) {
            let own = rows.select(|sample| sample.operation == operation);
            for case in own.distinct(|sample| sample.case.clone()) {
                let row = own.select(|sample| sample.case == case);
                let Some(measured) = row.ratio(servers::MUXFTPD, other) else { continue };
                let what = format!(
                    "{}, {operation}, {}: {} against {other}",
                    servers::MUXFTPD,
                    case.label,
                    metric.title()
                );
                targets.push(Target { what, bound, measured });
            }
        }
    }
}

/// Every row of whole servers: at least as much as the best of the others does.
fn of_servers(samples: &Samples, targets: &mut Vec<Target>) {
    let rates = samples
        .select(|s| matches!(s.metric, Metric::CyclesPerSecond | Metric::MebibytesPerSecond));
    for operation in rates.distinct(|sample| sample.operation.clone()) {
        let own = rates.select(|sample| sample.operation == operation);
        for case in own.distinct(|sample| sample.case.clone()) {
            let row = own.select(|sample| sample.case == case);
            for ours in servers::OURS {
                let others = row.distinct(|sample| sample.contestant.clone());
                let median = |name: &String| row.figures(name).map_or(0.0, |it| it.median);
                let best = others
                    .into_iter()
                    .filter(|name| !servers::OURS.contains(&name.as_str()))
                    .max_by(|one, other| median(one).total_cmp(&median(other)));
                let Some(best) = best else { continue };
                let Some(measured) = row.ratio(ours, &best) else { continue };
                let what = format!("{ours}, {operation}, {}: rate against {best}", case.label);
                targets.push(Target { what, bound: Bound::AtLeast(1.0), measured });
            }
        }
    }
}

fn of_sockets(samples: &Samples, targets: &mut Vec<Target>) {
    for (operation, bound) in [("stream delivery", 0.95), ("a lent listener, bulk", 0.97)] {
        let own = samples.select(|s| s.part == sockets::PART && s.operation == operation);
        if let Some(measured) = own.ratio(sockets::OURS, sockets::BASELINE) {
            let what = format!("{operation}, rate against a {}", sockets::BASELINE);
            targets.push(Target { what, bound: Bound::AtLeast(bound), measured });
        }
    }
}
