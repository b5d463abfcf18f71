//! Waiting in line for a port.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mux_core::mux::ReserveError;
use support::*;
use tokio::task::JoinSet;

const LONG: Duration = Duration::from_secs(60);

/// First come, first served, whichever way the ports are freed.
#[tokio::test]
async fn the_line_is_first_come_first_served() {
    let mux = mux(1, |mux| mux.wait(LONG));
    let first = mux.reserve(client(1)).await.unwrap();
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for n in 0..20 {
        let (mux, served) = (mux.clone(), Arc::clone(&served));
        tasks.spawn(async move {
            let mut reservation = mux.reserve(client(1)).await.unwrap();
            served.lock().unwrap().push(n);
            if n % 2 == 0 {
                let _there = connect(client(1), reservation.port()).await;
                within(reservation.accept()).await.unwrap();
            }
        });
        until_waiting(&tasks, n + 1).await;
    }
    // Clients with other addresses are not in this line.
    drop(mux.reserve(client(2)).await.unwrap());
    drop(first);
    within(tasks.join_all()).await;
    assert_eq!(*served.lock().unwrap(), (0..20).collect::<Vec<_>>());
    assert_eq!((mux.stats().waiting, mux.stats().pending), (0, 0));

    async fn until_waiting(tasks: &JoinSet<()>, count: usize) {
        assert_eq!(tasks.len(), count);
        // The new task joins the line as soon as it runs; this one yields until it has.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
}

/// Nobody overtakes, not even who asks between a port's return and the first one's turn.
#[tokio::test]
async fn a_newcomer_does_not_overtake() {
    let mux = mux(1, |mux| mux.wait(LONG));
    let held = mux.reserve(client(1)).await.unwrap();
    let first = tokio::spawn({
        let mux = mux.clone();
        async move { mux.reserve(client(1)).await.unwrap() }
    });
    until(|| mux.stats().waiting == 1).await;
    drop(held);
    // The first has not run since, and keeps the port for good when it does.
    let newcomer = tokio::time::timeout(Duration::from_millis(50), mux.reserve(client(1)));
    assert!(newcomer.await.is_err(), "overtaken");
    drop(within(first).await.unwrap());
    within(mux.reserve(client(1))).await.unwrap();
}

/// A request that waits is served when a reservation expires.
#[tokio::test]
async fn an_expired_port_goes_to_the_line() {
    let mux = mux(1, |mux| mux.wait(LONG).ttl(Duration::from_millis(50)));
    let _first = mux.reserve(client(1)).await.unwrap();
    let second = within(mux.reserve(client(1))).await.unwrap();
    assert!(mux.ports().contains(second.port()));
}

/// A wait is bounded in time.
#[tokio::test]
async fn waiting_ends_with_a_refusal() {
    let mux = mux(1, |mux| mux.wait(Duration::from_millis(50)));
    let _first = mux.reserve(client(1)).await.unwrap();
    let refused = within(mux.reserve(client(1))).await;
    assert_eq!(refused.unwrap_err(), ReserveError::NoFreePort);
    assert_eq!(mux.stats().waiting, 0);
}

/// And in number, per client and overall.
#[tokio::test]
async fn the_line_is_bounded() {
    let mux = mux(1, |mux| mux.wait(LONG).max_waiting(2, 3));
    let _held = (mux.reserve(client(1)).await.unwrap(), mux.reserve(client(2)).await.unwrap());
    let mut tasks = JoinSet::new();
    let wait = |n| {
        let mux = mux.clone();
        async move { mux.reserve(client(n)).await.map(drop) }
    };
    tasks.spawn(wait(1));
    tasks.spawn(wait(1));
    until(|| mux.stats().waiting == 2).await;
    assert_eq!(mux.reserve(client(1)).await.unwrap_err(), ReserveError::ClientQueueFull);
    tasks.spawn(wait(2));
    until(|| mux.stats().waiting == 3).await;
    assert_eq!(mux.reserve(client(2)).await.unwrap_err(), ReserveError::QueueFull);
    let refused = mux.stats().refused;
    assert_eq!(
        (
            refused.by(ReserveError::ClientQueueFull),
            refused.by(ReserveError::QueueFull),
            refused.total()
        ),
        (1, 1, 2)
    );
    tasks.shutdown().await;
    assert_eq!(mux.stats().waiting, 0);
}

/// A request that gives up leaves the queue, and takes no port along: not even the first one,
/// and not at the very moment it was served.
#[tokio::test]
async fn leaving_the_line_passes_the_turn_on() {
    let mux = mux(1, |mux| mux.wait(LONG));
    for round in 0..200 {
        let held = mux.reserve(client(1)).await.unwrap();
        let mut first = Box::pin(mux.reserve(client(1)));
        let mut second = Box::pin(mux.reserve(client(1)));
        let mut both = async || {
            tokio::select! {
                biased;
                _ = &mut first => panic!("served while the port is held"),
                _ = &mut second => panic!("served while the port is held"),
                () = tokio::task::yield_now() => {}
            }
        };
        both().await;
        if round % 2 == 0 {
            drop(first);
            drop(held);
        } else {
            // Woken, but it never gets to look.
            drop(held);
            tokio::task::yield_now().await;
            drop(first);
        }
        within(second).await.unwrap();
    }
    assert_eq!((mux.stats().waiting, mux.stats().pending), (0, 0));
}

/// However many ask at once and give up at any moment, no port is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_port_is_lost_in_the_crowd() {
    let mux = mux(3, |mux| mux.wait(LONG));
    let mut tasks = JoinSet::new();
    for n in 0..60_u64 {
        let mux = mux.clone();
        tasks.spawn(async move {
            for round in 0..50 {
                let patience = Duration::from_micros((n * 37 + round * 11) % 900);
                let asked = tokio::time::timeout(patience, mux.reserve(client((n % 3) as u16)));
                if let Ok(reservation) = asked.await {
                    let _reservation = reservation.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    within(tasks.join_all()).await;
    assert_eq!((mux.stats().waiting, mux.stats().pending), (0, 0));
    for n in 0..3 {
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(within(mux.reserve(client(n))).await.unwrap());
        }
    }
}
