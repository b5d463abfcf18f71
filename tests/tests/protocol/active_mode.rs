//! `PORT` and `EPRT`: no server here knows active mode, and either ends the reservation.

use mux_tests::Program::{self, Muxftpd};
use mux_tests::needs;
use mux_tests::{Client, Data};
use rstest::rstest;

use crate::{four, goes_on, hears, rules, server};

#[rstest]
fn it_is_refused_and_ends_the_reservation(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = server(program);
    let commands =
        [("PORT 127,1,0,1,200,0", rules::PORT), ("EPRT |1|127.1.0.1|51200|", rules::EPRT)];
    for (command, replies) in commands {
        for ask in [Client::pasv, Client::epsv] {
            let mut session = four(&server);
            let port = ask(&mut session);
            session.send(command).unwrap();
            hears(&mut session, replies);

            let _connection = Data::connect(session.source(), port);
            // Dealt with before the session asks for a port again, which may be the same.
            server.settle();
            session.send("RETR file").unwrap();
            hears(&mut session, rules::TRANSFER_AFTER_ACTIVE_MODE);
            goes_on(&mut session);
        }
    }
}
