//! The work of one thread.

use super::design::{Design, Key};
use super::operation::Operation;
use super::stopwatch::Stopwatch;
use mux_core::{ClientKey, ClientPrefix};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// The deadline of reservations that are not to expire.
pub(super) const LATER: u64 = u64::MAX;
/// That of those which are.
const DUE: u64 = 10;
const NOW: u64 = 5;
/// How many operations are timed together, at most.
const BATCH: usize = 1024;

/// What one thread works on.
pub(super) struct Share<'a> {
    stopwatch: Stopwatch,
    pending: &'a mut [Key],
    strangers: &'a [Key],
    /// The first of the clients that nobody else touches.
    own: ClientKey,
    /// Where it is in each of the two lists.
    next_pending: usize,
    next_stranger: usize,
}

/// How long how many operations took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    stopwatch: Stopwatch,
    time: Duration,
    operations: usize,
}

impl Spent {
    /// Nanoseconds for one operation.
    pub(super) fn each(self) -> f64 {
        self.time.as_nanos() as f64 / self.operations as f64
    }

    fn nothing(stopwatch: Stopwatch) -> Self {
        Self { stopwatch, time: Duration::ZERO, operations: 0 }
    }

    /// What several threads have spent, each in its own time.
    pub(super) fn together(self, other: Self) -> Self {
        Self {
            time: self.time + other.time,
            operations: self.operations + other.operations,
            ..self
        }
    }

    fn add(&mut self, operations: usize, work: impl FnOnce()) {
        let start = self.stopwatch.now();
        work();
        self.time += self.stopwatch.now().saturating_sub(start);
        self.operations += operations;
    }
}

/// ClientKey `number` of many.
pub(super) fn client(number: usize) -> ClientKey {
    ClientPrefix::ADDRESS.key(IpAddr::from(Ipv4Addr::from_bits(number as u32)))
}

/// A reservation that cannot fail.
pub(super) fn reserve<D: Design>(table: &D, client: ClientKey, deadline: u64) -> (u16, D::Ticket) {
    table.reserve(client, deadline, [1, 2]).expect("there are ports and room enough")
}

impl<'a> Share<'a> {
    pub(super) fn new(
        pending: &'a mut [Key],
        strangers: &'a [Key],
        own: ClientKey,
        stopwatch: Stopwatch,
    ) -> Self {
        Self { stopwatch, pending, strangers, own, next_pending: 0, next_stranger: 0 }
    }

    /// Does `operation` again and again, until `time` has been spent on it.
    pub(super) fn work<D: Design>(
        &mut self,
        table: &D,
        operation: Operation,
        width: u16,
        time: Duration,
    ) -> Spent {
        let held: Vec<D::Ticket> =
            (0..operation.held(width)).map(|_| reserve(table, self.own, LATER).1).collect();
        let mut spent = Spent::nothing(self.stopwatch);
        while spent.time < time {
            match operation {
                Operation::ClaimHit => self.claim_hits(table, &mut spent),
                Operation::ClaimMiss => self.claim_misses(table, &mut spent),
                Operation::ReserveClaim => self.reserve_and_claim(table, &mut spent),
                Operation::ReserveCancel => self.reserve_and_cancel(table, &mut spent),
                Operation::ReserveHeld { .. } => self.reserve_more(table, &mut spent),
                Operation::ExpireSome => {
                    let due = self.pending.len().div_ceil(100);
                    self.expire(table, due, &mut spent);
                }
                Operation::ExpireAll => {
                    let due = self.pending.len();
                    self.expire(table, due, &mut spent);
                }
                Operation::Mixed => self.mix(table, &mut spent),
            }
        }
        for ticket in held {
            table.cancel(ticket);
        }
        spent
    }

    /// The next few of the pending ones.
    fn some_pending(&mut self, most: usize) -> &mut [Key] {
        if self.next_pending == self.pending.len() {
            self.next_pending = 0;
        }
        let start = self.next_pending;
        self.next_pending = (start + most).min(self.pending.len());
        &mut self.pending[start..self.next_pending]
    }

    fn some_strangers(&mut self, count: usize) -> &[Key] {
        if self.next_stranger + count > self.strangers.len() {
            self.next_stranger = 0;
        }
        let start = self.next_stranger;
        self.next_stranger += count;
        &self.strangers[start..self.next_stranger]
    }

    fn claim_hits<D: Design>(&mut self, table: &D, spent: &mut Spent) {
        let some = self.some_pending(BATCH);
        spent.add(some.len(), || {
            for key in some.iter() {
                assert!(black_box(table.claim(*key, NOW)).is_some(), "a hit");
            }
        });
        for (port, client) in some {
            *port = reserve(table, *client, LATER).0;
        }
    }

    fn claim_misses<D: Design>(&mut self, table: &D, spent: &mut Spent) {
        let some = self.some_strangers(BATCH);
        spent.add(some.len(), || {
            for key in some {
                assert!(black_box(table.claim(*key, NOW)).is_none(), "a miss");
            }
        });
    }

    fn reserve_and_claim<D: Design>(&mut self, table: &D, spent: &mut Spent) {
        let some = self.some_strangers(BATCH);
        spent.add(some.len(), || {
            for (_, client) in some {
                let (port, _) = reserve(table, *client, LATER);
                assert!(black_box(table.claim((port, *client), NOW)).is_some(), "a hit");
            }
        });
    }

    fn reserve_and_cancel<D: Design>(&mut self, table: &D, spent: &mut Spent) {
        let some = self.some_strangers(BATCH);
        spent.add(some.len(), || {
            for (_, client) in some {
                let (_, ticket) = reserve(table, *client, LATER);
                assert!(black_box(table.cancel(ticket)).is_some(), "it was pending");
            }
        });
    }

    /// Of a client that has some ports already.
    fn reserve_more<D: Design>(&mut self, table: &D, spent: &mut Spent) {
        let count = BATCH / 64;
        spent.add(count, || {
            for _ in 0..count {
                let (_, ticket) = reserve(table, self.own, LATER);
                assert!(black_box(table.cancel(ticket)).is_some(), "it was pending");
            }
        });
    }

    /// Makes `due` of the pending ones due, and lets them expire.
    fn expire<D: Design>(&mut self, table: &D, due: usize, spent: &mut Spent) {
        let mut left = due;
        while left > 0 {
            let some = self.some_pending(left);
            left -= some.len();
            for (port, client) in some {
                assert!(table.claim((*port, *client), NOW).is_some(), "a hit");
                *port = reserve(table, *client, DUE).0;
            }
        }
        let mut expired = Vec::new();
        spent.add(due, || expired = black_box(table.expire(DUE)));
        assert_eq!(expired.len(), due, "what was due");
        // The same ones, back from where it was.
        let end = self.next_pending;
        let count = self.pending.len();
        for number in 0..due {
            let (port, client) = &mut self.pending[(end + count - 1 - number) % count];
            *port = reserve(table, *client, LATER).0;
        }
    }

    fn mix<D: Design>(&mut self, table: &D, spent: &mut Spent) {
        let some = self.some_strangers(BATCH);
        spent.add(some.len(), || {
            for eight in some.chunks(8) {
                let client = eight[0].1;
                for key in &eight[1..] {
                    assert!(black_box(table.claim(*key, NOW)).is_none(), "a miss");
                }
                let (reserved, _) = reserve(table, client, LATER);
                assert!(black_box(table.claim((reserved, client), NOW)).is_some(), "a hit");
            }
        });
    }
}
