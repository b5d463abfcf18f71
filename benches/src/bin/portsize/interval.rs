//! How sure a simulated share is.

use statrs::distribution::{ChiSquared, ContinuousCDF, StudentsT};

/// A share with its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) share: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// The confidence that intervals are for.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// The share of requests refused over independent replications, each `(requests, refused)`, with
/// an interval for `confidence`.
///
/// Student's t over the replications, so that refusals may come in clumps. Where so few were
/// refused that the spread between replications says little, the exact Poisson bounds for the
/// total are wider, and count: with none refused of n requests, at most 3.7 / n at 95 %.
pub(crate) fn of_replications(replications: &[(u64, u64)], confidence: f64) -> Interval {
    let requests: u64 = replications.iter().map(|&(requests, _)| requests).sum();
    let refused: u64 = replications.iter().map(|&(_, refused)| refused).sum();
    if requests == 0 {
        return Interval { share: 0.0, low: 0.0, high: 1.0 };
    }
    let total = requests as f64;
    let share = refused as f64 / total;

    let tail = (1.0 - confidence) / 2.0;
    let count = replications.len() as f64;
    let spread = if replications.len() < 2 {
        0.0
    } else {
        // Of a ratio: what each replication contributes beyond its share of the requests.
        let mean = total / count;
        let squares: f64 = replications
            .iter()
            .map(|&(requests, refused)| ((refused as f64 - share * requests as f64) / mean).powi(2))
            .sum();
        let error = (squares / (count - 1.0) / count).sqrt();
        let student = StudentsT::new(0.0, 1.0, count - 1.0).expect("at least one degree");
        student.inverse_cdf(1.0 - tail) * error
    };

    let k = refused as f64;
    let quantile = |at: f64, degrees: f64| {
        ChiSquared::new(degrees).expect("degrees above zero").inverse_cdf(at) / 2.0 / total
    };
    // The exact bounds are for few; for many they come to nothing beside the spread.
    let (few_low, few_high) = match refused {
        0 => (0.0, quantile(1.0 - tail, 2.0)),
        1..=100 => (quantile(tail, 2.0 * k), quantile(1.0 - tail, 2.0 * k + 2.0)),
        _ => (share, share),
    };
    Interval {
        share,
        low: (share - spread).min(few_low).max(0.0),
        high: (share + spread).max(few_high).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_refused_is_not_certainty() {
        let interval = of_replications(&[(1000, 0); 10], 0.95);
        assert_eq!((interval.share, interval.low), (0.0, 0.0));
        assert!((interval.high - 3.689e-4).abs() < 1e-6, "{interval:?}");
    }

    #[test]
    fn the_spread_is_students() {
        // Shares of 0.2, 0.3 and 0.4: the mean is 0.3, its error 0.1 / sqrt(3), t is 4.303.
        let interval = of_replications(&[(1000, 200), (1000, 300), (1000, 400)], 0.95);
        assert!((interval.share - 0.3).abs() < 1e-12);
        assert!((interval.high - 0.3 - 0.2484).abs() < 1e-3, "{interval:?}");
        assert!((0.3 - interval.low - 0.2484).abs() < 1e-3, "{interval:?}");
    }
}
