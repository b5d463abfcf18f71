//! One design with reservations in it, and the operations on it.

use super::design::{Design, Key};
use super::operation::Operation;
use super::share::{LATER, Share, Spent, client, reserve};
use super::stopwatch::Stopwatch;
use mux_core::ClientKey;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::fmt;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

/// How many different strangers there are.
const STRANGERS: usize = 1 << 17;

/// A design, whichever it is.
pub(super) trait Contestant {
    fn name(&self) -> &'static str;
    /// Nanoseconds for one operation, as each of the threads sees it; `None` if the design cannot
    /// have so many.
    fn measure(&mut self, operation: Operation, threads: usize, time: Duration) -> Option<f64>;
}

/// A design that one thread can use.
pub(super) struct Alone<D>(Filled<D>);
/// A design that several threads can use.
pub(super) struct Shared<D>(Filled<D>);

struct Filled<D> {
    name: &'static str,
    table: D,
    width: u16,
    keys: Keys,
}

/// Who is looked for.
struct Keys {
    /// What is pending, in random order.
    pending: Vec<Key>,
    strangers: Vec<Key>,
}

impl<D: Design> Filled<D> {
    fn new(name: &'static str, width: u16, count: usize, capacity: usize) -> Self {
        let table = D::new(width, capacity);
        let mut pending: Vec<Key> = (0..count)
            .map(|number| (reserve(&table, client(number), LATER).0, client(number)))
            .collect();
        pending.shuffle(&mut StdRng::seed_from_u64(1));
        let stranger = |number: usize| (pending[number % count].0, client((1 << 25) + number));
        let strangers = (0..STRANGERS).map(stranger).collect();
        Self { name, table, width, keys: Keys { pending, strangers } }
    }
}

impl Keys {
    /// What each thread works on.
    fn shares(&mut self, threads: usize) -> Vec<Share<'_>> {
        let strangers = self.strangers.chunks(self.strangers.len() / threads);
        let each = self.pending.len().div_ceil(threads);
        let pending = self.pending.chunks_mut(each);
        let stopwatch = Stopwatch::for_threads(threads);
        let own = |thread: usize| -> ClientKey { client((1 << 27) + (thread << 20)) };
        pending
            .zip(strangers)
            .enumerate()
            .map(|(thread, (pending, strangers))| {
                Share::new(pending, strangers, own(thread), stopwatch)
            })
            .collect()
    }
}

impl<D: Design> Alone<D> {
    pub(super) fn new(name: &'static str, width: u16, count: usize, capacity: usize) -> Self {
        Self(Filled::new(name, width, count, capacity))
    }
}

impl<D: Design + Sync> Shared<D> {
    pub(super) fn new(name: &'static str, width: u16, count: usize, capacity: usize) -> Self {
        Self(Filled::new(name, width, count, capacity))
    }
}

impl<D: Design> Contestant for Alone<D> {
    fn name(&self) -> &'static str {
        self.0.name
    }

    fn measure(&mut self, operation: Operation, threads: usize, time: Duration) -> Option<f64> {
        let Filled { table, width, keys, .. } = &mut self.0;
        let mut share = keys.shares(1).pop()?;
        (threads == 1).then(|| share.work(table, operation, *width, time).each())
    }
}

impl<D: Design + Sync> Contestant for Shared<D> {
    fn name(&self) -> &'static str {
        self.0.name
    }

    fn measure(&mut self, operation: Operation, threads: usize, time: Duration) -> Option<f64> {
        let Filled { table, width, keys, .. } = &mut self.0;
        let (table, width) = (&*table, *width);
        let mut shares = keys.shares(threads);
        let start = Barrier::new(shares.len());
        let spent = thread::scope(|scope| {
            let working: Vec<_> = shares
                .iter_mut()
                .map(|share| {
                    scope.spawn(|| {
                        start.wait();
                        share.work(table, operation, width, time)
                    })
                })
                .collect();
            let spent = working.into_iter().map(|work| work.join().expect("no design panics"));
            spent.reduce(Spent::together)
        });
        spent.map(Spent::each)
    }
}

impl<D> fmt::Debug for Filled<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filled").field("name", &self.name).finish_non_exhaustive()
    }
}
