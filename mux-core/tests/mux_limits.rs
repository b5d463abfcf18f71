//! How much of the mux one client, and all clients, may take.

mod support;

use std::num::NonZeroUsize;
use std::time::Duration;

use mux_core::mux::ReserveError;
use support::*;

fn at_most(most: usize) -> NonZeroUsize {
    NonZeroUsize::new(most).unwrap()
}

/// A client at its limit is refused although ports are free, and others are not.
#[tokio::test]
async fn one_client_takes_no_more_than_its_share() {
    let mux = mux(5, |mux| mux.wait(Duration::ZERO).max_pending_per_client(at_most(2)));
    let mut held = vec![];
    for _ in 0..2 {
        held.push(mux.reserve(client(1)).await.unwrap());
    }
    assert_eq!(mux.reserve(client(1)).await.unwrap_err(), ReserveError::PendingLimit);
    let _other = mux.reserve(client(2)).await.unwrap();
    assert_eq!((mux.stats().pending, mux.stats().clients), (3, 2));

    // What it gives back, it may have again.
    held.pop();
    held.push(mux.reserve(client(1)).await.unwrap());
    let refused = mux.stats().refused;
    assert_eq!((refused.by(ReserveError::PendingLimit), refused.total()), (1, 1));
}

/// Who is at the limit waits in line, as for a port.
#[tokio::test]
async fn a_client_at_its_limit_waits_in_line() {
    let mux = mux(5, |mux| mux.wait(HANG).max_pending_per_client(at_most(1)));
    let held = mux.reserve(client(1)).await.unwrap();
    let next = tokio::spawn({
        let mux = mux.clone();
        async move { mux.reserve(client(1)).await.map(drop) }
    });
    until(|| mux.stats().waiting == 1).await;
    drop(held);
    within(next).await.unwrap().unwrap();
}

/// A wait in vain tells what it was in vain for.
#[tokio::test]
async fn a_wait_at_the_limit_ends_with_its_own_refusal() {
    let wait = Duration::from_millis(50);
    let mux = mux(5, |mux| mux.wait(wait).max_pending_per_client(at_most(1)));
    let _held = mux.reserve(client(1)).await.unwrap();
    let refused = within(mux.reserve(client(1))).await;
    assert_eq!(refused.unwrap_err(), ReserveError::PendingLimit);
}

/// Further clients are refused at once; the known ones go on, and a place is free again with a
/// client's last reservation, whichever way that ends.
#[tokio::test]
async fn no_more_clients_than_allowed() {
    let mux = mux(5, |mux| mux.wait(HANG).max_clients(at_most(2)));
    let mut one = mux.reserve(client(1)).await.unwrap();
    let two = mux.reserve(client(2)).await.unwrap();
    let refused = within(mux.reserve(client(3))).await.unwrap_err();
    assert_eq!(refused, ReserveError::TooManyClients);
    drop(mux.reserve(client(2)).await.unwrap());

    // Claimed.
    let _there = connect(client(1), one.port()).await;
    within(one.accept()).await.unwrap();
    let three = mux.reserve(client(3)).await.unwrap();
    assert_eq!(mux.reserve(client(4)).await.unwrap_err(), ReserveError::TooManyClients);
    // Cancelled.
    drop(two);
    let _four = mux.reserve(client(4)).await.unwrap();
    drop(three);
    assert_eq!((mux.stats().clients, mux.stats().refused.by(ReserveError::TooManyClients)), (1, 2));
}
