//! Not one byte reaches another client: sessions whose every byte names its owner, among attackers
//! who guess ports, know them, come first, say nothing, reset, put in bytes of their own, and sit
//! behind the same address.
//!
//! It goes on for `ISOLATION_SECONDS`, a few unless told:
//!
//! ```sh
//! ISOLATION_SECONDS=600 cargo test --release -p mux-tests --test isolation -- --nocapture
//! ```
//!
//! What those behind the same address get is counted, and shows that what is got is seen.

mod alone;
mod bytes;
mod one_address;
mod outsiders;
mod run;

use std::time::Duration;
use std::{env, fs, thread};

use mux_tests::Program::{self, Muxftpd};
use mux_tests::needs;
use mux_tests::{Launch, Ports, address};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rstest::rstest;

use run::{Party, Run};

/// How long, unless told.
const USUAL: u64 = 10;

/// Addresses with sessions and no attacker behind them.
const ALONE: u16 = 16;
const SESSIONS: u16 = 2;
/// Addresses with a session each whose client does all that a client may not.
const HOSTILE: u16 = 4;
/// Addresses with two sessions and three attackers behind each.
const SHARED: u16 = 3;
/// Threads of attackers from addresses without a session.
const OUTSIDERS: u16 = 6;

fn how_long() -> Duration {
    let told = env::var("ISOLATION_SECONDS").ok();
    Duration::from_secs(told.map_or(USUAL, |told| {
        told.parse().unwrap_or_else(|_| panic!("ISOLATION_SECONDS is {told:?}, not a number"))
    }))
}

/// Promises 2, 3, 4 and 10, for the bytes of whole transfers.
#[rstest]
fn not_a_byte_reaches_another_client(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = Launch::new(program, &Ports::consecutive(9))
        .flag("--writable")
        .option("--wait", "1s")
        .option("--reservation-ttl", "3s")
        .start();
    let run = Run::new(&server);
    let mut number = 0;
    thread::scope(|scope| {
        let mut party = |address, what: fn(&mut Party<'_>)| {
            number += 1;
            let random = StdRng::seed_from_u64(u64::from(number));
            let party = Party { run: &run, address, number, random };
            party.prepare();
            scope.spawn(move || party.go_on(what));
        };
        for client in (0..ALONE).flat_map(|client| [client; SESSIONS as usize]) {
            party(address::client(client), alone::session);
        }
        for client in ALONE..ALONE + HOSTILE {
            party(address::client(client), alone::hostile_session);
        }
        for n in 0..SHARED {
            let shared = address::client(ALONE + HOSTILE + n);
            party(shared, one_address::session);
            party(shared, one_address::session);
            party(shared, one_address::guess);
            party(shared, one_address::race);
            party(shared, one_address::put_in);
        }
        for n in 0..OUTSIDERS {
            party(address::stranger(n), outsiders::KINDS[usize::from(n) % outsiders::KINDS.len()]);
        }
        run.wait(how_long());
    });

    println!("{program}: {}", run.counts);
    run.assert_well();
    // What was uploaded to a client's directory came from its address.
    for party in fs::read_dir(server.root()).unwrap() {
        let party = party.unwrap();
        let name = party.file_name().into_string().unwrap();
        let (address, _) = name.split_once('-').expect("an address and a number");
        for file in fs::read_dir(party.path()).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            let foreign = bytes::foreign(&bytes, address.parse().unwrap());
            assert_eq!(foreign, None, "in the directory of {name}");
        }
    }
}
