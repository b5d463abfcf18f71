//! Attackers from addresses without a session. They get nothing, and nothing of theirs goes
//! anywhere.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use mux_tests::{Data, address, files};
use rand::RngExt;

use crate::ALONE;
use crate::bytes::heard;
use crate::run::{Party, add};

/// Between two attempts of one, so that there is something left of the machine for others.
const PAUSE: Duration = Duration::from_millis(2);

/// What they do.
pub(crate) const KINDS: [fn(&mut Party<'_>); 6] =
    [read_from_any, race, say_nothing, reset, put_in, race];

fn connect(party: &mut Party<'_>, to: SocketAddr) -> std::io::Result<Data> {
    sleep(PAUSE);
    add(&party.run.counts.outside);
    Data::connect(address::stranger(party.random.random()), to)
}

#[track_caller]
fn gets_nothing(connection: std::io::Result<Data>) {
    let got = heard(connection, Duration::from_millis(100));
    assert!(got.is_empty(), "an outsider got {:?}", String::from_utf8_lossy(&got));
}

fn read_from_any(party: &mut Party<'_>) {
    let port = party.any_port();
    gets_nothing(connect(party, port));
}

/// Connects to a port the moment that somebody is granted it.
fn race(party: &mut Party<'_>) {
    let victim = address::client(party.random.random_range(0..ALONE));
    let port = party.known(victim);
    gets_nothing(connect(party, port));
}

/// Many connections that are held for a while.
fn say_nothing(party: &mut Party<'_>) {
    let held: Vec<_> = (0..50)
        .map(|_| {
            let port = party.any_port();
            connect(party, port)
        })
        .collect();
    held.into_iter().for_each(gets_nothing);
}

fn reset(party: &mut Party<'_>) {
    let port = party.any_port();
    if let Ok(data) = connect(party, port) {
        data.reset();
    }
}

/// Sends what may end up in somebody's upload.
fn put_in(party: &mut Party<'_>) {
    let port = party.any_port();
    if let Ok(data) = connect(party, port) {
        let _ = data.write_all(&files::content(&party.owner("put-in"), 640));
    }
}
