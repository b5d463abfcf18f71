//! Descriptors: what happens when there are none left, and that none is kept.

use std::io;
use std::thread;
use std::time::Duration;

use mux_tests::Program::{self, LibunftpExample, Muxftpd};
use mux_tests::data::{self, Data};
use mux_tests::guard::{eventually, obtained};
use mux_tests::needs;
use mux_tests::{Client, Holding, Launch, Ports, Server, address, files};
use rstest::rstest;

/// More sessions than a server with this many descriptors can have.
const LIMIT: u32 = 96;
const CROWD: u16 = 150;

fn limited(program: Program) -> Server {
    let server = Launch::new(program, &Ports::consecutive(3)).with_descriptor_limit(LIMIT).start();
    server.put("file", &files::content("file", 10_000));
    server
}

/// So many control connections that not all can be open. They are not spoken on: some are
/// greeted, some are refused, and some wait where the kernel keeps them.
fn crowd(server: &Server) -> Vec<Client> {
    let connect = |n| Client::connect_silently(address::stranger(n), server.control());
    (0..CROWD).filter_map(|n| connect(n).ok()).collect()
}

/// Checks that the server uses far less than one processor while nobody asks anything of it. A
/// thread that spins uses 100 ticks a second; on a machine shared with many it is still dozens.
#[track_caller]
fn does_not_spin(server: &Server) {
    // The crowd is being dealt with at first.
    thread::sleep(Duration::from_millis(700));
    let before = server.process().ticks();
    thread::sleep(Duration::from_millis(1500));
    let used = server.process().ticks() - before;
    assert!(used < 45, "{used} ticks of processor time in 1.5 s without anything to do");
}

/// A session that works, as soon as there is one.
#[track_caller]
fn serves_again(server: &Server, client: u16) {
    let mut session = obtained("the server takes sessions again", || {
        Client::try_login(address::client(client), server.control()).ok()
    });
    files::assert_own("file", 10_000, &session.retr("file"));
    session.quit();
}

/// Promise 11: out of descriptors the accept path backs off without spinning and recovers by
/// itself. This is the control side; it happens again and again.
#[rstest]
fn out_of_descriptors_for_sessions(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = limited(program);
    for round in 0..2 {
        let crowd = crowd(&server);
        does_not_spin(&server);
        drop(crowd);
        serves_again(&server, round);
    }
}

/// Promise 11 on the passive ports: connections arrive there when no descriptor is left for them.
#[rstest]
fn out_of_descriptors_for_data_connections(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = limited(program);
    let held = Holding::every_port(&server, address::client(1));
    let crowd = crowd(&server);
    eventually("the descriptors are nearly used up, or sessions are refused", || {
        server.process().descriptors() + 8 >= LIMIT as usize
            || crowd.iter().any(|session| !session.is_silent())
    });
    let strangers: Vec<io::Result<Data>> = (0..30)
        .map(|n| {
            let port = held[usize::from(n) % held.len()].port;
            Data::connect(address::stranger(n), port)
        })
        .collect();
    let own: Vec<Data> = held
        .iter()
        .filter_map(|holding| Data::connect(holding.session.source(), holding.port).ok())
        .collect();
    does_not_spin(&server);

    drop((crowd, own));
    // Promise 7: every accepted descriptor is delivered or closed.
    for stranger in strangers {
        let _ = data::unserved(stranger);
    }
    drop(held);
    serves_again(&server, 1);
    serves_again(&server, 2);
}

/// One session of each kind: used in every way that ends by itself, and ended in every way.
fn mixed_session(server: &Server, client: u16, kind: usize) {
    let mut session = Client::login(address::client(client), server.control());
    match kind % 6 {
        0 => files::assert_own("file", 10_000, &session.retr("file")),
        1 => assert!(session.list().contains("file")),
        2 => {
            session.pasv();
        }
        3 => {
            session.pasv();
            let port = session.epsv();
            files::assert_own("file", 10_000, &session.retr_from(port, "file"));
            session.pasv();
        }
        4 => {
            let port = session.pasv();
            let _ = data::unserved(Data::connect(address::stranger(client), port));
            files::assert_own("file", 10_000, &session.retr_from(port, "file"));
        }
        _ => {
            // A transfer cut off in its middle.
            let port = session.pasv();
            let mut data = Data::connect_narrow(session.source(), port).unwrap();
            session.expect("RETR big", 150);
            data.read_some(1000).unwrap();
            data.reset();
        }
    }
    match kind % 4 {
        0 => session.fin(),
        1 => session.reset(),
        2 if kind % 6 != 5 => session.quit(),
        _ => drop(session),
    }
}

/// Promise 7: every accepted descriptor is delivered or closed; none is kept. The count is taken
/// when every client has used every port once, because a server may keep a listener per client
/// and port for the next time.
#[rstest]
fn none_is_kept_after_hundreds_of_sessions(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    const CLIENTS: u16 = 5;
    let server = Launch::new(program, &Ports::consecutive(2)).start();
    server.put("file", &files::content("file", 10_000));
    server.put("big", &files::content("big", 12 << 20));
    for client in 0..CLIENTS {
        for mut holding in Holding::every_port(&server, address::client(client)) {
            files::assert_own("file", 10_000, &holding.retr("file"));
            let peer = holding.session.local_addr();
            holding.session.quit();
            server.until_gone(&[peer]);
        }
    }
    let baseline = server.process().descriptors();
    for kind in 0..400 {
        mixed_session(&server, kind as u16 % CLIENTS, kind);
    }
    eventually("the descriptors are back at their baseline", || {
        server.process().descriptors() <= baseline
    });
    serves_again(&server, 1);
}

/// Promise 7 for connections nobody asked for.
#[rstest]
fn none_is_kept_for_strangers(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = Launch::new(program, &Ports::consecutive(2)).start();
    server.put("file", &files::content("file", 10_000));
    let ports = server.ports().list().to_owned();
    let knock = |n: u16| {
        let port = ports[usize::from(n) % ports.len()];
        let _ = data::unserved(Data::connect(address::stranger(n), (address::SERVER, port).into()));
    };
    knock(0);
    server.settle();
    let baseline = server.process().descriptors();
    (0..500).for_each(knock);
    eventually("the descriptors are back at their baseline", || {
        server.process().descriptors() <= baseline
    });
    serves_again(&server, 1);
}

/// Promise 11: what the server keeps from clients of before, it gives up for those of now. More
/// clients than it has descriptors, one after the other, then many of them at once.
#[rstest]
fn clients_of_before_do_not_use_up_the_descriptors(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    let ports = Ports::consecutive(9);
    let server = Launch::new(program, &ports).with_descriptor_limit(LIMIT).start();
    server.put("file", &files::content("file", 1000));
    for client in 0..200 {
        let mut session = Client::login(address::client(client), server.control());
        files::assert_own("file", 1000, &session.retr("file"));
        session.quit();
    }
    let at_once = (0..8).map(|client| Holding::new(&server, address::client(client)));
    for mut holding in at_once.collect::<Vec<_>>() {
        files::assert_own("file", 1000, &holding.retr("file"));
    }
}
