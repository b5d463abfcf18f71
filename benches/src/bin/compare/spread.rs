//! The middle of some figures, and how sure it is.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use std::fmt;

/// A median with its 95 % confidence interval, by bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// How often the figures are drawn anew.
const DRAWS: usize = 500;

impl Spread {
    /// `None` if there is no figure.
    pub(crate) fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.filter(|figure| figure.is_finite()).collect();
        let middle = median(&mut figures)?;
        // Seeded, so that the same figures give the same report.
        let mut random = StdRng::seed_from_u64(1);
        let mut drawn = vec![0.0; figures.len()];
        let mut medians: Vec<f64> = (0..DRAWS)
            .filter_map(|_| {
                drawn.fill_with(|| figures[random.random_range(0..figures.len())]);
                median(&mut drawn)
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        let at = |part: f64| medians[(part * (DRAWS - 1) as f64).round() as usize];
        Some(Self { median: middle, low: at(0.025), high: at(0.975) })
    }
}

fn median(figures: &mut [f64]) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    let upper = *figures.get(middle)?;
    let even = figures.len().is_multiple_of(2);
    Some(if even { f64::midpoint(figures[middle - 1], upper) } else { upper })
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let Self { median, low, high } = self;
        write!(f, "{median:.digits$} ({low:.digits$}-{high:.digits$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_encloses_the_median_and_lies_within_the_figures() {
        let figures = [3.0, 1.0, 2.0, 8.0, 2.5, f64::NAN];
        let spread = Spread::of(figures.into_iter()).unwrap();
        assert_eq!(spread.median, 2.5);
        assert!(1.0 <= spread.low && spread.low <= 2.5 && 2.5 <= spread.high && spread.high <= 8.0);
        assert_eq!(Spread::of([1.0, 2.0].into_iter()).unwrap().median, 1.5);
        let alone = Spread { median: 4.0, low: 4.0, high: 4.0 };
        assert_eq!(Spread::of([4.0].into_iter()), Some(alone));
        assert_eq!(format!("{alone:.1}"), "4.0 (4.0-4.0)");
        assert!(Spread::of(std::iter::empty()).is_none());
    }
}
