//! How many sessions there may be.

use crate::observe::events::SessionRefused;
use crate::origin::Origin;
use mux_core::Client;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the sessions that there are.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    overall: NonZeroUsize,
    per_origin: NonZeroUsize,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    overall: usize,
    /// No entry is 0, so there are no more of them than sessions.
    by_origin: HashMap<Origin, usize>,
}

/// A session that counts until this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    origin: Origin,
    counts: Arc<Mutex<Counts>>,
}

impl Admission {
    pub(super) fn new(overall: NonZeroUsize, per_origin: NonZeroUsize) -> Self {
        Self { overall, per_origin, counts: Arc::default() }
    }

    /// Counts one more session of `client`, unless there are too many.
    pub(super) fn admit(&self, client: Client) -> Result<Admitted, SessionRefused> {
        let origin = Origin::from(client);
        let mut counts = lock(&self.counts);
        if counts.overall >= self.overall.get() {
            return Err(SessionRefused::TooMany);
        }
        match counts.by_origin.entry(origin) {
            Entry::Vacant(entry) => {
                entry.insert(1);
            }
            Entry::Occupied(entry) if *entry.get() >= self.per_origin.get() => {
                return Err(SessionRefused::TooManyOfClient);
            }
            Entry::Occupied(mut entry) => *entry.get_mut() += 1,
        }
        counts.overall += 1;
        Ok(Admitted { origin, counts: Arc::clone(&self.counts) })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.overall -= 1;
        if let Entry::Occupied(mut entry) = counts.by_origin.entry(self.origin) {
            if *entry.get() > 1 {
                *entry.get_mut() -= 1;
            } else {
                entry.remove();
            }
        }
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn admission(overall: usize, per_origin: usize) -> Admission {
        let number = |number| NonZeroUsize::new(number).unwrap();
        Admission::new(number(overall), number(per_origin))
    }

    fn client(number: u8) -> Client {
        IpAddr::from([127, 0, 0, number]).into()
    }

    #[test]
    fn one_client_leaves_room_for_others() {
        let admission = admission(10, 2);
        let held: Vec<_> = (0..2).map(|_| admission.admit(client(1)).unwrap()).collect();
        assert_eq!(admission.admit(client(1)).unwrap_err(), SessionRefused::TooManyOfClient);
        let _other = admission.admit(client(2)).unwrap();
        drop(held);
        let _again = admission.admit(client(1)).unwrap();
    }

    #[test]
    fn all_together_are_limited() {
        let admission = admission(3, 3);
        let held: Vec<_> = (0..3).map(|n| admission.admit(client(n)).unwrap()).collect();
        assert_eq!(admission.admit(client(9)).unwrap_err(), SessionRefused::TooMany);
        drop(held);
        assert!(admission.admit(client(9)).is_ok());
    }

    #[test]
    fn nothing_is_kept_of_those_who_have_gone() {
        let admission = admission(1000, 5);
        for number in 0..200 {
            let _one = admission.admit(client(number)).unwrap();
        }
        assert!(lock(&admission.counts).by_origin.is_empty());
        assert_eq!(lock(&admission.counts).overall, 0);
    }
}
