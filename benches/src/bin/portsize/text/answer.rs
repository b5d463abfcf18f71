//! The answer in plain words.

use std::fmt::Write as _;

use super::simulated;
use crate::live::Live;
use crate::quantity::{Share, of, written};
use crate::report::Report;
use crate::study::{Enough, Side};

/// What somebody wants to know who reads no further.
pub(super) fn say(text: &mut String, report: &Report<'_>) {
    if !report.what_if.is_empty() {
        let _ = writeln!(text, "What if {}?", report.what_if.join(", and "));
    }
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
        live(text, report);
        doubts(text, report);
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
    decides(text, report);
    live(text, report);
    doubts(text, report);
}

/// Who is refused first.
fn decides(text: &mut String, report: &Report<'_>) {
    let Some(busiest) = &report.busiest else { return };
    let ports = of(busiest.ports.into(), "port");
    let _ = match busiest.decides() {
        Some(busy) if busy.refusals >= 0.5 => writeln!(
            text,
            "{} decides: on {ports}, {} of the refusals would be its.",
            busy.name,
            Share(busy.refusals)
        ),
        Some(busy) => writeln!(
            text,
            "Nobody decides alone: on {ports}, {} would meet the most refusals, {} of them.",
            busy.name,
            Share(busy.refusals)
        ),
        None => writeln!(
            text,
            "Nobody decides: on {ports}, nobody is refused. {} has the greatest load.",
            busiest.clients[0].name
        ),
    };
}

/// What was measured live, and how it agrees.
fn live(text: &mut String, report: &Report<'_>) {
    if report.live.is_none() {
        return;
    }
    let (all, agreeing): (Vec<Live>, usize) =
        (report.lives().collect(), report.lives().filter(Live::agrees).count());
    for side in report.sides() {
        for row in &side.rows {
            let answers = row.waiting.as_ref().unwrap_or(&row.at_once);
            let Some(live) = answers.live else { continue };
            let _ = writeln!(
                text,
                "Measured live, {} multiplexing: on {}, {} of {} were refused; simulated, {} of \
                 the same ones. {}.",
                if side.multiplexed { "with" } else { "without" },
                of(row.ports.into(), "port"),
                Share(live.share()),
                of(live.requests, "request"),
                Share(live.simulated_share()),
                if live.agrees() { "They agree" } else { "They differ by more than chance" },
            );
        }
    }
    let latest = all.iter().map(|live| live.latest).max().unwrap_or_default();
    let _ = if agreeing == all.len() {
        writeln!(
            text,
            "In all, {} live, of which each agrees with the simulation as far as chance allows.",
            of(all.len() as u64, "measurement")
        )
    } else {
        writeln!(
            text,
            "Only {agreeing} of {} live agree with the simulation as far as chance allows: this \
             machine made requests up to {} late. Measure again when it has less to do; if they \
             differ again, trust neither.",
            of(all.len() as u64, "measurement"),
            written(latest)
        )
    };
}

/// What speaks against trusting the answer.
fn doubts(text: &mut String, report: &Report<'_>) {
    let Some(log) = report.log.filter(|log| !log.doubts.is_empty()) else { return };
    text.push_str("\nBefore you trust this:\n");
    for doubt in &log.doubts {
        let _ = writeln!(text, "- {}", doubt.text);
    }
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
