//! Two threads on one table, with the checks that hold however they interleave.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use mux_core::table::oracle::Operation;
use mux_core::table::{Matching, ReservationId, Reserved, Table, Time};
use mux_core::{ClientKey, ClientPrefix, ReserveError};

use super::setup::{Setup, decode};

/// Lets two threads take turns at the operations, each at its own pace.
///
/// # Panics
///
/// If a payload is lost, taken twice or taken by the wrong one, if a reservation is not found
/// although nobody ended it, or if the table is not as good as new at the end.
pub fn run(bytes: &[u8]) {
    let Some((setup, operations)) = decode(bytes) else { return };
    let scene = Scene::new(setup, operations.clone());
    let start = Barrier::new(2);
    let act = |first: usize| {
        let mut actor = Actor { scene: &scene, endings: vec![], misses: vec![] };
        start.wait();
        for (number, operation) in operations.clone().enumerate().skip(first).step_by(2) {
            actor.apply(number, operation);
        }
        (actor.endings, actor.misses)
    };
    let reports = thread::scope(|scope| {
        let other = scope.spawn(|| act(1));
        [act(0), other.join().expect("the other thread")]
    });
    scene.settle(reports);
}

/// How many clients there are.
const CLIENTS: u8 = 4;
/// How far back a thread looks for reservations that what it just did has a bearing on.
const RECENT: usize = 64;

/// What a reservation carries. The reservation's maker keeps the other reference.
#[derive(Debug, PartialEq, Eq)]
struct Token {
    /// The number of the operation that made it.
    number: usize,
    client: ClientKey,
    deadline: Time,
    matching: Matching,
}

/// A reservation that was made.
struct Known {
    token: Arc<Token>,
    reserved: Reserved,
}

/// A payload that came out, with what was said of it.
struct Ending {
    token: Arc<Token>,
    port: Option<u16>,
    id: Option<ReservationId>,
}

/// A thread did not get a reservation that it knew of: it must have ended before, by another
/// thread or as one of the first `endings` of this one.
struct Miss {
    token: Arc<Token>,
    endings: usize,
}

/// What the threads share.
struct Scene {
    table: Table<Arc<Token>>,
    now: AtomicU64,
    /// Every reservation made, in the order in which they became known.
    known: Box<[OnceLock<Known>]>,
    /// How many places of `known` are given away.
    places: AtomicUsize,
    /// How often each client will try to reserve, by both threads.
    attempts: [usize; CLIENTS as usize],
    /// How often both threads will try to open a reservation.
    opens: usize,
    /// What the openings carry.
    openings: Mutex<Vec<Arc<Token>>>,
}

impl Scene {
    fn new(setup: Setup, operations: impl Iterator<Item = Operation>) -> Self {
        let mut attempts = [0; CLIENTS as usize];
        let mut opens = 0;
        for operation in operations {
            match operation {
                Operation::Reserve { client, .. } => attempts[usize::from(client % CLIENTS)] += 1,
                Operation::Open { .. } => opens += 1,
                _ => {}
            }
        }
        Self {
            table: Table::with_seed(setup.ports, setup.capacity, setup.seed),
            now: AtomicU64::new(0),
            known: (0..attempts.iter().sum()).map(|_| OnceLock::new()).collect(),
            places: AtomicUsize::new(0),
            attempts,
            opens,
            openings: Mutex::default(),
        }
    }

    /// The reservations that became known last, latest first.
    fn recent(&self) -> impl Iterator<Item = &Known> {
        let places = self.places.load(Ordering::Acquire);
        self.known[..places].iter().rev().take(RECENT).filter_map(OnceLock::get)
    }

    fn nth(&self, nth: u8) -> Option<&Known> {
        let places = self.places.load(Ordering::Acquire);
        self.known[places.checked_sub(1 + usize::from(nth) % places.max(1))?].get()
    }

    /// Cancels what is left and goes over the books.
    fn settle(self, reports: [(Vec<Ending>, Vec<Miss>); 2]) {
        let mut ended = HashMap::new();
        for (thread, (endings, _)) in reports.iter().enumerate() {
            for (position, ending) in endings.iter().enumerate() {
                let before = ended.insert(ending.token.number, (thread, position));
                assert!(before.is_none(), "{:?} was taken twice", ending.token);
            }
        }

        for (thread, (_, misses)) in reports.iter().enumerate() {
            for Miss { token, endings } in misses {
                let accounted = ended
                    .get(&token.number)
                    .is_some_and(|&(by, position)| by != thread || position < *endings);
                assert!(accounted, "{token:?} was there but not found");
            }
        }

        let mut identities = HashSet::new();
        let known = || self.known.iter().filter_map(OnceLock::get);
        for Known { token, reserved } in known() {
            assert!(identities.insert(reserved.id), "an identity was given out twice");
            match (self.table.end(reserved.id), ended.remove(&token.number)) {
                (Ok(payload), None) => assert!(Arc::ptr_eq(&payload, token)),
                (Err(_), Some((thread, position))) => {
                    let Ending { token: payload, port, id } = &reports[thread].0[position];
                    assert!(Arc::ptr_eq(payload, token));
                    assert!(port.is_none_or(|port| port == reserved.port), "another port");
                    assert!(id.is_none_or(|id| id == reserved.id), "another identity");
                }
                (Ok(_), Some(_)) => panic!("{token:?} was taken once more"),
                (Err(_), None) => panic!("{token:?} was lost"),
            }
        }
        let openings = self.openings.lock().expect("no panic so far");
        for opening in openings.iter() {
            ended.remove(&opening.number);
        }
        assert!(ended.is_empty(), "what was never reserved was taken: {ended:?}");
        drop(reports);

        self.reserve_all_again();
        for token in known().map(|known| &known.token).chain(openings.iter()) {
            assert_eq!(Arc::strong_count(token), 1, "{token:?} was kept or dropped twice");
        }
    }

    /// Checks that no port, slot or room was lost.
    fn reserve_all_again(&self) {
        let table = &self.table;
        let most = table.capacity().min(table.ports().len());
        for number in 0..CLIENTS {
            let matching = Matching::Address;
            let token = Token { number: 0, client: client(number), deadline: Time::MAX, matching };
            let token = Arc::new(token);
            assert_eq!(table.pending(), 0);
            let reserve = || table.reserve(token.client, Time::MAX, matching, Arc::clone(&token));
            let all: Vec<_> = (0..most).map(|_| reserve().expect("an empty table")).collect();
            let refused = reserve().expect_err("no more than all").reason;
            let full = most == table.capacity();
            assert_eq!(
                refused,
                if full { ReserveError::TableFull } else { ReserveError::NoFreePort }
            );
            for reserved in all {
                let claimed = table.claim(reserved.port, token.client, Time::ZERO);
                assert!(claimed.is_some_and(|payload| Arc::ptr_eq(&payload, &token)));
            }
        }
        assert_eq!(table.pending(), 0);
    }
}

/// One thread's part.
struct Actor<'a> {
    scene: &'a Scene,
    endings: Vec<Ending>,
    misses: Vec<Miss>,
}

impl<'a> Actor<'a> {
    fn apply(&mut self, number: usize, operation: Operation) {
        let scene = self.scene;
        let now = Time::from_nanos(scene.now.load(Ordering::Relaxed));
        match operation {
            Operation::Reserve { client: of, lifetime, matching } => {
                let deadline = now + Duration::from_nanos(lifetime.into());
                self.reserve(Token { number, client: client(of), deadline, matching });
            }
            Operation::Connect { client: from, port } => {
                let first = scene.table.ports().port_at(0).expect("a first port");
                let port = first.saturating_sub(1).saturating_add(port.into());
                self.connect(port, client(from), now);
            }
            Operation::Claim { nth } => {
                if let Some(known) = scene.nth(nth) {
                    self.claim(known, now);
                }
            }
            Operation::ClaimDue { nth, within } => {
                if let Some(known) = scene.nth(nth) {
                    self.claim_due(known, now, now + Duration::from_nanos(within.into()));
                }
            }
            Operation::Open { nth } => {
                if let Some(known) = scene.nth(nth) {
                    self.open(number, known);
                }
            }
            Operation::End { nth } => {
                if let Some(known) = scene.nth(nth) {
                    self.ended_by_id(known, scene.table.end(known.reserved.id).ok());
                }
            }
            Operation::Advance { by } => {
                scene.now.fetch_add(by.into(), Ordering::Relaxed);
            }
            Operation::Expire => self.expire(now),
        }
    }

    fn reserve(&mut self, token: Token) {
        let scene = self.scene;
        let (table, token) = (&scene.table, Arc::new(token));
        let before: Vec<_> = scene.recent().filter(|it| it.token.client == token.client).collect();
        let payload = Arc::clone(&token);
        match table.reserve(token.client, token.deadline, token.matching, payload) {
            Err(error) => {
                assert!(Arc::ptr_eq(&error.payload, &token));
                // A claim that is under way may still hold its port, but no more than that.
                let attempts = scene.attempts;
                match error.reason {
                    ReserveError::TableFull => {
                        let most = attempts.iter().sum::<usize>() + scene.opens;
                        assert!(most > table.capacity());
                    }
                    ReserveError::NoFreePort => {
                        let of = |number: &u8| client(*number) == token.client;
                        let own = (0..CLIENTS).find(of).expect("one of the clients");
                        assert!(attempts[usize::from(own)] > table.ports().len());
                    }
                    _ => {}
                }
                drop(error);
                assert_eq!(Arc::strong_count(&token), 1, "kept though refused");
            }
            Ok(reserved) => {
                assert!(table.ports().contains(reserved.port), "a port outside the set");
                for known in before {
                    let same = known.reserved.port == reserved.port;
                    let live = table.is_pending(known.reserved.id);
                    assert!(!(same && live), "two reservations of one (port, client)");
                }
                let place = scene.places.fetch_add(1, Ordering::AcqRel);
                let set = scene.known[place].set(Known { token, reserved });
                assert!(set.is_ok(), "a place of its own");
            }
        }
    }

    fn open(&self, number: usize, known: &Known) {
        let Token { client, deadline, matching, .. } = *known.token;
        let token = Arc::new(Token { number, client, deadline, matching: Matching::Address });
        match self.scene.table.open(known.reserved.id, Arc::clone(&token)) {
            Ok(_) => {
                assert_eq!(matching, Matching::Identity, "opened though connections find it");
                self.scene.openings.lock().expect("no panic so far").push(token);
            }
            Err(error) => {
                assert!(Arc::ptr_eq(&error.payload, &token));
                drop(error);
                assert_eq!(Arc::strong_count(&token), 1, "kept though not opened");
            }
        }
    }

    /// Whether it brought a payload, and which.
    fn connect(&mut self, port: u16, client: ClientKey, now: Time) -> Option<Arc<Token>> {
        let token = self.scene.table.claim(port, client, now)?;
        self.claimed(port, client, now, token)
    }

    /// As [`connect`](Self::connect), for what is due before `due` alone.
    fn claim_due(&mut self, known: &'a Known, now: Time, due: Time) {
        let (client, port) = (known.token.client, known.reserved.port);
        if let Some(token) = self.scene.table.claim_due_before(port, client, now, due) {
            assert!(token.deadline < due, "claimed by what came before it");
            self.claimed(port, client, now, token);
        }
    }

    fn claimed(
        &mut self,
        port: u16,
        client: ClientKey,
        now: Time,
        token: Arc<Token>,
    ) -> Option<Arc<Token>> {
        assert_eq!((token.client, token.matching), (client, Matching::Address));
        assert!(token.deadline > now, "claimed after its deadline");
        self.endings.push(Ending { token: Arc::clone(&token), port: Some(port), id: None });
        Some(token)
    }

    fn claim(&mut self, known: &'a Known, now: Time) {
        let Known { token, reserved } = known;
        let endings = self.endings.len();
        let claimed = self.connect(reserved.port, token.client, now);
        let claimable = token.matching == Matching::Address && token.deadline > now;
        if claimable && claimed.is_none_or(|claimed| !Arc::ptr_eq(&claimed, token)) {
            self.misses.push(Miss { token: Arc::clone(token), endings });
        }
    }

    fn ended_by_id(&mut self, known: &'a Known, payload: Option<Arc<Token>>) {
        assert!(!self.scene.table.is_pending(known.reserved.id));
        if let Some(token) = payload {
            assert!(Arc::ptr_eq(&token, &known.token), "somebody else's payload");
            let (port, id) = (None, Some(known.reserved.id));
            self.endings.push(Ending { token, port, id });
        } else {
            let (token, endings) = (Arc::clone(&known.token), self.endings.len());
            self.misses.push(Miss { token, endings });
        }
    }

    fn expire(&mut self, now: Time) {
        let table = &self.scene.table;
        let before: Vec<_> = self.scene.recent().collect();
        let is_live = |known: &&&Known| table.is_pending(known.reserved.id);

        // What is live afterwards was there all the time.
        let (next, pending) = (table.next_deadline(), table.pending());
        let live: Vec<_> = before.iter().filter(is_live).collect();
        assert!(live.len() <= pending, "{pending} pending");
        let earliest = live.iter().map(|known| known.token.deadline).min();
        let late = earliest.is_some_and(|earliest| next.is_none_or(|next| next > earliest));
        assert!(!late, "{next:?} after {earliest:?}");

        for expired in table.expire(now) {
            let token = expired.payload;
            assert_eq!(token.client, expired.client);
            assert!(token.deadline <= now, "expired before its deadline");
            let (port, id) = (Some(expired.port), Some(expired.id));
            self.endings.push(Ending { token, port, id });
        }
        let mut live = before.iter().filter(is_live);
        assert!(live.all(|known| known.token.deadline > now), "not expired");
    }
}

fn client(number: u8) -> ClientKey {
    let last = number % CLIENTS;
    ClientPrefix::ADDRESS.key(std::net::IpAddr::from(Ipv4Addr::new(192, 0, 2, last)))
}
