//! The times from reply to connection that a log has told, request by request.
//!
//! Each request draws from those of its client, so that a slow client stays a slow one and runs
//! still differ from each other. A client with few of them draws from everybody's.

use std::time::Duration;

use rand::{Rng, RngExt};

use crate::holding::{Holding, nanos};
use crate::recording::{NOT_MEASURED, Recording, Stamp};

/// With fewer, chance would have too much of a say.
const FEWEST: usize = 5;

#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// Where the times of each client begin in `times`; one more for the end.
    begins: Vec<usize>,
    /// In microseconds.
    times: Vec<u32>,
    /// Everybody's.
    sample: Vec<u32>,
    /// The mean of each client, in seconds, and everybody's.
    means: Vec<f64>,
    everybody: f64,
    /// Of the requests that no connection was seen for, so many never got one.
    never: f64,
    ttl: Duration,
    mean: f64,
    /// How many requests no connection was seen for.
    pub(crate) unseen: u64,
}

impl Held {
    /// `None` if the log tells nothing of single requests.
    pub(crate) fn new(recording: &Recording, holding: &Holding) -> Option<Self> {
        let sample = recording.measured.as_ref()?.sample.clone();
        if sample.is_empty() {
            return None;
        }
        let clients = recording.clients.len();
        let mut begins = vec![0_usize; clients + 1];
        for stamp in recording.requests.iter().filter(|stamp| stamp.held != NOT_MEASURED) {
            begins[stamp.client as usize + 1] += 1;
        }
        for client in 0..clients {
            begins[client + 1] += begins[client];
        }
        let (mut next, mut times) = (begins.clone(), vec![0; begins[clients]]);
        for stamp in recording.requests.iter().filter(|stamp| stamp.held != NOT_MEASURED) {
            times[next[stamp.client as usize]] = stamp.held;
            next[stamp.client as usize] += 1;
        }
        let ttl = holding.ttl.as_secs_f64();
        let mean = |times: &[u32]| {
            let sum: f64 = times.iter().map(|&time| (f64::from(time) / 1e6).min(ttl)).sum();
            sum / times.len().max(1) as f64
        };
        let everybody = mean(&sample);
        let means = begins
            .windows(2)
            .map(|ends| {
                let own = &times[ends[0]..ends[1]];
                if own.len() < FEWEST { everybody } else { mean(own) }
            })
            .collect();
        let all = recording.requests.len() as u64;
        let unseen = all - times.len() as u64;
        let never = if unseen == 0 { 0.0 } else { holding.never * all as f64 / unseen as f64 };
        let mut held = Self {
            begins,
            times,
            sample,
            means,
            everybody,
            never: never.min(1.0),
            ttl: holding.ttl,
            mean: 0.0,
            unseen,
        };
        let sum: f64 = recording.requests.iter().map(|stamp| held.expected(stamp)).sum();
        held.mean = sum / all as f64;
        Some(held)
    }

    pub(crate) fn mean(&self) -> Duration {
        Duration::from_secs_f64(self.mean)
    }

    /// The mean time that a request takes a port, in seconds.
    pub(crate) fn expected(&self, stamp: &Stamp) -> f64 {
        let mean = self.means.get(stamp.client as usize).copied().unwrap_or(self.everybody);
        if stamp.held == NOT_MEASURED {
            (1.0 - self.never) * mean + self.never * self.ttl.as_secs_f64()
        } else {
            mean
        }
    }

    /// Nanoseconds from the reply to the connection; `None` if it does not come before the
    /// deadline.
    pub(crate) fn draw(&self, stamp: &Stamp, random: &mut impl Rng) -> Option<u64> {
        if stamp.held == NOT_MEASURED && self.never > 0.0 && random.random_bool(self.never) {
            return None;
        }
        let client = stamp.client as usize;
        let own = &self.times[self.begins[client]..self.begins[client + 1]];
        let times = if own.len() < FEWEST { &self.sample } else { own };
        let after = u64::from(times[random.random_range(0..times.len())]) * 1000;
        (after < nanos(self.ttl)).then_some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holding::Connect;
    use crate::recording::{Grain, Measured};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn who_is_slow_stays_slow() {
        let stamp = |client, held| Stamp { at: 0, client, held };
        let mut requests = vec![stamp(0, 100_000); 10];
        requests.extend([stamp(1, 2_000_000); 10]);
        requests.push(stamp(0, NOT_MEASURED));
        let measured =
            Measured { requests: 20, mean: 1.05, error: 0.1, sample: vec![100_000, 2_000_000] };
        let recording = Recording {
            clients: vec!["a".into(), "b".into()],
            requests,
            grain: Grain::Fine,
            measured: Some(measured),
        };
        let connect = Connect::Fixed(Duration::from_secs(9));
        let holding = Holding { connect, never: 0.0, ttl: Duration::from_secs(15) };
        let held = Held::new(&recording, &holding).unwrap();
        let mut random = StdRng::seed_from_u64(1);
        assert_eq!(held.draw(&stamp(0, 1), &mut random), Some(100_000_000));
        assert_eq!(held.draw(&stamp(1, 1), &mut random), Some(2_000_000_000));
        assert_eq!(held.expected(&stamp(1, 1)), 2.0);
        // One in twenty-one never connects: the one that was not seen to.
        let never = Holding { never: 1.0 / 21.0, ..holding };
        let held = Held::new(&recording, &never).unwrap();
        assert_eq!(held.draw(&stamp(0, NOT_MEASURED), &mut random), None);
        assert_eq!(held.expected(&stamp(0, NOT_MEASURED)), 15.0);
    }
}
