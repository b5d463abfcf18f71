//! What threads can do to each other on the table.
//!
//! Under `--cfg loom` every scenario is run in every order that loom can find (run
//! `ci/loom.sh`); in an ordinary test run, many times on real threads.
//!
//! Every scenario counts its payloads: each is taken by exactly one or dropped with the table,
//! never both and never by two.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use super::{Matching, NotOpened, ReservationId, Reserved, SHARDS, Table, Time};
use crate::sync::AtomicU64;
use crate::{ClientKey, ClientPrefix, ReserveError};

#[cfg(loom)]
use loom::{sync::Arc, thread};
#[cfg(not(loom))]
use std::{sync::Arc, thread};

/// Runs one scenario in every order, or many times.
fn explore(scenario: impl Fn() + Sync + Send + 'static) {
    #[cfg(loom)]
    {
        loom::model(scenario);
    }
    // Miri takes its time, and makes its own order of things each time.
    #[cfg(not(loom))]
    for _ in 0..if cfg!(miri) { 20 } else { 500 } {
        scenario();
    }
}

/// A payload that counts its drops, outside loom's sight.
#[derive(Debug)]
struct Payload {
    name: &'static str,
    dropped: std::sync::Arc<AtomicUsize>,
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, SeqCst);
    }
}

/// A table of one port, and the count of payloads made and dropped.
struct Scene {
    table: Arc<Table<Payload>>,
    made: AtomicUsize,
    dropped: std::sync::Arc<AtomicUsize>,
}

const PORT: u16 = 8192;
const NOW: Time = Time::from_nanos(10);
const DEADLINE: Time = Time::from_nanos(20);

impl Scene {
    fn new(capacity: usize) -> Self {
        let ports = PORT.to_string().parse().unwrap();
        Self {
            table: Arc::new(Table::with_seed(ports, capacity, 1)),
            made: AtomicUsize::new(0),
            dropped: std::sync::Arc::default(),
        }
    }

    fn payload(&self, name: &'static str) -> Payload {
        self.made.fetch_add(1, SeqCst);
        Payload { name, dropped: std::sync::Arc::clone(&self.dropped) }
    }

    fn reserve(&self, client: ClientKey, name: &'static str) -> Reserved {
        let payload = self.payload(name);
        self.table.reserve(client, DEADLINE, Matching::Address, payload).unwrap()
    }

    fn hold(&self) -> ReservationId {
        let payload = self.payload("held");
        self.table.reserve(client(1), DEADLINE, Matching::Identity, payload).unwrap().id
    }

    /// Runs `other` on a thread of its own beside `here`, and returns what both returned.
    fn race<A, B: Send + 'static>(
        &self,
        here: impl FnOnce(&Table<Payload>) -> A,
        other: impl FnOnce(&Table<Payload>) -> B + Send + 'static,
    ) -> (A, B) {
        let table = Arc::clone(&self.table);
        let thread = thread::spawn(move || other(&table));
        let here = here(&self.table);
        (here, thread.join().unwrap())
    }

    /// Checks that nothing is pending and every payload went exactly one way.
    fn end(self) {
        assert_eq!(self.table.pending(), 0);
        let Self { table, made, dropped } = self;
        drop(table);
        assert_eq!(dropped.load(SeqCst), made.load(SeqCst), "payloads dropped against made");
    }
}

fn client(last: u8) -> ClientKey {
    ClientPrefix::ADDRESS.key(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
}

fn claim(table: &Table<Payload>) -> Option<&'static str> {
    table.claim(PORT, client(1), NOW).map(|payload| payload.name)
}

#[test]
fn claim_against_claim() {
    explore(|| {
        let scene = Scene::new(1);
        let _ = scene.reserve(client(1), "it");
        let (here, there) = scene.race(claim, claim);
        assert!(here.is_some() != there.is_some(), "{here:?} and {there:?}");
        // A request that comes after a claim finds the port free.
        let again = scene.reserve(client(1), "again");
        assert_eq!(scene.table.end(again.id).unwrap().name, "again");
        scene.end();
    });
}

#[test]
fn claim_against_cancel() {
    explore(|| {
        let scene = Scene::new(1);
        let reserved = scene.reserve(client(1), "it");
        let (claimed, cancelled) =
            scene.race(claim, move |table| table.end(reserved.id).map(|it| it.name).ok());
        assert!(claimed.is_some() != cancelled.is_some(), "{claimed:?} and {cancelled:?}");
        assert!(scene.table.end(reserved.id).is_err());
        scene.end();
    });
}

#[test]
fn claim_against_expire() {
    explore(|| {
        let scene = Scene::new(1);
        let reserved = scene.reserve(client(1), "it");
        let (claimed, expired) = scene.race(claim, |table| table.expire(DEADLINE).len());
        assert!(claimed.is_some() != (expired == 1), "{claimed:?} and {expired}");
        assert!(scene.table.end(reserved.id).is_err());
        assert!(scene.table.expire(Time::MAX).is_empty());
        scene.end();
    });
}

#[test]
fn a_late_cancel_spares_the_next_reservation_of_the_same_key() {
    explore(|| {
        let scene = Scene::new(1);
        let old = scene.reserve(client(1), "old");
        let new = scene.payload("new");
        let (claimed, (cancelled, reserved)) = scene.race(
            // Two holders of the old identity: this one comes late in some orders.
            move |table| table.end(old.id).map(|payload| payload.name),
            move |table| {
                let cancelled = table.end(old.id).map(|payload| payload.name);
                (cancelled, table.reserve(client(1), DEADLINE, Matching::Address, new))
            },
        );
        assert!(claimed.is_ok() != cancelled.is_ok());
        assert_ne!(claimed, Ok("new"));
        match reserved {
            Ok(reserved) => {
                assert_ne!(reserved.id, old.id);
                assert_eq!(claim(&scene.table), Some("new"));
            }
            // The other's cancel had ended the old one but not given its port back yet.
            Err(error) => assert_ne!(error.payload.name, "old"),
        }
        scene.end();
    });
}

#[test]
fn a_late_expire_spares_the_next_reservation_of_the_same_key() {
    explore(|| {
        let scene = Scene::new(2);
        let later = Time::from_nanos(100);
        let old = scene.reserve(client(1), "old");
        let new = scene.payload("new");
        let (expired, (cancelled, reserved)) = scene.race(
            |table| table.expire(DEADLINE),
            move |table| {
                let cancelled = table.end(old.id).is_ok();
                (cancelled, table.reserve(client(1), later, Matching::Address, new))
            },
        );
        assert!(cancelled != (expired.len() == 1));
        assert!(expired.iter().all(|expired| expired.payload.name == "old"));
        assert!(reserved.is_ok(), "expire gives the port back under the lock that it ends under");
        assert_eq!(claim(&scene.table), Some("new"));
        drop(expired);
        scene.end();
    });
}

#[test]
fn a_claim_that_meets_a_changing_slot_takes_one_or_the_other() {
    explore(|| {
        let scene = Scene::new(1);
        let old = scene.reserve(client(1), "old");
        let new = scene.payload("new");
        let (claimed, (cancelled, reserved)) = scene.race(claim, move |table| {
            let cancelled = table.end(old.id).is_ok();
            (cancelled, table.reserve(client(1), DEADLINE, Matching::Address, new))
        });
        match claimed {
            Some("old") => assert!(!cancelled),
            Some("new") => assert!(cancelled && reserved.is_ok()),
            _ => assert!(cancelled, "found neither though one was there all the time"),
        }
        match reserved {
            Ok(it) => assert_eq!(scene.table.end(it.id).is_ok(), claimed != Some("new")),
            // The claim had ended the old one but not put it on the list yet.
            Err(error) => assert_eq!((error.payload.name, claimed), ("new", Some("old"))),
        }
        scene.end();
    });
}

#[test]
fn a_claim_never_takes_what_another_client_puts_into_the_slot() {
    let [one, two] = clients_of_two_shards();
    explore(move || {
        let scene = Scene::new(1);
        let old = scene.reserve(one, "one");
        let new = scene.payload("two");
        let (claimed, (cancelled, reserved)) = scene.race(
            move |table| table.claim(PORT, one, NOW).map(|payload| payload.name),
            move |table| {
                let cancelled = table.end(old.id).is_ok();
                (cancelled, table.reserve(two, DEADLINE, Matching::Address, new))
            },
        );
        assert!(claimed.is_some() != cancelled);
        assert_ne!(claimed, Some("two"));
        match reserved {
            Ok(_) => assert!(scene.table.claim(PORT, two, NOW).is_some()),
            // The claim had ended the only reservation but not put it on the list yet.
            Err(error) => assert_eq!((error.reason, cancelled), (ReserveError::TableFull, false)),
        }
        scene.end();
    });
}

/// What a connection came for has ended, and the next reservation looks the same.
#[test]
fn one_that_came_before_a_reservation_does_not_get_it() {
    const LIFE: Duration = Duration::from_nanos(100);
    explore(|| {
        let scene = Scene::new(1);
        let clock = Arc::new(AtomicU64::new(NOW.as_nanos()));
        let tick = move || Time::from_nanos(clock.fetch_add(1, SeqCst));
        let reserve = |tick: &dyn Fn() -> Time, table: &Table<Payload>, payload| {
            table.reserve_until(client(1), || tick() + LIFE, Matching::Address, payload)
        };
        reserve(&tick, &scene.table, scene.payload("old")).unwrap();
        let (new, clock_there) = (scene.payload("new"), tick.clone());
        let ((first, late), reserved) = scene.race(
            move |table| {
                let arrived = tick();
                // Another of the same client, which need not say who it is first.
                let first = claim(table);
                let late = table.claim_due_before(PORT, client(1), NOW, arrived + LIFE);
                (first, late.map(|payload| payload.name))
            },
            move |table| reserve(&clock_there, table, new).is_ok(),
        );
        assert_eq!((first, late), (Some("old"), None));
        assert_eq!(claim(&scene.table), reserved.then_some("new"));
        scene.end();
    });
}

#[test]
fn two_reserves_of_one_client_for_the_last_port() {
    explore(|| {
        let scene = Scene::new(2);
        let (one, two) = (scene.payload("one"), scene.payload("two"));
        let reserve = |payload| {
            move |table: &Table<Payload>| {
                table.reserve(client(1), DEADLINE, Matching::Address, payload)
            }
        };
        let (here, there) = scene.race(reserve(one), reserve(two));
        let (won, lost) = match (here, there) {
            (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
            both => panic!("{both:?}"),
        };
        assert_eq!(lost.reason, ReserveError::NoFreePort);
        let payload = scene.table.end(won.id).unwrap();
        assert_ne!(payload.name, lost.payload.name);
        drop((payload, lost));
        scene.end();
    });
}

#[test]
fn two_reserves_of_different_clients_in_one_group_of_the_index() {
    let [one, two] = clients_of_two_shards();
    explore(move || {
        let scene = Scene::new(2);
        let (first, second) = (scene.payload("first"), scene.payload("second"));
        let reserve_and_claim = |client, payload| {
            move |table: &Table<Payload>| {
                table.reserve(client, DEADLINE, Matching::Address, payload).unwrap();
                table.claim(PORT, client, NOW).map(|payload| payload.name)
            }
        };
        let (here, there) =
            scene.race(reserve_and_claim(one, first), reserve_and_claim(two, second));
        assert_eq!((here, there), (Some("first"), Some("second")));
        scene.end();
    });
}

#[test]
fn slots_change_hands_between_shards() {
    let [one, two] = clients_of_two_shards();
    explore(move || {
        let scene = Scene::new(2);
        let (first, second) = (scene.payload("first"), scene.payload("second"));
        let reserve_and_cancel = |client, payload| {
            move |table: &Table<Payload>| {
                let it = table.reserve(client, DEADLINE, Matching::Identity, payload).unwrap();
                assert!(table.claim(PORT, client, NOW).is_none(), "held, but claimed");
                table.end(it.id).unwrap().name
            }
        };
        let (here, there) =
            scene.race(reserve_and_cancel(one, first), reserve_and_cancel(two, second));
        assert_eq!((here, there), ("first", "second"));
        scene.end();
    });
}

#[test]
fn claim_of_an_opening_against_cancel_of_its_reservation() {
    explore(|| {
        let scene = Scene::new(2);
        let held = scene.hold();
        scene.table.open(held, scene.payload("candidate")).unwrap();
        let (claimed, cancelled) =
            scene.race(claim, move |table| table.end(held).map(|payload| payload.name));
        assert_eq!(cancelled, Ok("held"), "an opening's claim ends nothing else");
        assert!(matches!(claimed, None | Some("candidate")));
        assert_eq!(claim(&scene.table), None, "claimed after the cancel");
        // The port is back, and all room.
        let next = scene.hold();
        scene.table.open(next, scene.payload("next")).unwrap();
        assert_eq!(claim(&scene.table), Some("next"));
        assert!(scene.table.end(next).is_ok());
        scene.end();
    });
}

#[test]
fn open_against_cancel_of_the_reservation() {
    explore(|| {
        let scene = Scene::new(2);
        let held = scene.hold();
        let candidate = scene.payload("candidate");
        let (cancelled, opened) = scene.race(
            move |table| table.end(held).is_ok(),
            move |table| table.open(held, candidate).map_err(|error| error.reason),
        );
        assert!(cancelled);
        assert!(matches!(opened, Ok(_) | Err(NotOpened::Stale)));
        assert_eq!(claim(&scene.table), None, "the opening outlives its reservation");
        assert_eq!(scene.reserve(client(1), "next").port, PORT);
        assert_eq!(claim(&scene.table), Some("next"));
        scene.end();
    });
}

#[test]
fn open_again_against_a_claim() {
    explore(|| {
        let scene = Scene::new(3);
        let held = scene.hold();
        scene.table.open(held, scene.payload("first")).unwrap();
        let second = scene.payload("second");
        let (claimed, opened) =
            scene.race(claim, move |table| table.open(held, second).map_err(|error| error.reason));
        assert!(opened.is_ok(), "{opened:?}");
        assert!(claimed.is_some(), "one was open all the time");
        let left = claim(&scene.table);
        assert!(left.is_some() && left != claimed, "one claim for each opening");
        assert_eq!(claim(&scene.table), None);
        assert!(scene.table.end(held).is_ok());
        scene.end();
    });
}

#[test]
fn two_openings_against_two_claims() {
    explore(|| {
        let scene = Scene::new(3);
        let held = scene.hold();
        scene.table.open(held, scene.payload("first")).unwrap();
        scene.table.open(held, scene.payload("second")).unwrap();
        let (here, there) = scene.race(claim, claim);
        assert!(here.is_some() && there.is_some() && here != there, "{here:?} and {there:?}");
        assert_eq!(claim(&scene.table), None);
        assert!(scene.table.end(held).is_ok());
        scene.end();
    });
}

/// Two clients that do not share a lock, in the tables that [`Scene`] makes.
fn clients_of_two_shards() -> [ClientKey; 2] {
    const { assert!(SHARDS > 1) };
    let found = std::sync::Arc::new(std::sync::Mutex::new(None));
    let result = std::sync::Arc::clone(&found);
    let search = move || {
        let table: Table<()> = Table::with_seed(PORT.to_string().parse().unwrap(), 1, 1);
        let shard = |last| std::ptr::from_ref(table.shard_of(table.hasher.client(client(last))));
        let other = (2..=255).find(|&last| shard(last) != shard(1)).unwrap();
        *result.lock().unwrap() = Some([client(1), client(other)]);
    };
    #[cfg(loom)]
    loom::model(search);
    #[cfg(not(loom))]
    search();
    let found = found.lock().unwrap().take();
    found.unwrap()
}
