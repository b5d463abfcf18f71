//! SIGTERM in the midst of a thousand pending reservations of a thousand addresses.

use mux_tests::Program::{self, Muxftpd};
use mux_tests::needs;
use mux_tests::passive_ports::is_free;
use mux_tests::{Data, address};
use nix::sys::signal::Signal;
use rstest::rstest;

use crate::{a_thousand_pending, launch, with_files};

/// Nobody has a transfer to finish, so it does not take the time that transfers would be given,
/// which is longer than any test.
#[rstest]
fn all_are_told_and_no_port_is_left(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let launch = launch(program, 9).option("--drain-timeout", "300s");
    let mut server = with_files(launch.option("--reservation-ttl", "600s"));
    let control = server.control();
    let mut held = a_thousand_pending(&server);
    // Some are just about to be used.
    let late = held.len() / 10;
    let late: Vec<_> = (0..).zip(&held).take(late).map(|(n, held)| (n, held.port)).collect();
    server.signal(Signal::SIGTERM);
    let late: Vec<_> = late
        .into_iter()
        .map(|(client, port)| Data::connect(address::client(client), port))
        .collect();

    for holding in &mut held {
        holding.session.expect_reply(421);
        assert!(holding.session.reply().is_err(), "after 421 the control connection ends");
    }
    let status = server.wait();
    assert_eq!(status.code(), Some(0), "{status}\n{}", server.said());
    for port in server.ports().list() {
        assert!(is_free((address::SERVER, *port).into()), "{port} is still listened on");
    }
    assert!(is_free(control));
    drop(late);
}
