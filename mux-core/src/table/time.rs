//! Time as the table knows it: a number that the caller brings along.

use std::ops::Add;
use std::time::Duration;

/// A moment, in nanoseconds since an origin of the caller's choice.
///
/// The table has no clock. Its caller says what time it is, which is also what makes
/// expiry testable and simulations fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The origin.
    pub const ZERO: Self = Self(0);
    /// Later than every deadline.
    pub const MAX: Self = Self(u64::MAX);

    /// The moment `nanos` nanoseconds after the origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    /// Saturates at [`Time::MAX`], 584 years after the origin.
    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn time_adds_up_and_stops_at_the_end() {
        let time = Time::from_nanos(5) + Duration::from_micros(2);
        assert_eq!(time, Time::from_nanos(2_005));
        assert_eq!(time.saturating_since(Time::from_nanos(5)), Duration::from_micros(2));
        assert_eq!(Time::from_nanos(5).saturating_since(time), Duration::ZERO);
        assert_eq!(time + Duration::MAX, Time::MAX);
    }
}
