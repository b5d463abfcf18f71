//! A bound on data connections that were accepted and never used.
//!
//! libunftp 0.24 keeps such a connection for 300 s, whatever becomes of its session: after another
//! `PASV`, after `QUIT`. Nobody can close it from outside, but those who have too many of them get
//! no further port. Descriptors are looked through only when the ports that were lent since the
//! last time might have led to too many.

use super::data_connections::{self, Owner, Tag};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most of one session. The fewer there may be, the more often they must be counted.
const MAX_OF_SESSION: usize = 32;

/// The most of one client are this part of all descriptors, and at most so many.
const PART_OF_CLIENT: u64 = 16;
const MAX_OF_CLIENT: u64 = 256;

/// For those who are known to have many, descriptors are not looked through more often. It takes
/// up to a microsecond for each.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// No more is remembered of who was lent ports since the last count.
const MAX_REMEMBERED: usize = 4096;

/// Whether a session may have another port. If so, it is taken to be lent one.
pub(super) fn admit(tag: Tag) -> bool {
    // Descriptors are the whole process's.
    static LEDGER: LazyLock<Mutex<Ledger>> = LazyLock::new(Mutex::default);
    LEDGER.lock().unwrap_or_else(PoisonError::into_inner).admit(tag)
}

#[derive(Debug, Default)]
struct Ledger {
    counted_at: Option<Instant>,
    counted: HashMap<Owner, usize>,
    /// How many ports were lent since then, each of which one connection may come from.
    lent: HashMap<Owner, usize>,
}

impl Ledger {
    fn admit(&mut self, tag: Tag) -> bool {
        let owners = [(tag.session, MAX_OF_SESSION), (tag.client, max_of_client())];
        let many = owners.iter().find(|(owner, most)| self.at_most(*owner) >= *most);
        if many.is_some_and(|(owner, most)| self.is_worth_counting(*owner, *most))
            || self.lent.len() >= MAX_REMEMBERED
        {
            self.count();
        }
        let admitted = owners.iter().all(|(owner, most)| self.at_most(*owner) < *most);
        if admitted {
            for (owner, _) in owners {
                *self.lent.entry(owner).or_default() += 1;
            }
        }
        admitted
    }

    fn at_most(&self, owner: Owner) -> usize {
        let of = |counts: &HashMap<Owner, usize>| counts.get(&owner).copied().unwrap_or(0);
        of(&self.counted) + of(&self.lent)
    }

    /// Counting costs everybody. So it must be a while ago, or have found so few that as many
    /// ports again were lent since.
    fn is_worth_counting(&self, owner: Owner, most: usize) -> bool {
        let counted = self.counted.get(&owner).copied().unwrap_or(0);
        counted <= most / 2 || self.counted_at.is_none_or(|at| at.elapsed() >= AT_MOST_EVERY)
    }

    fn count(&mut self) {
        self.counted.clear();
        self.lent.clear();
        let now = Instant::now();
        for connection in &*data_connections::all(now) {
            if connection.unused_for.is_some() {
                *self.counted.entry(connection.tag.session).or_default() += 1;
                *self.counted.entry(connection.tag.client).or_default() += 1;
            }
        }
        self.counted_at = Some(now);
    }
}

fn max_of_client() -> usize {
    let most = (data_connections::descriptors() / PART_OF_CLIENT).min(MAX_OF_CLIENT);
    usize::try_from(most).unwrap_or(usize::MAX).max(1)
}
