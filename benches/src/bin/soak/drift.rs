//! Whether something grows: the last third of the samples beside the second.

use crate::sample::Sample;
use std::fmt;

/// How one quantity went.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Growth {
    what: &'static str,
    /// The medians over the thirds.
    before: f64,
    after: f64,
    /// How much more the last may be.
    tolerance: f64,
}

impl Growth {
    /// Whether it grew no more than it may.
    pub(crate) fn is_bounded(&self) -> bool {
        self.after <= self.before + self.tolerance
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, before, after, tolerance } = self;
        let verdict = if self.is_bounded() { "bounded" } else { "GROWS" };
        write!(
            f,
            "{what} {before:.0} in the second third and {after:.0} in the last \
             (up to {tolerance:.0} more are allowed): {verdict}"
        )
    }
}

/// What may not grow, and how far it may vary: sessions come and go, and so do their descriptors;
/// allocators keep what they may need again, and runtimes their threads for blocking work, of which
/// a burst on the machine makes more. Latency is drawn and not judged, because it is the
/// machine's as much as the server's.
pub(crate) fn of(samples: &[Sample]) -> Vec<Growth> {
    [
        ("descriptors", (|s| s.descriptors) as fn(&Sample) -> u64, 0.02, 6.0),
        ("memory in KiB", |s| s.memory, 0.05, 2048.0),
        ("threads", |s| s.threads, 0.0, 16.0),
    ]
    .into_iter()
    .map(|(what, of, share, least)| {
        let third = samples.len() / 3;
        let before = median(samples.iter().skip(third).take(third).map(of));
        let after = median(samples.iter().skip(2 * third).map(of));
        Growth { what, before, after, tolerance: f64::max(before * share, least) }
    })
    .collect()
}

fn median(values: impl Iterator<Item = u64>) -> f64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).map_or(0.0, |value| *value as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(descriptors: impl Fn(u64) -> u64) -> Vec<Sample> {
        let at = |n| Sample {
            seconds: n as f64,
            descriptors: descriptors(n),
            memory: 20_000,
            threads: 5,
            pending: None,
            p50: 1.0,
            p99: 2.0,
        };
        (0..300).map(at).collect()
    }

    #[test]
    fn what_comes_and_goes_is_bounded() {
        let growths = of(&samples(|n| 400 + n % 40));
        assert!(growths.iter().all(Growth::is_bounded), "{growths:?}");
    }

    #[test]
    fn what_grows_at_first_is_bounded() {
        assert!(of(&samples(|n| 400 + n.min(90)))[0].is_bounded());
    }

    #[test]
    fn one_descriptor_in_ten_samples_is_too_much() {
        let growths = of(&samples(|n| 400 + n / 10));
        assert!(!growths[0].is_bounded(), "{}", growths[0]);
        assert!(growths[1].is_bounded());
    }
}
