//! Requests as they were recorded: when, and by which client.

/// The requests that a log tells of, in order.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    /// The clients' names, mostly addresses; a request names its client by position.
    pub(crate) clients: Vec<Box<str>>,
    /// In the order of time. The first is in the first second.
    pub(crate) requests: Vec<Stamp>,
    /// How exactly times are known.
    pub(crate) grain: Grain,
    /// What is known of the times from reply to connection.
    pub(crate) measured: Option<Measured>,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// Nanoseconds since the start of the recording.
    pub(crate) at: u64,
    pub(crate) client: u32,
    /// Microseconds from the reply to the connection, or [`NOT_MEASURED`].
    pub(crate) held: u32,
}

pub(crate) const NOT_MEASURED: u32 = u32::MAX;
pub(crate) const SECOND: u64 = 1_000_000_000;
pub(crate) const HOUR: u64 = 3600 * SECOND;

/// How exactly a moment is known. A request was made at any moment within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Grain {
    #[default]
    Fine,
    Second,
    Minute,
}

impl Grain {
    pub(crate) fn nanos(self) -> u64 {
        match self {
            Self::Fine => 1,
            Self::Second => SECOND,
            Self::Minute => 60 * SECOND,
        }
    }
}

/// The times from reply to connection that a log tells of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    /// Of so many requests.
    pub(crate) requests: u64,
    /// In seconds.
    pub(crate) mean: f64,
    /// The standard error of the mean.
    pub(crate) error: f64,
    /// Some of them in microseconds, from the shortest to the longest, where single ones are
    /// known; empty where whole seconds tell only the mean.
    pub(crate) sample: Vec<u32>,
}

impl Measured {
    /// What is reckoned with where only the mean is known: it is hardly longer.
    pub(crate) fn cautious_mean(&self) -> f64 {
        self.mean + 2.0 * self.error
    }
}

/// One client's part of a recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) client: u32,
    pub(crate) requests: u64,
    /// The most requests of an hour, by the clock of the recording.
    pub(crate) busiest_hour: u64,
}

impl Recording {
    /// From the first request to the last, in nanoseconds, but at least a second.
    pub(crate) fn span(&self) -> u64 {
        self.requests.last().map_or(0, |last| last.at).max(SECOND)
    }

    /// The most requests within `window` nanoseconds.
    pub(crate) fn peak(&self, window: u64) -> usize {
        self.densest(window).len()
    }

    /// The requests of the busiest stretch of `window` nanoseconds.
    pub(crate) fn densest(&self, window: u64) -> std::ops::Range<usize> {
        let mut first = 0;
        let mut densest = 0..0;
        for (last, stamp) in self.requests.iter().enumerate() {
            while self.requests[first].at.saturating_add(window) < stamp.at {
                first += 1;
            }
            if last + 1 - first > densest.len() {
                densest = first..last + 1;
            }
        }
        densest
    }

    /// The client with the most requests: its name, and how many.
    pub(crate) fn busiest_client(&self) -> Option<(&str, u64)> {
        let busiest = *self.busiest(1).first()?;
        Some((&self.clients[busiest.client as usize], busiest.requests))
    }

    /// The `most` clients with the most requests, the busiest first.
    pub(crate) fn busiest(&self, most: usize) -> Vec<Part> {
        let mut parts = self.parts();
        // As many requests are told apart by position, so that the order is always the same.
        parts.sort_by_key(|part| (std::cmp::Reverse(part.requests), part.client));
        parts.truncate(most);
        parts
    }

    /// The part of each client.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = (0..self.clients.len() as u32)
            .map(|client| Part { client, requests: 0, busiest_hour: 0 })
            .collect();
        let mut hours: Vec<(u64, u64)> = vec![(0, 0); parts.len()];
        for stamp in &self.requests {
            let (part, present) =
                (&mut parts[stamp.client as usize], &mut hours[stamp.client as usize]);
            let hour = self.hour_of(stamp);
            if present.0 != hour {
                *present = (hour, 0);
            }
            present.1 += 1;
            part.requests += 1;
            part.busiest_hour = part.busiest_hour.max(present.1);
        }
        parts
    }

    /// How long its hours are: all of it, if that is less than an hour.
    pub(crate) fn hour(&self) -> u64 {
        self.span().min(HOUR)
    }

    /// The number of a request's hour. The last moment belongs to the hour that it ends.
    pub(crate) fn hour_of(&self, stamp: &Stamp) -> u64 {
        (stamp.at / self.hour()).min((self.span() - 1) / self.hour())
    }

    /// Leaves out the clients that asked for nothing.
    pub(crate) fn forget_the_idle(&mut self) {
        let mut asked = vec![false; self.clients.len()];
        for stamp in &self.requests {
            asked[stamp.client as usize] = true;
        }
        self.keep(&asked);
    }

    /// Leaves out all clients but some; the others have no requests.
    fn keep(&mut self, kept: &[bool]) {
        let mut next = 0;
        let numbers: Vec<u32> = kept
            .iter()
            .map(|&kept| {
                next += u32::from(kept);
                next.saturating_sub(1)
            })
            .collect();
        let mut kept = kept.iter();
        self.clients.retain(|_| kept.next().is_some_and(|kept| *kept));
        for stamp in &mut self.requests {
            stamp.client = numbers[stamp.client as usize];
        }
    }

    /// The same requests, coming `times` as fast.
    pub(crate) fn speed_up(&mut self, times: f64) {
        for stamp in &mut self.requests {
            stamp.at = (stamp.at as f64 / times) as u64;
        }
        if times != 1.0 {
            self.grain = Grain::Fine;
        }
    }

    /// The same requests, with the `most` busiest clients behind one address.
    pub(crate) fn put_behind_one(&mut self, most: usize) {
        let busiest = self.busiest(most);
        let Some(first) = busiest.first().map(|part| part.client) else { return };
        for stamp in &mut self.requests {
            if busiest.iter().any(|part| part.client == stamp.client) {
                stamp.client = first;
            }
        }
        self.clients[first as usize] =
            format!("the {} busiest behind one address", busiest.len()).into();
        let gone = |client| busiest[1..].iter().any(|part| part.client == client);
        let kept: Vec<bool> = (0..self.clients.len() as u32).map(|client| !gone(client)).collect();
        self.keep(&kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(at: u64, client: u32) -> Stamp {
        Stamp { at: at * SECOND, client, held: NOT_MEASURED }
    }

    fn recording(requests: Vec<Stamp>) -> Recording {
        Recording {
            clients: vec!["a".into(), "b".into(), "c".into()],
            requests,
            grain: Grain::Second,
            measured: None,
        }
    }

    #[test]
    fn the_busiest_stretch_and_client() {
        let recording =
            recording(vec![stamp(0, 0), stamp(5, 1), stamp(6, 1), stamp(6, 0), stamp(30, 1)]);
        assert_eq!(recording.peak(SECOND), 3);
        assert_eq!(recording.peak(0), 2);
        assert_eq!(recording.span(), 30 * SECOND);
        assert_eq!(recording.busiest_client(), Some(("b", 3)));
    }

    #[test]
    fn clients_behind_one_address_are_one_client() {
        let mut recording = recording(vec![stamp(0, 1), stamp(1, 1), stamp(2, 2), stamp(3, 0)]);
        recording.put_behind_one(2);
        assert_eq!(recording.clients.len(), 2);
        let clients: Vec<u32> = recording.requests.iter().map(|stamp| stamp.client).collect();
        assert_eq!(clients, [0, 0, 1, 0]);
        assert_eq!(recording.busiest(9)[0].requests, 3);
        assert!(recording.busiest_client().unwrap().0.contains("behind one address"));
    }
}
