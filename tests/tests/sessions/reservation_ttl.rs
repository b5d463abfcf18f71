//! A reservation nobody uses ends at its deadline.

use std::time::{Duration, Instant};

use mux_tests::Program::{self, LibunftpExample, Muxftpd};
use mux_tests::data::{self, Data};
use mux_tests::guard::obtained;
use mux_tests::needs;
use mux_tests::{Client, Ending, Holding, Launch, Passive, Ports, Server, address, files};
use rstest::rstest;

const TTL: Duration = Duration::from_secs(1);

fn server(program: Program) -> Server {
    let launch = Launch::new(program, &Ports::consecutive(1)).option("--wait", "0s");
    let server = launch.option("--reservation-ttl", "1s").start();
    server.put("one", &files::content("one", 10_000));
    server.put("two", &files::content("two", 10_000));
    server
}

/// Promise 6: a port nobody connects to is free again at the TTL, though its session lives on.
#[rstest]
fn an_unused_port_comes_back(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program);
    let source = address::client(1);
    let mut next = Client::login(source, server.control());
    let mut session = Client::login(source, server.control());
    let asked = Instant::now();
    session.pasv();
    let answer = next.passive(Passive::Pasv);
    // Nothing is known when the machine was so slow that the deadline passed meanwhile.
    assert!(answer.is_err() || asked.elapsed() >= TTL, "the port was taken until its deadline");

    let port = obtained("the deadline has passed", || next.passive(Passive::Pasv).ok());
    files::assert_own("two", 10_000, &next.retr_from(port, "two"));
    session.expect("NOOP", 200);
    files::assert_own("one", 10_000, &session.retr("one"));
}

/// Promise 4: after a reservation expired, nothing is delivered to it.
#[rstest]
fn a_connection_after_the_deadline_is_reset(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program);
    let source = address::client(1);
    let mut late = Holding::new(&server, source);

    // That another session got the port shows that the deadline has passed.
    let mut other = Client::login(source, server.control());
    obtained("the deadline has passed", || other.passive(Passive::Pasv).ok());
    let from = other.local_addr();
    other.quit();
    server.until_gone(&[from]);

    let connection = Data::connect(source, late.port);
    // The transfer command comes before or after the connection; here it comes after.
    late.session.send("RETR one").unwrap();
    let ending = data::unserved(connection);
    assert!(matches!(ending, Ending::Reset | Ending::Refused), "{ending:?}");
}

/// Promises 4 and 5: what comes after the deadline goes to the reservation that is there then, and
/// not to the one before it, although port and client are the same.
#[rstest]
fn a_connection_after_the_deadline_goes_to_the_next_reservation(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    let server = server(program);
    let source = address::client(1);
    let mut late = Holding::new(&server, source);
    late.session.expect("RETR one", 150);

    let mut next = Client::login(source, server.control());
    // The next reservation too lasts only a second, which a slow machine may spend elsewhere.
    let bytes = obtained("a reservation was used in time", || {
        let port = next.passive(Passive::Pasv).ok()?;
        let asked = Instant::now();
        let data = Data::connect(source, port).ok()?;
        if asked.elapsed() >= TTL / 2 {
            return None;
        }
        Some(next.receive(data, "RETR two"))
    });
    files::assert_own("two", 10_000, &bytes);
}

/// The deadline is the reservation's, not the transfer's: a transfer may last longer.
#[rstest]
fn a_transfer_outlives_the_deadline(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program);
    server.put("big", &files::content("big", 12 << 20));
    let source = address::client(1);
    let mut session = Client::login(source, server.control());
    let mut data = obtained("a reservation was used in time", || {
        let port = session.pasv();
        let asked = Instant::now();
        let data = Data::connect_narrow(source, port).ok()?;
        (asked.elapsed() < TTL / 2).then_some(data)
    });
    session.expect("RETR big", 150);
    let mut bytes = data.read_some(1000).unwrap();

    // Two more reservations come and go meanwhile, one after the other.
    let mut other = Client::login(source, server.control());
    for _ in 0..2 {
        obtained("the deadline has passed", || other.passive(Passive::Pasv).ok());
        let mut third = Client::login(source, server.control());
        obtained("the deadline has passed", || third.passive(Passive::Pasv).ok());
    }
    bytes.extend(data.read_to_end().unwrap());
    session.expect_reply(226);
    files::assert_own("big", 12 << 20, &bytes);
}
