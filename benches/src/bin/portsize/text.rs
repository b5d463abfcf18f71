//! The answer as text: in words, then the tables that it rests on.

mod answer;

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::measure::Measured;
use crate::quantity::{Share, count, load, of, significant, written};
use crate::report::Report;
use crate::study::{Answers, Side};
use crate::workload::Source;

/// Everything.
pub(crate) fn text(report: &Report<'_>) -> String {
    let mut text = String::new();
    answer::say(&mut text, report);
    text.push('\n');
    premises(&mut text, report);
    for side in report.sides() {
        let title = if side.multiplexed {
            "With multiplexing, a port is taken for one client address only:"
        } else {
            "Without, a port is taken for everybody:"
        };
        let _ = writeln!(text, "\n{title}\n\n{}", table(report, side));
    }
    text.push('\n');
    notes(&mut text, report);
    text
}

/// What the answer is an answer to.
fn premises(text: &mut String, report: &Report<'_>) {
    let workload = report.workload;
    match &workload.source {
        Source::Steady { population, per_second, parallel } => {
            let _ = writeln!(
                text,
                "{}, {} in all, each asking for a port every {}: {} requests a second.",
                of(population.clients().into(), "client address"),
                of(population.sessions(), "session"),
                written(std::time::Duration::from_secs_f64(per_second.recip())),
                significant(workload.per_second()),
            );
            say_parallel(text, *parallel);
        }
        Source::Burst { population, window, files, parallel } => {
            let _ = writeln!(
                text,
                "{}, {} in all, each asking for {} within the same {}: {} requests a second.",
                of(population.clients().into(), "client address"),
                of(population.sessions(), "session"),
                of((*files).into(), "port"),
                written(*window),
                significant(workload.per_second()),
            );
            say_parallel(text, *parallel);
        }
        Source::Recorded(recording) => {
            let log = report.log.expect("a recording comes from a log");
            let span = std::time::Duration::from_nanos(recording.span());
            let _ = writeln!(
                text,
                "{} ({}): {} of {} in {}; {}.",
                log.name,
                log.format,
                of(recording.requests.len() as u64, if log.exact { "request" } else { "transfer" }),
                of(recording.clients.len() as u64, "client"),
                written(span),
                if log.exact {
                    "each line names the moment of the request"
                } else {
                    "each transfer is one request, made when it began"
                },
            );
            if recording.whole_seconds {
                text.push_str(
                    "Times are whole seconds: each request is put at a random moment of its second.\n",
                );
            }
            if let Some((number, example)) = &log.first_malformed {
                let _ = writeln!(
                    text,
                    "{} of {} skipped as malformed, first line {number}: {example:?}",
                    count(log.malformed),
                    of(log.lines, "line"),
                );
            }
            if let Some((name, requests)) = recording.busiest_client() {
                let _ = writeln!(
                    text,
                    "The busiest client, {name}, has {} of them; the busiest second of all has {}.",
                    count(requests),
                    count(recording.peak(0).max(recording.peak(999_999_999)) as u64),
                );
            }
        }
    }
    let holding = &workload.holding;
    let _ = writeln!(
        text,
        "Clients connect {}; {} never do and hold their port for {}. Mean: {}.",
        holding.connect,
        Share(holding.never),
        written(holding.ttl),
        written(holding.mean()),
    );
    let [one, all] = report.sides().map(Report::greatest_load);
    let when = match workload.source {
        Source::Recorded(_) => " in the busiest hour",
        _ => "",
    };
    let _ = writeln!(
        text,
        "Offered load{when}: {} of the busiest client, {} of all together.",
        load(one),
        load(all),
    );
}

fn say_parallel(text: &mut String, parallel: u32) {
    if parallel > 1 {
        let _ = writeln!(text, "Ports are asked for {parallel} at the same moment.");
    }
}

fn table(report: &Report<'_>, side: &Side) -> Table {
    let live = report.live.is_some();
    let waits = !report.goal.wait.is_zero();
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    let mut header = vec!["ports".to_owned(), "at once: Erlang B".into(), "simulated".into()];
    if live {
        header.push("live (simulated)".into());
    }
    if waits {
        let wait = written(report.goal.wait);
        if report.workload.holding.is_exponential() {
            header.push(format!("wait {wait}: Erlang"));
            header.push("simulated".into());
        } else {
            header.push(format!("wait {wait}: simulated"));
        }
        header.push("p99 wait".into());
        if live {
            header.push("live (simulated)".into());
        }
    }
    table.set_header(header);
    for row in &side.rows {
        let enough = side.enough.as_ref().is_some_and(|enough| enough.ports == row.ports);
        let mut cells = vec![format!("{}{}", if enough { "> " } else { "" }, row.ports)];
        answers(&mut cells, &row.at_once, live, false);
        if let Some(waiting) = &row.waiting {
            answers(&mut cells, waiting, live, true);
        }
        table.add_row(cells);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn answers(cells: &mut Vec<String>, answers: &Answers, live: bool, waiting: bool) {
    cells.extend(answers.analysis.map(|share| Share(share).to_string()));
    cells.push(simulated(&answers.simulated));
    if waiting {
        cells.push(written(answers.simulated.p99_wait));
    }
    if live {
        cells.push(answers.live.map_or_else(String::new, |live| {
            let share = |refused: u64| Share(refused as f64 / live.requests as f64);
            format!("{} ({})", share(live.refused), share(live.simulated_refused))
        }));
    }
}

/// A share and its interval: `1.0 % ±0.1`, or what it is at most if none was refused.
pub(crate) fn simulated(measured: &Measured) -> String {
    let refused = measured.refused;
    if refused.share == 0.0 {
        return format!("0 % (up to {})", Share(refused.high));
    }
    let half = (refused.high - refused.share).max(refused.share - refused.low) * 100.0;
    format!("{} ±{}", Share(refused.share), significant(half))
}

/// How to read the tables.
fn notes(text: &mut String, report: &Report<'_>) {
    let plan = report.plan;
    let _ = writeln!(
        text,
        "The tables show shares of requests refused, and > the answer.\n\
         Simulated: {} of {} for each figure, seed {}; ± is 95 % confidence.",
        of(plan.replications, "run"),
        of(plan.requests, "request"),
        plan.seed,
    );
    if !report.goal.wait.is_zero() {
        text.push_str(
            "p99 wait: 99 of 100 requests had their answer by then, refusals included.\n",
        );
    }
    if let Some(doubt) = doubt(report) {
        let _ = writeln!(text, "{doubt}");
    }
    if let Some(script) = &report.live {
        let lives = report.sides().into_iter().flat_map(|side| &side.rows).flat_map(|row| {
            [&row.at_once].into_iter().chain(&row.waiting).filter_map(|answers| answers.live)
        });
        let (mut measurements, mut lost, mut latest) = (0_u64, 0, std::time::Duration::ZERO);
        for live in lives {
            measurements += 1;
            lost += live.lost;
            latest = latest.max(live.latest);
        }
        let _ = writeln!(
            text,
            "Live: a real multiplexer and connections from 127.x.y.z, {} of {}{}; in brackets, \
             the same requests simulated. Time runs {} times as fast. The latest request came {} \
             late; {} did not reach a reservation.",
            of(measurements, "measurement"),
            of(script.requests() as u64, "request"),
            match &report.workload.source {
                Source::Recorded(recording) if crate::live::is_stretch(recording, script) =>
                    " (the busiest stretch of the log)",
                _ => "",
            },
            significant(script.pace),
            written(latest),
            of(lost, "connection"),
        );
    }
}

/// Where the formula does not hold.
fn doubt(report: &Report<'_>) -> Option<&'static str> {
    Some(match &report.workload.source {
        Source::Steady { parallel: 1, .. } | Source::Burst { parallel: 1, .. } => return None,
        Source::Steady { .. } | Source::Burst { .. } => {
            "Erlang B is for requests that come independently of each other, which these do not: \
             trust the simulation."
        }
        Source::Recorded(_) => {
            "Erlang B is for requests that come independently of each other, at the same rate for \
             an hour: where it differs, trust the simulation."
        }
    })
}
