//! Requests as they were recorded: when, and by which client.

/// The requests that a log tells of, in order.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    /// The clients' names, mostly addresses; a request names its client by position.
    pub(crate) clients: Vec<Box<str>>,
    /// In the order of time. The first is in the first second.
    pub(crate) requests: Vec<Stamp>,
    /// Whether times are whole seconds, within which the requests may have come at any moment.
    pub(crate) whole_seconds: bool,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// Nanoseconds since the start of the recording.
    pub(crate) at: u64,
    pub(crate) client: u32,
}

pub(crate) const SECOND: u64 = 1_000_000_000;

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
    fn densest(&self, window: u64) -> std::ops::Range<usize> {
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
        let mut counts = vec![0_u64; self.clients.len()];
        for stamp in &self.requests {
            counts[stamp.client as usize] += 1;
        }
        let (client, &count) = counts.iter().enumerate().max_by_key(|&(_, count)| count)?;
        Some((&self.clients[client], count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_stretch_and_client() {
        let stamp = |at, client| Stamp { at: at * SECOND, client };
        let recording = Recording {
            clients: vec!["a".into(), "b".into()],
            requests: vec![stamp(0, 0), stamp(5, 1), stamp(6, 1), stamp(6, 0), stamp(30, 1)],
            whole_seconds: true,
        };
        assert_eq!(recording.peak(SECOND), 3);
        assert_eq!(recording.peak(0), 2);
        assert_eq!(recording.span(), 30 * SECOND);
        assert_eq!(recording.busiest_client(), Some(("b", 3)));
    }
}
