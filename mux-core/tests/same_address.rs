//! What somebody behind the same address can do, and what they cannot: see docs/security.md.

mod support;

use std::time::Duration;

use mux_core::mux::ReserveError;
use support::*;

const PORTS: u16 = 9;

/// Who guesses the port of a session of their own address is right once in as many attempts as
/// there are ports, however the sessions before have gone.
#[tokio::test]
async fn a_guess_is_right_once_in_as_many_as_there_are_ports() {
    const ROUNDS: u32 = 1_800;
    let mux = mux(PORTS, |mux| mux.wait(Duration::ZERO));
    let guessed = mux.ports().port_at(4).unwrap();
    let mut right = 0;
    for _ in 0..ROUNDS {
        let mut victim = mux.reserve(client(1)).await.unwrap();
        let strangers = mux.stats().strangers;
        let attacker = connect(client(1), guessed).await;
        attacker.set_zero_linger().unwrap();
        if victim.port() == guessed {
            within(victim.accept()).await.unwrap();
            right += 1;
        } else {
            within(async {
                while mux.stats().strangers == strangers {
                    tokio::task::yield_now().await;
                }
            })
            .await;
        }
    }
    // 200 are expected. Fewer than 110 or more than 290 come by chance once in 10^10 runs.
    assert!((110..=290).contains(&right), "{right} of {ROUNDS} guesses were right");
    assert_eq!(mux.stats().strangers, u64::from(ROUNDS - right));
}

/// While the client holds some ports, the others are as likely as each other.
#[tokio::test]
async fn a_guess_among_the_ports_that_are_left_is_no_better() {
    let mux = mux(PORTS, |mux| mux.wait(Duration::ZERO));
    let mut seen = [0_u32; PORTS as usize];
    for _ in 0..200 {
        let mut held = Vec::new();
        for _ in 0..PORTS {
            held.push(mux.reserve(client(1)).await.unwrap());
        }
        // The last one had no choice; the one before it had two.
        let index = mux.ports().index_of(held[usize::from(PORTS) - 2].port()).unwrap();
        seen[usize::from(index)] += 1;
    }
    // 22 each are expected. None below 1 or above 70, but once in 10^9 runs.
    assert!(seen.iter().all(|times| (1..=70).contains(times)), "{seen:?}");
}

/// They can hold every port of their address, and of no other.
#[tokio::test]
async fn who_holds_every_port_keeps_only_the_own_address_out() {
    let mux = mux(PORTS, |mux| mux.wait(Duration::ZERO));
    let mut held = Vec::new();
    for _ in 0..PORTS {
        held.push(mux.reserve(client(1)).await.unwrap());
    }
    assert_eq!(mux.reserve(client(1)).await.unwrap_err(), ReserveError::NoFreePort);
    for n in 2..50 {
        let mut other = mux.reserve(client(n)).await.unwrap();
        let there = connect(client(n), other.port()).await;
        let here = within(other.accept()).await.unwrap();
        assert_eq!(here.peer_addr().unwrap(), there.local_addr().unwrap());
    }
}
