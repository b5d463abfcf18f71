//! What is drawn: a curve for each way to use ports, refusing at once and after waiting.

use plotters::style::RGBColor;

use crate::erlang;
use crate::measure::Measured;
use crate::quantity::written;
use crate::report::Report;
use crate::study::{Answers, Row, Side};

/// A curve and its marks.
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) colour: RGBColor,
    pub(super) multiplexed: bool,
    /// Whether requests wait.
    pub(super) waiting: bool,
    /// Ports and share refused.
    pub(super) line: Vec<(f64, f64)>,
    pub(super) marks: Vec<(f64, Measured)>,
    pub(super) live: Vec<(f64, f64)>,
}

/// Blue and vermilion: also those who see few colours tell them apart.
pub(super) const WITH: RGBColor = RGBColor(0, 114, 178);
pub(super) const WITHOUT: RGBColor = RGBColor(213, 94, 0);

pub(super) fn colour(side: &Side) -> RGBColor {
    if side.multiplexed { WITH } else { WITHOUT }
}

/// The most ports that are drawn.
pub(super) fn last(report: &Report<'_>) -> u16 {
    let widths = report.sides().into_iter().flat_map(|side| {
        let rows = side.rows.iter().map(|row| row.ports);
        rows.chain(side.enough.as_ref().map(|enough| enough.ports.saturating_add(1)))
    });
    widths.max().unwrap_or(1).max(3)
}

pub(super) fn curves(report: &Report<'_>) -> Vec<Curve> {
    let last = last(report);
    let mut curves = Vec::new();
    for side in report.sides() {
        let name = if side.multiplexed { "With multiplexing" } else { "Without" };
        let at_once = |ports: u16| mean(side, |load| erlang::refused_at_once(ports.into(), load));
        curves.push(Curve {
            name: format!("{name}, refused at once"),
            colour: colour(side),
            multiplexed: side.multiplexed,
            waiting: false,
            line: along(last, at_once),
            marks: marks(side, |row| Some(&row.at_once)),
            live: live(side, |row| Some(&row.at_once)),
        });
        if report.goal.wait.is_zero() {
            continue;
        }
        let marks = marks(side, |row| row.waiting.as_ref());
        let line = if formula_for_waiting(report) {
            let held = report.workload.mean_held();
            let patience = report.goal.wait.div_duration_f64(held);
            let refused = |ports: u16| {
                mean(side, |load| erlang::refused_after_waiting(ports.into(), load, patience))
            };
            along(last, refused)
        } else {
            let seen = marks.iter().take_while(|(_, measured)| measured.refused.share > 0.0);
            seen.map(|&(ports, measured)| (ports, measured.refused.share)).collect()
        };
        curves.push(Curve {
            name: format!("{name}, waiting up to {}", written(report.goal.wait)),
            colour: colour(side),
            multiplexed: side.multiplexed,
            waiting: true,
            line,
            marks,
            live: live(side, |row| row.waiting.as_ref()),
        });
    }
    curves
}

/// Whether the formula for requests that wait holds here; otherwise the simulated marks are
/// joined.
pub(super) fn formula_for_waiting(report: &Report<'_>) -> bool {
    report.workload.is_exponential()
}

fn mean(side: &Side, refused: impl Fn(f64) -> f64) -> f64 {
    side.loads.iter().map(|&(share, load)| share * refused(load)).sum()
}

/// At so many numbers of ports that the line is smooth.
fn along(last: u16, refused: impl Fn(u16) -> f64) -> Vec<(f64, f64)> {
    const POINTS: u16 = 120;
    let mut widths: Vec<u16> = if last <= POINTS {
        (1..=last).collect()
    } else {
        let step = f64::from(last).ln() / f64::from(POINTS);
        (0..=POINTS).map(|point| (f64::from(point) * step).exp().round() as u16).collect()
    };
    widths.dedup();
    widths.into_iter().map(|ports| (f64::from(ports), refused(ports))).collect()
}

fn marks<'a>(side: &'a Side, of: impl Fn(&'a Row) -> Option<&'a Answers>) -> Vec<(f64, Measured)> {
    let rows = side.rows.iter();
    rows.filter_map(|row| Some((f64::from(row.ports), of(row)?.simulated))).collect()
}

fn live<'a>(side: &'a Side, of: impl Fn(&'a Row) -> Option<&'a Answers>) -> Vec<(f64, f64)> {
    let share = |row| {
        let live = of(row)?.live?;
        Some((f64::from(row.ports), live.refused as f64 / live.requests as f64))
    };
    side.rows.iter().filter_map(share).collect()
}
