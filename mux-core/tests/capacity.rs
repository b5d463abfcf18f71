//! A table holds as many reservations as it was made for: not one more, and not one fewer,
//! however its clients are spread and whichever came before.

use std::net::Ipv4Addr;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use mux_core::table::{Matching, ReservationId, Table, Time};
use mux_core::{ClientKey, ClientPrefix, ReserveError};

/// Some well within, some beyond where the table's parts take room in advance.
const CAPACITIES: [usize; 5] = [1, 9, 700, 800, 5_000];

fn table(capacity: usize) -> Table<u32> {
    Table::new("10000-20000".parse().unwrap(), capacity)
}

fn client(number: u32) -> ClientKey {
    ClientPrefix::ADDRESS.key(std::net::IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number)))
}

fn reserve(table: &Table<u32>, number: u32) -> Result<ReservationId, ReserveError> {
    let deadline = Time::ZERO + Duration::from_secs(1);
    let reserved = table.reserve(client(number), deadline, Matching::Address, number);
    reserved.map(|reserved| reserved.id).map_err(|error| error.reason)
}

#[test]
fn it_is_full_at_its_capacity_and_not_before() {
    for capacity in CAPACITIES {
        let table = table(capacity);
        // Twice: once a crowd has gone, all of its room is there again.
        for crowd in [0, 1_000_000] {
            let reserved: Vec<_> =
                (0..capacity as u32).map(|number| reserve(&table, crowd + number)).collect();
            assert!(reserved.iter().all(Result::is_ok), "{capacity}: refused before it is full");
            assert_eq!(reserve(&table, 9_000_000), Err(ReserveError::TableFull), "{capacity}");
            // When any one goes, any other may come.
            for id in reserved.into_iter().step_by(7).flatten() {
                table.end(id).unwrap();
                let next = u32::try_from(id.to_bits() & 0xffff_ffff).unwrap();
                reserve(&table, 2_000_000 + crowd + next).unwrap();
                assert_eq!(reserve(&table, 9_000_000), Err(ReserveError::TableFull), "{capacity}");
            }
            assert_eq!(table.pending(), capacity);
            assert_eq!(table.expire(Time::MAX).len(), capacity);
        }
    }
}

/// Many clients with one reservation each, so that every part of the table has taken room in
/// advance, and then one who needs all of it.
#[test]
fn one_client_gets_what_others_have_left_over() {
    for capacity in CAPACITIES {
        let table = table(capacity);
        let others = 500.min(capacity - 1);
        for number in 1..=others as u32 {
            reserve(&table, number).unwrap();
        }
        for _ in others..capacity {
            reserve(&table, 0).expect("there is room");
        }
        assert_eq!(reserve(&table, 0), Err(ReserveError::TableFull));
    }
}

#[test]
fn threads_that_fill_it_together_fill_it_exactly() {
    for capacity in CAPACITIES {
        for _ in 0..5 {
            let table = table(capacity);
            let start = Barrier::new(4);
            let fill = |crowd: u32| {
                start.wait();
                (0..).take_while(|number| reserve(&table, crowd + number).is_ok()).count()
            };
            let reserved: usize = thread::scope(|scope| {
                let threads = [0, 1, 2, 3].map(|n| scope.spawn(move || fill(n * 1_000_000)));
                threads.into_iter().map(|thread| thread.join().unwrap()).sum()
            });
            assert_eq!((reserved, table.pending()), (capacity, capacity));
        }
    }
}

/// Each of four threads has no more than a quarter of the capacity at a time, and the table is at
/// its capacity again and again; so none may be refused.
#[test]
fn nobody_is_refused_for_what_others_have_left_over() {
    const THREADS: usize = 4;
    for capacity in [4, 700, 800, 5_000] {
        let table = table(capacity);
        let churn = |crowd: u32| {
            let mut mine = Vec::new();
            for round in 0..40 {
                // The last of a quarter comes and goes more often than the rest.
                let stay = if round % 4 == 0 { 0 } else { capacity / THREADS - 1 };
                while mine.len() < capacity / THREADS {
                    let number = round * 10_000 + mine.len() as u32;
                    mine.push(reserve(&table, crowd + number).expect("there is room"));
                }
                for id in mine.drain(stay..) {
                    table.end(id).unwrap();
                }
            }
        };
        thread::scope(|scope| {
            for number in 0..THREADS as u32 {
                scope.spawn(move || churn(number * 2_000_000));
            }
        });
    }
}

/// What had the port before is over when the deadline is asked for.
#[test]
fn a_deadline_is_asked_for_when_there_is_a_port() {
    use mux_core::ClientPrefix;
    use mux_core::table::{Matching, Table, Time};

    let table = Table::with_seed("8192".parse().unwrap(), 2, 1);
    let client = ClientPrefix::ADDRESS.key(std::net::IpAddr::from([192, 0, 2, 1]));
    table.reserve(client, Time::MAX, Matching::Address, ()).unwrap();
    let ask = || panic!("asked for without a port");
    assert!(table.reserve_until(client, ask, Matching::Address, ()).is_err());
}
