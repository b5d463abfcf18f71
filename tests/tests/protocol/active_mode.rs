//! `PORT` and `EPRT`: no server here knows active mode, and either ends the reservation.

use mux_tests::Program::{self, Muxftpd, PlainLibunftp, TinyFtpd};
use mux_tests::needs;
use mux_tests::{Client, Data, Difference, differences, differences::Replies};
use rstest::rstest;

use crate::{four, goes_on, hears, server};

#[rstest]
fn it_is_refused_and_ends_the_reservation(
    #[values(Muxftpd, TinyFtpd, PlainLibunftp)] program: Program,
) {
    needs!(program);
    let server = server(program);
    let commands: [(&str, Difference<Replies>); 2] = [
        ("PORT 127,1,0,1,200,0", differences::PORT),
        ("EPRT |1|127.1.0.1|51200|", differences::EPRT),
    ];
    for (command, difference) in commands {
        for ask in [Client::pasv, Client::epsv] {
            let mut session = four(&server);
            let port = ask(&mut session);
            session.send(command).unwrap();
            hears(&mut session, difference.of(program));

            let _connection = Data::connect(session.source(), port);
            // Dealt with before the session asks for a port again, which may be the same.
            server.settle();
            session.send("RETR file").unwrap();
            hears(&mut session, differences::TRANSFER_AFTER_ACTIVE_MODE.of(program));
            goes_on(&mut session);
        }
    }
}
