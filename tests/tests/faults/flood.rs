//! Promises 7 and 10: strangers in masses.

use std::thread;

use mux_tests::Program::{self, Muxftpd};
use mux_tests::needs;
use mux_tests::{Data, address, data};
use rstest::rstest;

use crate::{a_thousand_pending, is_back_at, is_served, launch, with_files};

const STRANGERS: u16 = 20_000;
const THREADS: u16 = 4;

/// How much memory the server may take for them: less than 2 KiB each. What sessions and
/// reservations take is there before.
const ROOM: u64 = 32 << 10;

/// While a thousand sessions have reservations that nobody uses.
#[rstest]
fn twenty_thousand_strangers_cost_nothing(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = with_files(launch(program, 9));
    let mut held = a_thousand_pending(&server);
    is_served(&server, address::client(2000));
    let (memory, descriptors) = (server.process().memory(), server.process().descriptors());

    thread::scope(|scope| {
        for first in 0..THREADS {
            let server = &server;
            scope.spawn(move || {
                for n in (first..STRANGERS).step_by(usize::from(THREADS)) {
                    let ports = server.ports().list();
                    let port = ports[usize::from(n / THREADS) % ports.len()];
                    let to = (address::SERVER, port).into();
                    let _ = data::unserved(Data::connect(address::stranger(n), to));
                }
            });
        }
        for _ in 0..50 {
            is_served(&server, address::client(2000));
        }
    });

    let after = server.process().memory();
    assert!(after < memory + ROOM, "{memory} KiB before the strangers and {after} after them");
    // Nine ports, each used by the client that was served meanwhile.
    is_back_at(&server, descriptors + server.ports().count());
    // The sessions are there as ever, and end as ever.
    for holding in &mut held {
        holding.session.expect("NOOP", 200);
    }
    let peers: Vec<_> = held.iter().map(|holding| holding.session.local_addr()).collect();
    drop(held);
    server.until_gone(&peers);
    is_back_at(&server, descriptors + server.ports().count() - peers.len());
}
