//! How long a port is taken: from the reply until the client has connected, or until the deadline.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp, LogNormal};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::quantity::{positive, written};

/// How long clients take from the reply to their connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Connect {
    /// Always the same.
    Fixed(Duration),
    /// Exponential, with this mean.
    Exponential(Duration),
    /// Log-normal: half connect within the median, 95 of 100 within `p95`.
    LogNormal { median: Duration, p95: Duration },
}

/// The standard normal quantile of 95 %.
const Z95: f64 = 1.644_853_626_951_472_7;

impl FromStr for Connect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((kind, rest)) = text.split_once(':') else {
            return positive(text).map(Self::Fixed).map_err(|error| {
                format!("{error}; or exp:200ms, or lognormal:100ms,500ms (half, 95 of 100)")
            });
        };
        match kind {
            "fixed" => positive(rest).map(Self::Fixed),
            "exp" => positive(rest).map(Self::Exponential),
            "lognormal" => {
                let (median, p95) = rest.split_once(',').ok_or(
                    "give the time within which half connect, and 95 of 100: \
                     lognormal:100ms,500ms",
                )?;
                let (median, p95) = (positive(median)?, positive(p95)?);
                if p95 <= median {
                    return Err(
                        "95 of 100 take longer than half: give the shorter time first".to_owned()
                    );
                }
                Ok(Self::LogNormal { median, p95 })
            }
            _ => Err(format!(
                "{kind:?} is not a distribution: write 200ms, exp:200ms or lognormal:100ms,500ms"
            )),
        }
    }
}

impl fmt::Display for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Fixed(time) => write!(f, "{} after the reply", written(time)),
            Self::Exponential(mean) => {
                write!(f, "{} after the reply on average (exponential)", written(mean))
            }
            Self::LogNormal { median, p95 } => write!(
                f,
                "{} after the reply in half of the cases, within {} in 95 of 100",
                written(median),
                written(p95)
            ),
        }
    }
}

impl Connect {
    /// What is assumed where nobody knows.
    pub(crate) const ASSUMED: Self =
        Self::LogNormal { median: Duration::from_millis(100), p95: Duration::from_millis(500) };

    /// Log-normal with that mean, shaped as the usual assumption is.
    pub(crate) fn of_mean(seconds: f64) -> Self {
        let (_, sigma) =
            Self::log_parameters(Duration::from_millis(100), Duration::from_millis(500));
        let median = Duration::from_secs_f64((seconds / (sigma * sigma / 2.0).exp()).max(1e-6));
        Self::LogNormal { median, p95: median * 5 }
    }

    /// What it is about: the time itself, its mean or its median.
    pub(crate) fn usual(self) -> Duration {
        match self {
            Self::Fixed(time) | Self::Exponential(time) => time,
            Self::LogNormal { median, .. } => median,
        }
    }

    /// The parameters of the logarithm, for log-normal times in seconds.
    fn log_parameters(median: Duration, p95: Duration) -> (f64, f64) {
        let mu = median.as_secs_f64().ln();
        (mu, (p95.as_secs_f64().ln() - mu) / Z95)
    }

    /// The mean of the time, or of `limit` where the time is longer, in seconds.
    fn mean_up_to(self, limit: f64) -> f64 {
        match self {
            Self::Fixed(time) => time.as_secs_f64().min(limit),
            Self::Exponential(mean) => {
                let mean = mean.as_secs_f64();
                -mean * (-limit / mean).exp_m1()
            }
            Self::LogNormal { median, p95 } => {
                let (mu, sigma) = Self::log_parameters(median, p95);
                let normal = Normal::standard();
                let z = (limit.ln() - mu) / sigma;
                (mu + sigma * sigma / 2.0).exp() * normal.cdf(z - sigma) + limit * normal.sf(z)
            }
        }
    }
}

/// How long a port is taken, everything considered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holding {
    pub(crate) connect: Connect,
    /// The share of clients that never connect.
    pub(crate) never: f64,
    /// After what time a reservation expires.
    pub(crate) ttl: Duration,
}

impl Holding {
    /// The mean time that a port is taken.
    pub(crate) fn mean(&self) -> Duration {
        let ttl = self.ttl.as_secs_f64();
        let mean = (1.0 - self.never) * self.connect.mean_up_to(ttl) + self.never * ttl;
        Duration::from_secs_f64(mean)
    }

    /// Whether it is exponential, but for a difference that nobody sees.
    pub(crate) fn is_exponential(&self) -> bool {
        let Connect::Exponential(mean) = self.connect else { return false };
        self.never == 0.0 && self.ttl >= 10 * mean
    }

    /// After what time from an empty start the past no longer matters.
    pub(crate) fn settled_after(&self) -> Duration {
        if self.never > 0.0 { self.ttl } else { self.ttl.min(20 * self.mean()) }
    }

    pub(crate) fn sampler(&self) -> Sampler {
        let connect = match self.connect {
            Connect::Fixed(time) => Drawn::Fixed(time.as_secs_f64()),
            Connect::Exponential(mean) => {
                Drawn::Exponential(Exp::new(mean.as_secs_f64().recip()).expect("a mean above zero"))
            }
            Connect::LogNormal { median, p95 } => {
                let (mu, sigma) = Connect::log_parameters(median, p95);
                Drawn::LogNormal(LogNormal::new(mu, sigma).expect("finite parameters"))
            }
        };
        Sampler { connect, never: self.never, ttl: nanos(self.ttl) }
    }
}

/// Draws times from reply to connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampler {
    connect: Drawn,
    never: f64,
    ttl: u64,
}

#[derive(Clone, Copy, Debug)]
enum Drawn {
    Fixed(f64),
    Exponential(Exp<f64>),
    LogNormal(LogNormal<f64>),
}

impl Sampler {
    /// Nanoseconds from the reply to the connection; `None` if it does not come before the
    /// deadline.
    pub(crate) fn draw(&self, random: &mut impl Rng) -> Option<u64> {
        if self.never > 0.0 && random.random_bool(self.never) {
            return None;
        }
        let seconds = match &self.connect {
            Drawn::Fixed(time) => *time,
            Drawn::Exponential(times) => times.sample(random),
            Drawn::LogNormal(times) => times.sample(random),
        };
        let after = (seconds * 1e9) as u64;
        (after < self.ttl).then_some(after)
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn the_mean_is_that_of_what_is_drawn() {
        for (connect, never, ttl) in [
            ("200ms", 0.0, 15.0),
            ("200ms", 0.05, 15.0),
            ("exp:1s", 0.0, 1.5),
            ("lognormal:100ms,500ms", 0.01, 15.0),
            ("lognormal:1s,5s", 0.0, 2.0),
        ] {
            let ttl = Duration::from_secs_f64(ttl);
            let holding = Holding { connect: connect.parse().unwrap(), never, ttl };
            let sampler = holding.sampler();
            let mut random = StdRng::seed_from_u64(1);
            let draws = 400_000;
            let held: f64 = (0..draws)
                .map(|_| sampler.draw(&mut random).unwrap_or(nanos(ttl)) as f64 / 1e9)
                .sum();
            let (drawn, said) = (held / f64::from(draws), holding.mean().as_secs_f64());
            assert!((drawn / said - 1.0).abs() < 0.03, "{connect}: {drawn} and {said}");
        }
    }

    #[test]
    fn half_connect_within_the_median_and_95_of_100_within_p95() {
        let connect: Connect = "lognormal:100ms,500ms".parse().unwrap();
        let sampler = Holding { connect, never: 0.0, ttl: Duration::from_secs(999) }.sampler();
        let mut random = StdRng::seed_from_u64(2);
        let draws: Vec<u64> = (0..100_000).filter_map(|_| sampler.draw(&mut random)).collect();
        let within = |ms: u64| draws.iter().filter(|&&d| d <= ms * 1_000_000).count() as f64 / 1e5;
        assert!((within(100) - 0.5).abs() < 0.01);
        assert!((within(500) - 0.95).abs() < 0.005);
    }

    #[test]
    fn a_mean_alone_gets_the_usual_shape() {
        let connect = Connect::of_mean(0.3);
        assert!((connect.mean_up_to(1e6) - 0.3).abs() < 1e-3, "{connect}");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "0s", "exp", "exp:0s", "lognormal:1s", "lognormal:2s,1s", "gamma:1s"] {
            assert!(text.parse::<Connect>().is_err(), "{text}");
        }
    }
}
