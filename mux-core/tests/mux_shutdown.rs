//! Starting and shutting down: all or nothing, and nothing left behind.

mod machine;
mod support;

use std::time::Duration;

use mux_core::Mux;
use mux_core::mux::{AcceptError, BindError, ReserveError};
use mux_core::steer::probe_steering;
use support::*;

#[tokio::test]
async fn shutdown_tells_everybody_and_frees_the_ports() {
    let mux = mux(3, |mux| mux.wait(Duration::from_secs(60)));
    let ports = mux.ports().clone();
    let mut pending = Vec::new();
    for _ in 0..3 {
        pending.push(mux.reserve(client(1)).await.unwrap());
    }
    let waiter = tokio::spawn({
        let mux = mux.clone();
        async move { mux.reserve(client(1)).await.map(drop) }
    });
    until(|| mux.stats().waiting == 1).await;
    let delivered = connect(client(1), pending[0].port()).await;
    let mut stream = within(pending[0].accept()).await.unwrap();
    // Freed by the match, so the waiter has it now.
    within(waiter).await.unwrap().unwrap();

    within(mux.shutdown()).await;
    for reservation in &mut pending[1..] {
        assert_eq!(within(reservation.accept()).await.unwrap_err(), AcceptError::ShutDown);
    }
    assert_eq!(mux.reserve(client(1)).await.unwrap_err(), ReserveError::ShutDown);
    // What was delivered goes on.
    let mut delivered = delivered;
    assert_connected(&mut stream, &mut delivered).await;
    within(mux.shutdown()).await;
    // The ports can be had again at once, although connections of before linger.
    Mux::builder(ports).bind().unwrap();
}

#[tokio::test]
async fn requests_in_the_queue_are_told_of_the_shutdown() {
    let mux = mux(1, |mux| mux.wait(Duration::from_secs(60)));
    let _held = mux.reserve(client(1)).await.unwrap();
    let waiter = tokio::spawn({
        let mux = mux.clone();
        async move { mux.reserve(client(1)).await.map(drop) }
    });
    until(|| mux.stats().waiting == 1).await;
    within(mux.shutdown()).await;
    assert_eq!(within(waiter).await.unwrap().unwrap_err(), ReserveError::ShutDown);
}

#[tokio::test]
async fn the_last_handle_shuts_down() {
    let mux = mux(1, |mux| mux);
    let ports = mux.ports().clone();
    let mut reservation = mux.reserve(client(1)).await.unwrap();
    drop(mux.clone());
    assert_eq!(mux.stats().pending, 1);
    drop(mux);
    assert_eq!(within(reservation.accept()).await.unwrap_err(), AcceptError::ShutDown);
    until(|| Mux::builder(ports.clone()).bind().is_ok()).await;
}

/// A second start on the same ports is refused, naming each, and leaves the first alone.
#[tokio::test]
async fn a_second_start_is_refused() {
    for (first_steers, second_steers) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        if first_steers || second_steers {
            needs!(machine::steering(probe_steering));
        }
        let mux = mux(3, |mux| mux.steering(first_steers));
        let again = Mux::builder(mux.ports().clone()).steering(second_steers).bind();
        let Err(BindError::Ports(error)) = again else { panic!("{again:?}") };
        let failed: Vec<u16> = error.failures.iter().map(|(address, _)| address.port()).collect();
        assert!(failed.iter().copied().eq(mux.ports().iter()), "{failed:?}");
        assert_eq!(error.to_string().lines().count(), 3, "{error}");

        let mut reservation = mux.reserve(client(1)).await.unwrap();
        let _there = connect(client(1), reservation.port()).await;
        within(reservation.accept()).await.unwrap();
    }
}

/// All ports or none.
#[tokio::test]
async fn one_busy_port_leaves_nothing_bound() {
    let mux = mux(3, |mux| mux);
    let ports = mux.ports().clone();
    within(mux.shutdown()).await;
    for steering in [false, true] {
        if steering {
            needs!(machine::steering(probe_steering));
        }
        let busy = ports.port_at(1).unwrap();
        let other = std::net::TcpListener::bind(("127.0.0.1", busy)).unwrap();
        let error = Mux::builder(ports.clone()).steering(steering).bind().unwrap_err();
        assert!(error.to_string().contains(&format!("127.0.0.1:{busy}: it is in use")), "{error}");
        drop(other);
        let mux = Mux::builder(ports.clone()).steering(steering).bind().unwrap();
        within(mux.shutdown()).await;
    }
}

#[tokio::test]
async fn an_address_that_is_not_ours_is_refused() {
    let ports = "12345".parse().unwrap();
    let address: std::net::IpAddr = "192.0.2.77".parse().unwrap();
    let error = Mux::builder(ports).addresses([address]).bind().unwrap_err();
    assert!(error.to_string().contains("does not have that address"), "{error}");
    let ports = "12345".parse().unwrap();
    assert!(matches!(Mux::builder(ports).addresses([]).bind(), Err(BindError::NoAddress)));
}
