//! Lending where the kernel's limits are reached.
//!
//! Apart from other tests, because programs are counted for the whole process.
#![cfg(target_os = "linux")]

mod machine;
mod support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use mux_core::Mux;
use mux_core::mux::LeaseError;
use mux_core::steer::{LendError, MAX_MEMBERS_V6, SteeringUnavailable, probe_steering};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use support::*;

/// Held by the test that runs.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn allow_many_descriptors() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(16_384), hard).unwrap();
}

fn far_client(n: usize) -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, n.try_into().unwrap()).into()
}

/// Promise 9: a port on which no more clients can be steered sends the next one to another port,
/// until all are full.
#[tokio::test]
async fn a_client_that_one_port_has_no_room_for_gets_another() {
    needs!(machine::steering(probe_steering), machine::ipv6(), machine::descriptors(8192));
    let _alone = ALONE.lock().await;
    allow_many_descriptors();
    let local: IpAddr = Ipv6Addr::LOCALHOST.into();
    let mux: Mux = mux(2, |mux| mux.addresses([local]).steering(true).ttl(HANG * 10));
    let mut lent = Vec::new();
    for n in 0..2 * MAX_MEMBERS_V6 {
        lent.push(within(mux.lease(far_client(n), local)).await.unwrap());
    }
    for port in mux.ports().iter() {
        let on_it = lent.iter().filter(|(lease, _)| lease.port() == port).count();
        assert_eq!(on_it, MAX_MEMBERS_V6);
    }
    let refused = within(mux.lease(far_client(2 * MAX_MEMBERS_V6), local)).await.unwrap_err();
    assert!(matches!(refused, LeaseError::Lend(LendError::Full)), "{refused}");
    assert_eq!(mux.stats().pending, 2 * MAX_MEMBERS_V6, "nothing stays reserved for it");

    // One is used: its place goes to another client.
    let (used, listener) = lent.pop().unwrap();
    drop((used, listener));
    within(mux.lease(far_client(2 * MAX_MEMBERS_V6), local)).await.unwrap();
    within(mux.shutdown()).await;
}

/// A process has a limited number of programs. Those who come later are told what to do.
#[tokio::test]
async fn more_ports_than_may_steer_are_refused_by_name() {
    needs!(machine::steering(probe_steering), machine::descriptors(8192));
    const PROGRAMS: usize = 512;
    let _alone = ALONE.lock().await;
    allow_many_descriptors();
    let local: IpAddr = Ipv4Addr::LOCALHOST.into();
    let width = PROGRAMS as u16 + 3;
    let mux = mux(width, |mux| mux.steering(true).ttl(HANG * 10).wait(Duration::ZERO));
    let mut lent = Vec::new();
    for _ in 0..PROGRAMS {
        lent.push(within(mux.lease(client(1), local)).await.unwrap());
    }
    let refused = within(mux.lease(client(1), local)).await.unwrap_err();
    assert!(matches!(refused, LeaseError::Lend(LendError::TooManyPorts)), "{refused}");
    assert!(refused.to_string().contains("give fewer passive ports"), "{refused}");
    let untried = tokio::task::spawn_blocking(probe_steering).await.unwrap().unwrap_err();
    assert!(matches!(untried, SteeringUnavailable::TooManyPorts { .. }), "{untried}");
    // Other clients get the ports that steer.
    let (lease, _listener) = within(mux.lease(client(2), local)).await.unwrap();
    assert!(lent.iter().any(|(other, _)| other.port() == lease.port()));
    within(mux.shutdown()).await;
    // What has ended steers no more.
    tokio::task::spawn_blocking(probe_steering).await.unwrap().unwrap();
}
