//! Ratios and their spread, as text and as JSON.

use crate::comparison::Comparison;
use crate::kind::ServerKind;
use crate::options::Acks;
use crate::round::Round;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io;
use std::path::Path;

/// The middle and the ends of some figures.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// `None` if there is no figure.
    fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.filter(|figure| figure.is_finite()).collect();
        figures.sort_by(f64::total_cmp);
        let (least, most) = (*figures.first()?, *figures.last()?);
        let middle = figures.len() / 2;
        let median = if figures.len().is_multiple_of(2) {
            f64::midpoint(figures[middle - 1], figures[middle])
        } else {
            figures[middle]
        };
        Some(Self { median, least, most })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let Self { median, least, most } = self;
        write!(f, "{median:.digits$} ({least:.digits$}-{most:.digits$})")
    }
}

/// A table for each kind of client.
pub(crate) fn text(comparison: &Comparison) -> String {
    let measured: Vec<&Round> = comparison.rounds.iter().filter(|round| round.round > 0).collect();
    let mut text = String::new();
    for acks in distinct(measured.iter().map(|round| round.acks)) {
        let title = match acks {
            Acks::Ordinary => "ordinary clients",
            Acks::Quickack => "clients with TCP_QUICKACK",
        };
        let baseline = comparison.baseline;
        let _ = writeln!(text, "\n{title}; ratios to {baseline}, median (least-most) of rounds");
        let _ = writeln!(
            text,
            "{:<22} {:>20} {:>20} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7} {:>8}",
            "server",
            "cycles/s ratio",
            "server CPU ratio",
            "cycles/s",
            "CPU us",
            "client us",
            "p50 us",
            "p99 us",
            "refused %",
            "errors",
            "RSS MiB",
        );
        let of_acks: Vec<&Round> = measured.iter().filter(|r| r.acks == acks).copied().collect();
        for server in distinct(of_acks.iter().map(|round| round.server)) {
            row(&mut text, &of_acks, server, baseline);
        }
    }
    text
}

fn row(text: &mut String, rounds: &[&Round], server: ServerKind, baseline: ServerKind) {
    let own = || rounds.iter().filter(|round| round.server == server);
    let ratio = |figure: fn(&Round) -> f64| {
        let ratios = own().filter_map(|round| {
            let other = rounds.iter().find(|r| r.server == baseline && r.round == round.round)?;
            Some(figure(round) / figure(other))
        });
        cell(Spread::of(ratios).map(|spread| format!("{spread:.2}")))
    };
    let median = |figure: &dyn Fn(&Round) -> f64, digits: usize| {
        let spread = Spread::of(own().map(|round| figure(round)));
        cell(spread.map(|spread| format!("{:.digits$}", spread.median)))
    };
    let refusals: u64 = own().map(|round| round.refusals).sum();
    let asked = refusals + own().map(|round| round.cycles).sum::<u64>();
    let _ = writeln!(
        text,
        "{:<22} {:>20} {:>20} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9.2} {:>7} {:>8}",
        server,
        ratio(Round::cycles_per_second),
        ratio(Round::cpu_per_cycle),
        median(&Round::cycles_per_second, 0),
        median(&|round| round.cpu_per_cycle() * 1e6, 1),
        median(&|round| round.client_cpu_per_cycle() * 1e6, 1),
        median(&|round| round.p50_seconds * 1e6, 0),
        median(&|round| round.p99_seconds * 1e6, 0),
        100.0 * refusals as f64 / asked.max(1) as f64,
        own().map(|round| round.errors).sum::<u64>(),
        own().map(|round| round.peak_rss_kib).max().unwrap_or(0) / 1024,
    );
}

fn cell(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

/// Each once, in the order of the first.
fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut each = Vec::new();
    for one in all {
        if !each.contains(&one) {
            each.push(one);
        }
    }
    each
}

/// Writes every measurement.
pub(crate) fn write_json(comparison: &Comparison, path: &Path) -> io::Result<()> {
    serde_json::to_writer_pretty(File::create(path)?, &comparison.rounds)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_the_median_and_the_ends() {
        let spread = Spread::of([3.0, 1.0, 2.0, f64::NAN].into_iter()).unwrap();
        assert_eq!(spread, Spread { median: 2.0, least: 1.0, most: 3.0 });
        assert_eq!(Spread::of([1.0, 2.0].into_iter()).unwrap().median, 1.5);
        assert_eq!(format!("{spread:.1}"), "2.0 (1.0-3.0)");
        assert!(Spread::of(std::iter::empty()).is_none());
    }
}
