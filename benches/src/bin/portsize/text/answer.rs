//! The answer in plain words.

use std::fmt::Write as _;

use super::simulated;
use crate::quantity::{Share, of, written};
use crate::report::Report;
use crate::study::Enough;

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
    }
    text.push('.');
    for faster in &enough.faster {
        let load = if faster.speed == 2.0 {
            "Twice the load".to_owned()
        } else {
            format!("{:.0} % more load", (faster.speed - 1.0) * 100.0)
        };
        let _ = write!(text, "\n{load}: {} refused", Share(faster.measured.refused.share));
        text.push_str(&match faster.ports {
            Some(ports) if ports <= enough.ports => ", still on target.".to_owned(),
            Some(ports) => format!("; you would need {}.", of(ports.into(), "port")),
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
    let sides = [(&report.multiplexed, "with multiplexing"), (&report.single, "without")];
    for position in 0..report.multiplexed.rows.len() {
        let ports = report.multiplexed.rows[position].ports;
        let _ = write!(text, "{}:", of(ports.into(), "port"));
        for (number, (side, name)) in sides.into_iter().enumerate() {
            let enough = side.enough.as_ref().is_some_and(|enough| enough.ports <= ports);
            let _ = write!(
                text,
                "{} {} {name} ({} refused)",
                if number == 0 { "" } else { "," },
                if enough { "enough" } else { "not enough" },
                simulated(side.rows[position].decisive()),
            );
        }
        text.push_str(".\n");
    }
}
