//! Which figures are measured live as well, and doing it.

use std::time::Duration;

use tokio::runtime;

use crate::live::{Live, LiveError, Script};
use crate::progress::Progress;
use crate::report::Report;
use crate::simulate::Setting;
use crate::study::Side;

/// A refusal that is seen often enough to compare.
const OFTEN: f64 = 0.01;
/// More numbers of ports are not measured, on each side.
const MOST: usize = 3;

/// Runs the requests against real multiplexers, and notes what came of it beside the rest.
pub(crate) fn testify(
    report: &mut Report<'_>,
    requests: u32,
    progress: &Progress,
) -> Result<(), Box<dyn std::error::Error>> {
    let script = Script::new(report.workload, &report.plan, requests);
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let (seed, ttl, wait) = (report.plan.seed, report.goal.ttl, report.goal.wait);
    for side in [&mut report.multiplexed, &mut report.single] {
        let multiplexed = side.multiplexed;
        for position in chosen(side) {
            let row = &mut side.rows[position];
            progress.say(format!(
                "live: {} requests to {} ports, {:.0} s",
                script.requests(),
                row.ports,
                script.lasts().as_secs_f64()
            ));
            let setting = |wait| Setting { ports: row.ports, multiplexed, wait, ttl };
            let at_once = script.run(setting(Duration::ZERO), seed);
            let waiting = async {
                match row.waiting {
                    Some(_) => script.run(setting(wait), seed).await.map(Some),
                    None => Ok(None),
                }
            };
            let both = async { tokio::try_join!(at_once, waiting) };
            let (at_once, waiting): (Live, Option<Live>) =
                runtime.block_on(both).map_err(|error: LiveError| error)?;
            row.at_once.live = Some(at_once);
            if let Some(answers) = &mut row.waiting {
                answers.live = waiting;
            }
        }
    }
    report.live = Some(script);
    Ok(())
}

/// The rows to measure: those asked about if they are few, or else the recommended one and some
/// that refuse often.
fn chosen(side: &Side) -> Vec<usize> {
    let all: Vec<usize> = (0..side.rows.len()).collect();
    if all.len() <= MOST {
        return all;
    }
    let mut often = all.clone();
    often.retain(|&row| side.rows[row].at_once.simulated.refused.share >= OFTEN);
    let enough = side.enough.as_ref().map(|enough| enough.ports);
    let mut chosen: Vec<usize> = all;
    chosen.retain(|&row| Some(side.rows[row].ports) == enough);
    chosen.extend(often.last());
    chosen.extend(often.get(often.len() / 2));
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}
