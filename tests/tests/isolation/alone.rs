//! Clients with nobody else behind their address: all that they ask for they get, whatever others
//! do, and nothing else.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use mux_tests::guard::HANG;
use mux_tests::{Data, address, files};
use rand::RngExt;

use crate::bytes::heard;
use crate::run::{LENGTH, Party, add};

/// What time there is, at most, between the reply and the connection.
const DAWDLE: Duration = Duration::from_millis(20);

/// A session: some transfers, each with bytes of its own.
pub(crate) fn session(party: &mut Party<'_>) {
    let mut session = party.login();
    for round in 0..party.random.random_range(1..20) {
        if party.run.is_over() {
            break;
        }
        let how = party.how();
        let port = session.passive(how).unwrap_or_else(|refusal| {
            panic!("{} has fewer sessions than there are ports: {refusal}", party.address)
        });
        party.betray(port);
        // Somebody who knows the port comes first, and stays.
        let stranger = address::stranger(party.random.random());
        let first = party.random.random_ratio(1, 3).then(|| Data::connect(stranger, port));
        sleep(party.moment(DAWDLE));
        match party.random.random_range(0..8) {
            0..=3 => {
                let bytes = session.retr_from(port, "file");
                files::assert_own(&party.owner("file"), LENGTH, &bytes);
                add(&party.run.counts.downloads);
            }
            4..=5 => {
                let owner = party.owner(round);
                let data = session.open(port);
                session.expect("STOR up", 150);
                data.write_all(&files::content(&owner, LENGTH)).expect("it is read");
                session.expect_reply(226);
                let stored = party.run.server.root().join(party.directory()).join("up");
                files::assert_own(&owner, LENGTH, &fs::read(stored).expect("it is there"));
                add(&party.run.counts.uploads);
            }
            6 => {
                let data = session.open(port);
                let names = session.receive(data, "NLST");
                let names = String::from_utf8_lossy(&names).into_owned();
                let own = |name: &str| name.ends_with("file") || name.ends_with("up");
                assert!(!names.is_empty() && names.lines().all(own), "a listing of {names:?}");
                add(&party.run.counts.listings);
            }
            // Abandoned, until the next one or the end.
            _ => {}
        }
        if let Some(first) = first {
            let got = heard(first, Duration::ZERO);
            assert!(got.is_empty(), "{stranger} got {:?}", String::from_utf8_lossy(&got));
            add(&party.run.counts.outside);
        }
    }
    match party.random.random_range(0..3) {
        0 => session.fin(),
        1 => session.reset(),
        _ => session.quit(),
    }
}

/// A session whose client connects wherever it may not: to ports that are others', to its own
/// ports of before, and twice to its own. It gets its own file once, and nothing else.
pub(crate) fn hostile_session(party: &mut Party<'_>) {
    let mut session = party.login();
    for _ in 0..party.random.random_range(1..10) {
        let how = party.how();
        let before = session.passive(how).expect("a port is free");
        let how = party.how();
        let port = session.passive(how).expect("a port is free");
        let mut others = Vec::new();
        for _ in 0..6 {
            let other = party.any_port();
            if other != port {
                others.push(Data::connect(party.address, other));
            }
        }
        if before != port {
            others.push(Data::connect(party.address, before));
        }
        let twice = [0, 1].map(|_| Data::connect(party.address, port));
        session.expect("RETR file", 150);
        let twice = twice.map(|data| heard(data, HANG));
        session.expect_reply(226);
        let [own, second] = twice;
        assert!(second.is_empty(), "of two connections to {port} the first is served alone");
        files::assert_own(&party.owner("file"), LENGTH, &own);
        others.push(Data::connect(party.address, port));
        add(&party.run.counts.downloads);
        for other in others {
            // To its end: what waits to be accepted now would be taken for that of the next round.
            let got = heard(other, HANG);
            assert!(got.is_empty(), "{} got {:?}", party.address, String::from_utf8_lossy(&got));
            add(&party.run.counts.hostile);
        }
    }
    session.reset();
}
