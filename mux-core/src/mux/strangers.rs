//! The last addresses that were turned away on each port.
//!
//! A client that connects from another address than its control connection's is a stranger on the
//! port that it was told. Its session sees nobody come. This record lets the session say who came
//! meanwhile.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::{Client, PortSet};

/// Addresses kept for each port.
const PER_PORT: usize = 8;

/// For each port the last strangers, each address once. Memory is taken when the first one comes.
#[derive(Debug)]
pub(super) struct Strangers(Box<[Mutex<Vec<Stranger>>]>);

#[derive(Debug)]
struct Stranger {
    client: Client,
    last_seen: Instant,
}

impl Strangers {
    pub(super) fn new(ports: &PortSet) -> Self {
        Self(ports.iter().map(|_| Mutex::default()).collect())
    }

    /// Records `client`. Never waits: while the record of this port is read, nothing is
    /// recorded.
    pub(super) fn record(&self, port_index: u16, client: Client) {
        let Ok(mut known) = self.0[usize::from(port_index)].try_lock() else { return };
        let last_seen = Instant::now();
        if let Some(stranger) = known.iter_mut().find(|stranger| stranger.client == client) {
            stranger.last_seen = last_seen;
        } else if known.len() < PER_PORT {
            known.push(Stranger { client, last_seen });
        } else if let Some(oldest) = known.iter_mut().min_by_key(|stranger| stranger.last_seen) {
            *oldest = Stranger { client, last_seen };
        }
    }

    /// The strangers seen at `since` or later, the last one first.
    pub(super) fn since(&self, port_index: u16, since: Instant) -> Vec<Client> {
        let known = self.0[usize::from(port_index)].lock().unwrap_or_else(PoisonError::into_inner);
        let mut recent: Vec<&Stranger> =
            known.iter().filter(|stranger| stranger.last_seen >= since).collect();
        recent.sort_unstable_by_key(|stranger| std::cmp::Reverse(stranger.last_seen));
        recent.into_iter().map(|stranger| stranger.client).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> Client {
        std::net::IpAddr::from([192, 0, 2, last]).into()
    }

    fn strangers() -> Strangers {
        Strangers::new(&"8192-8193".parse().unwrap())
    }

    #[test]
    fn the_last_ones_of_the_port_are_told_latest_first() {
        let (strangers, start) = (strangers(), Instant::now());
        for last in [1, 2, 1] {
            strangers.record(0, client(last));
        }
        strangers.record(1, client(3));
        assert_eq!(strangers.since(0, start), [client(1), client(2)]);
        assert_eq!(strangers.since(1, start), [client(3)]);
    }

    #[test]
    fn those_seen_before_are_not_told() {
        let strangers = strangers();
        strangers.record(0, client(1));
        let later = Instant::now() + std::time::Duration::from_secs(1);
        assert_eq!(strangers.since(0, later), []);
    }

    #[test]
    fn a_crowd_takes_no_more_memory_and_leaves_its_last_ones() {
        let (strangers, start) = (strangers(), Instant::now());
        for last in 0..=200 {
            strangers.record(0, client(last));
        }
        let told = strangers.since(0, start);
        assert_eq!((told.len(), told[0]), (PER_PORT, client(200)));
    }

    #[test]
    fn an_accept_does_not_wait_for_a_reader() {
        let (strangers, start) = (strangers(), Instant::now());
        let reader = strangers.0[0].lock().unwrap();
        strangers.record(0, client(1));
        drop(reader);
        assert_eq!(strangers.since(0, start), []);
    }
}
