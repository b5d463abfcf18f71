//! The reservation table beside maps that do the same.

mod contestant;
mod design;
mod maps;
mod operation;
mod ours;
mod share;
mod stopwatch;

use crate::counting::allocated_by;
use crate::effort::Effort;
use crate::progress::Progress;
use crate::samples::{Case, Metric, Sample, Samples};
use crate::words::thousands;
use contestant::{Alone, Contestant, Shared};
use design::Design;
use maps::{Dash, DashFast, Floor, OneLock, Papaya};
use operation::Operation;
use ours::Ours;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use share::{LATER, client, reserve};

pub(crate) const PART: &str = "table";
pub(crate) const OURS: &str = "mux-core";
pub(crate) const FLOOR: &str = "hashbrown alone";
pub(crate) const ONE_LOCK: &str = "Mutex<hashbrown>";
/// The design that ratios refer to.
pub(crate) const BASELINE: &str = "DashMap";
pub(crate) const BASELINE_FAST: &str = "DashMap, foldhash";
pub(crate) const PAPAYA: &str = "papaya";

/// What a mux is built for unless it is told otherwise. A table is at least as large here.
const CAPACITY: usize = 65_536;

/// Measures all of it.
pub(crate) fn run(effort: &Effort, random: &mut StdRng, samples: &mut Samples) {
    let setups = setups(effort);
    let mut progress = Progress::new(PART, setups.len() as u64 * u64::from(effort.rounds));
    for (count, width) in setups {
        measure(count, width, effort, random, samples, &mut progress);
    }
    memory(effort, samples);
}

/// Every number of reservations on nine ports, and every width with one of the numbers.
fn setups(effort: &Effort) -> Vec<(usize, u16)> {
    let mut setups: Vec<(usize, u16)> =
        effort.table.pending.iter().map(|&count| (count, 9)).collect();
    for &width in &effort.table.widths {
        for &count in &effort.table.pending_at_widths {
            if !setups.contains(&(count, width)) {
                setups.push((count, width));
            }
        }
    }
    setups
}

fn measure(
    count: usize,
    width: u16,
    effort: &Effort,
    random: &mut StdRng,
    samples: &mut Samples,
    progress: &mut Progress,
) {
    // Room for what the operations add.
    let most_threads = effort.table.threads.iter().max().copied().unwrap_or(1);
    let capacity = (count + most_threads * usize::from(width) + 1024).max(CAPACITY);
    let mut contestants: Vec<Box<dyn Contestant>> = vec![
        Box::new(Shared::<Ours>::new(OURS, width, count, capacity)),
        Box::new(Shared::<Dash>::new(BASELINE, width, count, capacity)),
        Box::new(Shared::<DashFast>::new(BASELINE_FAST, width, count, capacity)),
        Box::new(Shared::<Papaya>::new(PAPAYA, width, count, capacity)),
        Box::new(Shared::<OneLock>::new(ONE_LOCK, width, count, capacity)),
        Box::new(Alone::<Floor>::new(FLOOR, width, count, capacity)),
    ];
    for round in 0..effort.rounds {
        contestants.shuffle(random);
        for &threads in &effort.table.threads {
            for operation in Operation::ALL {
                if threads > 1 && !operation.shared()
                    || operation == Operation::ExpireAll && count > effort.table.expire_all
                {
                    continue;
                }
                for contestant in &mut contestants {
                    let time = effort.table.time;
                    let Some(value) = contestant.measure(operation, threads, time) else {
                        continue;
                    };
                    samples.push(Sample {
                        part: PART,
                        operation: operation.to_string(),
                        case: case(count, width, threads),
                        contestant: contestant.name().to_owned(),
                        metric: Metric::NanosecondsPerOperation,
                        round,
                        value,
                    });
                }
            }
        }
        progress.step();
    }
}

fn case(count: usize, width: u16, threads: usize) -> Case {
    let s = |count: usize| if count == 1 { "" } else { "s" };
    let label = format!(
        "{} pending, {} port{}, {threads} thread{}",
        thousands(count),
        thousands(width.into()),
        s(width.into()),
        s(threads),
    );
    let facts = [("pending", count as f64), ("ports", width.into()), ("threads", threads as f64)];
    Case::new(label, facts)
}

fn memory(effort: &Effort, samples: &mut Samples) {
    for &count in &effort.table.pending {
        for (contestant, bytes) in [
            (OURS, bytes_each::<Ours>(9, count)),
            (BASELINE, bytes_each::<Dash>(9, count)),
            (BASELINE_FAST, bytes_each::<DashFast>(9, count)),
            (PAPAYA, bytes_each::<Papaya>(9, count)),
            (ONE_LOCK, bytes_each::<OneLock>(9, count)),
            (FLOOR, bytes_each::<Floor>(9, count)),
        ] {
            samples.push(Sample {
                part: PART,
                operation: "memory, with room for so many".to_owned(),
                case: case(count, 9, 1),
                contestant: contestant.to_owned(),
                metric: Metric::BytesPerReservation,
                round: 0,
                value: bytes,
            });
        }
    }
}

/// How many bytes a design takes for each of `count` reservations of as many clients.
fn bytes_each<D: Design>(width: u16, count: usize) -> f64 {
    let (bytes, table) = allocated_by(|| {
        let table = D::new(width, count);
        for number in 0..count {
            reserve(&table, client(number), LATER);
        }
        table
    });
    drop(table);
    bytes as f64 / count as f64
}
