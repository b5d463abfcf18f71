//! The answer as text: in words, then the tables that it rests on.

mod answer;

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::log::DateOrder;
use crate::measure::Measured;
use crate::quantity::{Share, count, load, of, significant, written};
use crate::recording::{Grain, Recording, SECOND};
use crate::report::{Busiest, Report};
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
    if let Some(clients) = &report.busiest {
        busiest(&mut text, clients);
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
        Source::Recorded(recording) => recorded(text, report, recording),
    }
    say_held(text, report);
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

/// What the log has told.
fn recorded(text: &mut String, report: &Report<'_>, recording: &Recording) {
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
            "the log names the moment of each"
        } else {
            "each transfer is one request, made when it began"
        },
    );
    match recording.grain {
        Grain::Fine => {}
        Grain::Second => text.push_str(
            "Times are whole seconds: each request is put at a random moment of its second.\n",
        ),
        Grain::Minute => text.push_str(
            "Times are whole minutes: each request is put at a random moment of its minute.\n",
        ),
    }
    match log.dates {
        None => {}
        Some(DateOrder::Dmy) => text.push_str("Dates are read as day, month, year.\n"),
        Some(DateOrder::Mdy) => text.push_str("Dates are read as month, day, year.\n"),
    }
    if let Some((number, example)) = &log.first_unreadable {
        let _ = writeln!(
            text,
            "{} of {} could not be read, first line {number}: \"{example}\"",
            count(log.unreadable),
            of(log.lines, "line"),
        );
    }
    if let Some((name, requests)) = recording.busiest_client() {
        let grain = recording.grain.nanos();
        let _ = writeln!(
            text,
            "The busiest client, {name}, has {} of them; the busiest {} of all has {}.",
            count(requests),
            if recording.grain == Grain::Minute { "minute" } else { "second" },
            count(recording.peak(0).max(recording.peak(grain.max(SECOND) - 1)) as u64),
        );
    }
}

/// How long ports are taken, and who says so.
fn say_held(text: &mut String, report: &Report<'_>) {
    let workload = report.workload;
    let (holding, mean) = (&workload.holding, written(workload.mean_held()));
    let measured = match &workload.source {
        Source::Recorded(recording) => recording.measured.as_ref(),
        _ => None,
    };
    let Some(measured) = measured else {
        let assumed = report.log.is_some_and(|log| log.measured);
        let _ = writeln!(
            text,
            "{}lients connect {}; {} never do and hold their port for {}. Mean: {mean}.",
            if assumed { "Not in the log, but assumed: c" } else { "C" },
            holding.connect,
            Share(holding.never),
            written(holding.ttl),
        );
        return;
    };
    let seconds = |seconds: f64| written(std::time::Duration::from_secs_f64(seconds));
    let (requests, log_mean) = (count(measured.requests), seconds(measured.mean));
    match &workload.held {
        Some(held) => {
            let _ = write!(
                text,
                "Measured in the log: {requests} of the requests were followed by their transfer, \
                 after {log_mean} on average; these times are used, each client's own.",
            );
            if held.unseen > 0 {
                let _ = write!(
                    text,
                    " Of all, {} are assumed never to connect and to hold their port for {}.",
                    Share(holding.never.min(held.unseen as f64 / measured_of(workload))),
                    written(holding.ttl),
                );
            }
            let _ = writeln!(text, " Mean: {mean}.");
        }
        None => {
            let _ = writeln!(
                text,
                "Measured in the log: {requests} of the requests were followed by their transfer, \
                 after {log_mean} ±{} on average, of which the upper end is used; whole seconds do \
                 not tell how it varies, so it is assumed: {}; {} never connect and hold their \
                 port for {}. Mean: {mean}.",
                seconds(2.0 * measured.error),
                holding.connect,
                Share(holding.never),
                written(holding.ttl),
            );
        }
    }
}

fn measured_of(workload: &crate::workload::Workload) -> f64 {
    workload.size().unwrap_or(1) as f64
}

/// The load of each of the busiest clients.
fn busiest(text: &mut String, busiest: &Busiest) {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    let refusals = format!("of the refusals on {}", of(busiest.ports.into(), "port"));
    table.set_header(["client", "requests", "load in its busiest hour", &refusals]);
    for busy in &busiest.clients {
        table.add_row([
            busy.name.to_string(),
            count(busy.requests),
            load(busy.load),
            if busy.refusals == 0.0 { "0 %".into() } else { Share(busy.refusals).to_string() },
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let _ = writeln!(text, "\nThe busiest clients:\n\n{table}");
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
        if report.workload.is_exponential() {
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
            format!("{} ({})", Share(live.share()), Share(live.simulated_share()))
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
        let (mut measurements, mut lost, mut latest) = (0_u64, 0, std::time::Duration::ZERO);
        for live in report.lives() {
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
