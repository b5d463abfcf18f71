//! How many sessions there may be.

use super::events::SessionRefused;
use super::origin::Origin;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most sessions of all clients, and of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) overall: NonZeroUsize,
    pub(super) per_origin: NonZeroUsize,
}

impl Limits {
    pub(super) const NONE: Self =
        Self { overall: NonZeroUsize::MAX, per_origin: NonZeroUsize::MAX };
}

/// Counts the sessions that there are.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    limits: Limits,
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
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, counts: Arc::default() }
    }

    /// Counts one more session from `origin`, unless there are too many.
    pub(super) fn admit(&self, origin: Origin) -> Result<Admitted, SessionRefused> {
        let mut counts = lock(&self.counts);
        if counts.overall >= self.limits.overall.get() {
            return Err(SessionRefused::TooMany);
        }
        match counts.by_origin.entry(origin) {
            Entry::Vacant(entry) => {
                entry.insert(1);
            }
            Entry::Occupied(entry) if *entry.get() >= self.limits.per_origin.get() => {
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
        Admission::new(Limits { overall: number(overall), per_origin: number(per_origin) })
    }

    fn origin(number: u8) -> Origin {
        IpAddr::from([127, 0, 0, number]).into()
    }

    #[test]
    fn one_client_leaves_room_for_others() {
        let admission = admission(10, 2);
        let held: Vec<_> = (0..2).map(|_| admission.admit(origin(1)).unwrap()).collect();
        assert_eq!(admission.admit(origin(1)).unwrap_err(), SessionRefused::TooManyOfClient);
        let _other = admission.admit(origin(2)).unwrap();
        drop(held);
        let _again = admission.admit(origin(1)).unwrap();
    }

    #[test]
    fn all_together_are_limited() {
        let admission = admission(3, 3);
        let held: Vec<_> = (0..3).map(|n| admission.admit(origin(n)).unwrap()).collect();
        assert_eq!(admission.admit(origin(9)).unwrap_err(), SessionRefused::TooMany);
        drop(held);
        assert!(admission.admit(origin(9)).is_ok());
    }

    #[test]
    fn nothing_is_kept_of_those_who_have_gone() {
        let admission = admission(1000, 5);
        for number in 0..200 {
            let _one = admission.admit(origin(number)).unwrap();
        }
        assert!(lock(&admission.counts).by_origin.is_empty());
        assert_eq!(lock(&admission.counts).overall, 0);
    }
}
