//! The answer in plain words.

use std::fmt::Write as _;

use super::simulated;
use crate::quantity::{Share, of, written};
use crate::report::Report;
use crate::study::{Enough, Side};

/// What somebody wants to know who reads no further.
pub(super) fn say(text: &mut String, report: &Report<'_>) {
    asked(text, report);
    let goal = &report.goal;
    let mut target = format!("at most {} of all requests refused", Share(goal.refused));
    if !goal.wait.is_zero() {
        let _ = write!(target, ", after waiting up to {}", written(goal.wait));
    }
    if let Some(most) = goal.p99_wait {
        let _ = write!(target, ", and 99 of 100 served within {}", written(most));
    }
    let Some(enough) = &report.multiplexed.enough else {
        let _ = writeln!(text, "No number of ports is enough for the target: {target}.");
        return;
    };
    let _ = writeln!(
        text,
        "You need {} for the target: {target}.",
        of(enough.ports.into(), "passive port")
    );
    let _ = writeln!(text, "{}", margin(enough, report));
    let _ = match &report.single.enough {
        Some(single) => writeln!(
            text,
            "Without multiplexing, you would need {}.",
            of(single.ports.into(), "port")
        ),
        None => writeln!(text, "Without multiplexing, no number of ports would be enough."),
    };
}

/// What is left, and what would use it up.
fn margin(enough: &Enough, report: &Report<'_>) -> String {
    let refused = enough.measured.refused;
    let mut text = if refused.share == 0.0 {
        format!("Margin: none of {} is refused", of(enough.measured.requests, "simulated request"))
    } else {
        format!("Margin: {} are refused", Share(refused.share))
    };
    let _ = write!(text, ", at most {} with 95 % confidence", Share(refused.high));
    if let Some(fewer) = &enough.fewer {
        let _ = write!(
            text,
            "; with {}, {}",
            of(u64::from(enough.ports) - 1, "port"),
            Share(fewer.refused.share)
        );
        if report.goal.p99_wait.is_some() {
            let _ = write!(text, " and a p99 wait of {}", written(fewer.p99_wait));
        }
        let within = report.goal.p99_wait.is_none_or(|most| fewer.p99_wait <= most);
        if within && fewer.refused.share <= report.goal.refused {
            text.push_str(", too near to be sure");
        }
    }
    text.push('.');
    for faster in &enough.faster {
        let load = if faster.speed == 2.0 {
            "Twice the load".to_owned()
        } else {
            format!("{:.0} % more load", (faster.speed - 1.0) * 100.0)
        };
        let _ = write!(text, "\n{load}: {} refused", Share(faster.measured.refused.share));
        let certain = faster.measured.refused.share > report.goal.refused;
        text.push_str(&match faster.ports {
            Some(ports) if ports <= enough.ports => ", still on target.".to_owned(),
            Some(ports) if certain => format!("; you would need {}.", of(ports.into(), "port")),
            Some(ports) => format!("; to be sure, you would need {}.", of(ports.into(), "port")),
            None => "; no number of ports would be enough.".to_owned(),
        });
    }
    text
}

/// Whether the numbers of ports that the operator asked about are enough.
fn asked(text: &mut String, report: &Report<'_>) {
    if !report.asked {
        return;
    }
    for (with, without) in report.multiplexed.rows.iter().zip(&report.single.rows) {
        let verdict = |side: &Side| match &side.enough {
            Some(enough) if enough.ports <= with.ports => "enough",
            _ => "not enough",
        };
        let _ = writeln!(
            text,
            "{}: {} with multiplexing, where {} are refused; {} without, where {} are.",
            of(with.ports.into(), "port"),
            verdict(&report.multiplexed),
            simulated(with.decisive()),
            verdict(&report.single),
            simulated(without.decisive()),
        );
    }
}
