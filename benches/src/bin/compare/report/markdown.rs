//! The report's text.

use super::machine::Machine;
use super::pictures::Picture;
use super::targets::Target;
use crate::baseline;
use crate::effort::Effort;
use crate::samples::Samples;
use crate::words::figure;
use std::fmt::Write as _;

pub(super) fn text(
    samples: &Samples,
    left_out: &[String],
    effort: &Effort,
    machine: &Machine,
    targets: &[Target],
    pictures: &[Picture],
) -> String {
    let mut text = String::new();
    let _ = write!(
        text,
        "# Comparison\n\nMode {}, {} rounds, {machine}.\n\n\
         Every contestant is measured in every round, in random order. A ratio is taken within a \
         round; a cell shows the median over the rounds and, in parentheses, its 95 % confidence \
         interval (bootstrap). Only ratios mean anything: absolute figures are those of this \
         machine on this day.\n",
        effort.name, effort.rounds,
    );
    for line in left_out {
        let _ = write!(text, "\n{line}\n");
    }
    verdicts(&mut text, targets);
    for part in samples.distinct(|sample| sample.part) {
        let _ = write!(text, "\n## {}\n", baseline::title(part));
        for picture in pictures.iter().filter(|picture| picture.part == part) {
            let _ = write!(text, "\n![{}]({})\n", picture.title, picture.file);
        }
        let own = samples.select(|sample| sample.part == part);
        for operation in own.distinct(|sample| sample.operation.clone()) {
            let own = own.select(|sample| sample.operation == operation);
            for metric in own.distinct(|sample| sample.metric) {
                let own = own.select(|sample| sample.metric == metric);
                let _ = write!(text, "\n### {operation}: {}\n\n", metric.title());
                table(&mut text, &own);
            }
        }
    }
    text
}

fn verdicts(text: &mut String, targets: &[Target]) {
    if targets.is_empty() {
        return;
    }
    text.push_str("\n## To be reached\n\n| ratio | bound | measured | |\n|---|---|---|---|\n");
    for target in targets {
        let verdict = if target.met() { "met" } else { "**missed**" };
        let (bound, measured) = (target.bound(), target.measured);
        let _ = writeln!(text, "| {} | {bound} | {measured:.2} | {verdict} |", target.what);
    }
}

/// One row for each case, one column for each contestant.
fn table(text: &mut String, samples: &Samples) {
    let contestants = samples.distinct(|sample| sample.contestant.clone());
    let part = samples.distinct(|sample| sample.part);
    let baseline = part.first().and_then(|part| baseline::of(part));
    let metric = samples.distinct(|sample| sample.metric);
    let ratio = metric.iter().all(|metric| metric.is_ratio());
    let baseline = baseline.filter(|name| ratio && contestants.iter().any(|one| one == name));
    match baseline {
        Some(baseline) => {
            let _ = write!(text, "| | {baseline} |");
            for contestant in contestants.iter().filter(|one| *one != baseline) {
                let _ = write!(text, " {contestant} |");
            }
        }
        None => {
            text.push_str("| |");
            for contestant in &contestants {
                let _ = write!(text, " {contestant} |");
            }
        }
    }
    let _ = writeln!(text, "\n|---|{}", "---:|".repeat(contestants.len()));
    for case in samples.distinct(|sample| sample.case.clone()) {
        let row = samples.select(|sample| sample.case == case);
        let _ = write!(text, "| {} |", case.label);
        if let Some(baseline) = baseline {
            let figure = row.figures(baseline).map(|spread| figure(spread.median));
            cell(text, figure.as_deref());
        }
        for contestant in contestants.iter().filter(|one| Some(one.as_str()) != baseline) {
            let figure = match baseline {
                Some(baseline) => row.ratio(contestant, baseline).map(|it| format!("×{it:.2}")),
                None => row.figures(contestant).map(|spread| figure(spread.median)),
            };
            cell(text, figure.as_deref());
        }
        text.push('\n');
    }
}

fn cell(text: &mut String, content: Option<&str>) {
    let _ = write!(text, " {} |", content.unwrap_or("-"));
}
