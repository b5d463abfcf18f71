//! Promise 11, in the middle of everything: no descriptor is left while transfers run, others wait
//! for their connection, and strangers come.

use std::thread;
use std::time::Duration;

use mux_tests::Program::{self, Muxftpd};
use mux_tests::guard::{eventually, obtained};
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::{Client, Data, Holding, address, data, files};
use rstest::rstest;

use crate::{BIG, LENGTH, launch, with_files};

const LIMIT: u16 = 120;

/// What runs goes on, what waits is served once there are descriptors, and the processor is left
/// alone meanwhile.
#[rstest]
fn in_the_middle_of_everything(#[values(Muxftpd)] program: Program) {
    needs!(program, Tool::Prlimit);
    let server = with_files(launch(program, 3).with_descriptor_limit(LIMIT.into()));
    let mut running: Vec<(Client, Data)> = (0..6)
        .map(|client| {
            let mut holding = Holding::new(&server, address::client(client));
            let mut data = Data::connect_narrow(address::client(client), holding.port).unwrap();
            holding.session.expect("RETR big", 150);
            data.read_some(1000).unwrap();
            (holding.session, data)
        })
        .collect();
    let mut pending: Vec<Holding> =
        (10..16).map(|client| Holding::new(&server, address::client(client))).collect();

    // More control connections than there can be.
    let crowd: Vec<Client> = (0..LIMIT + 60)
        .filter_map(|n| Client::connect_silently(address::stranger(n), server.control()).ok())
        .collect();
    eventually("the descriptors are nearly used up", || {
        server.process().descriptors() + 4 >= LIMIT.into()
    });
    // A session takes two descriptors when it begins. Where one is left, connections are accepted
    // and sessions fail; here not even that.
    let shortage = server.process().without_descriptors();
    let late: Vec<Client> = (0..30)
        .filter_map(|n| Client::connect_silently(address::stranger(500 + n), server.control()).ok())
        .collect();
    let strangers: Vec<_> = (0..30)
        .map(|n| {
            let holding = &pending[usize::from(n) % pending.len()];
            Data::connect(address::stranger(1000 + n), holding.port)
        })
        .collect();
    let waiting: Vec<Data> =
        pending.iter().map(|holding| holding.session.open(holding.port)).collect();

    // A thread that spins takes 100 ticks a second; on a busy machine it is still dozens.
    thread::sleep(Duration::from_millis(700));
    let before = server.process().ticks();
    thread::sleep(Duration::from_secs(1));
    let used = server.process().ticks() - before;
    assert!(used < 30, "{used} ticks of processor time in a second, with nothing to do");

    // What runs needs no new descriptor.
    for (mut session, data) in running.drain(..) {
        let mut bytes = files::content("big", 1000);
        bytes.extend(data.read_to_end().unwrap());
        files::assert_own("big", BIG, &bytes);
        session.expect_reply(226);
    }
    drop(shortage);
    drop((crowd, late));
    // What waits is served, and strangers are not.
    for stranger in strangers {
        let _ = data::unserved(stranger);
    }
    for (holding, data) in pending.iter_mut().zip(waiting) {
        files::assert_own("file", LENGTH, &holding.session.receive(data, "RETR file"));
    }
    for holding in &mut pending {
        files::assert_own("file", LENGTH, &holding.session.retr("file"));
    }
    let mut next = obtained("the server takes sessions again", || {
        Client::try_login(address::client(50), server.control()).ok()
    });
    files::assert_own("file", LENGTH, &next.retr("file"));
}
