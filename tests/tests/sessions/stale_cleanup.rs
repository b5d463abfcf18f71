//! Promise 5: an old handle never touches a later reservation of the same (port, client).
//!
//! A session that used its port goes on living. Whatever it does then, and however it ends, the
//! reservations that other sessions of the same client hold on the same port by now must not feel
//! it. Both earlier implementations of port multiplexing get this wrong.

use std::net::IpAddr;

use mux_tests::Program::{self, LibunftpExample, Muxftpd};
use mux_tests::data::Data;
use mux_tests::needs;
use mux_tests::{Client, Holding, Launch, Passive, Ports, Server, address, files};
use rstest::rstest;

/// More than the buffers of both ends hold: a client that does not read holds up the transfer.
const BIG: usize = 12 << 20;

/// What the old session has done with its port.
#[derive(Debug, Clone, Copy)]
enum Old {
    Finished,
    Connected,
    Transferring,
}

/// What it does while another session's reservation is pending.
#[derive(Debug, Clone, Copy)]
enum Does {
    PasvAgain,
    EpsvAgain,
    Quit,
    HalfClose,
    Fin,
    Reset,
}

fn server(program: Program, ports: u16) -> Server {
    let launch = Launch::new(program, &Ports::consecutive(ports)).option("--wait", "0s");
    let server = launch.option("--reservation-ttl", "600s").start();
    server.put("old", &files::content("old", 10_000));
    server.put("big", &files::content("big", BIG));
    for holder in 0..ports {
        let owner = format!("new-{holder}");
        server.put(&owner, &files::content(&owner, 10_000));
    }
    server
}

/// A session whose reservation has been matched, and its data connection if that is still there.
fn old_session(server: &Server, source: IpAddr, state: Old) -> (Client, Option<Data>) {
    let mut session = Client::login(source, server.control());
    let port = session.pasv();
    let data = match state {
        Old::Finished => {
            files::assert_own("old", 10_000, &session.retr_from(port, "old"));
            None
        }
        Old::Connected => Some(session.open(port)),
        Old::Transferring => {
            let mut data = Data::connect_narrow(source, port).unwrap();
            session.expect("RETR big", 150);
            let first = data.read_some(1000).unwrap();
            assert_eq!(first, files::content("big", 1000));
            Some(data)
        }
    };
    server.settle();
    (session, data)
}

#[track_caller]
fn survives(server: &Server, source: IpAddr, state: Old, does: Does) {
    let case = format!("{state:?}, {does:?}, {} ports", server.ports().count());
    let (mut old, data) = old_session(server, source, state);
    let mut held = Holding::every_port(server, source);

    let peer = old.local_addr();
    let (mut kept, mut quitting) = (None, None);
    let how = if matches!(does, Does::EpsvAgain) { Passive::Epsv } else { Passive::Pasv };
    match does {
        // The answer comes when the transfer is over.
        Does::PasvAgain | Does::EpsvAgain if matches!(state, Old::Transferring) => {
            old.send(how.command()).unwrap();
            kept = Some(old);
            server.settle();
        }
        Does::PasvAgain | Does::EpsvAgain => {
            let refusal = old.passive(how).expect_err(&case);
            assert_eq!(refusal.code, 425, "{case}: {refusal}");
            kept = Some(old);
            server.settle();
        }
        Does::HalfClose => {
            old.half_close();
            kept = Some(old);
            server.until_gone(&[peer]);
        }
        // Some servers finish the transfer first.
        Does::Quit if matches!(state, Old::Transferring) => {
            old.send("QUIT").unwrap();
            quitting = Some(old);
            server.settle();
        }
        Does::Quit => {
            old.quit();
            server.until_gone(&[peer]);
        }
        Does::Fin => {
            old.fin();
            server.until_gone(&[peer]);
        }
        Does::Reset => {
            old.reset();
            server.until_gone(&[peer]);
        }
    }

    // Every port still counts as taken,
    let mut late = Client::login(source, server.control());
    let refusal = late.passive(Passive::Pasv).expect_err(&case);
    assert_eq!(refusal.code, 425, "{case}: {refusal}");
    // and every holder is served.
    for (holder, holding) in held.iter_mut().enumerate() {
        let owner = format!("new-{holder}");
        files::assert_own(&owner, 10_000, &holding.retr(&owner));
    }

    if let (Old::Transferring, Some(mut old), Some(data)) = (state, kept, data)
        && !matches!(does, Does::HalfClose)
    {
        // The transfer that went on all the while is whole as well.
        let mut bytes = files::content("big", 1000);
        bytes.extend(data.read_to_end().unwrap());
        files::assert_own("big", BIG, &bytes);
        let mut replies = [old.reply().unwrap().code, old.reply().unwrap().code];
        replies.sort_unstable();
        assert_eq!(replies, [226, how.granted()], "{case}");
    }
    drop(quitting);
}

fn whatever_it_does(program: Program, state: Old, ports: u16) {
    let server = server(program, ports);
    let all =
        [Does::PasvAgain, Does::EpsvAgain, Does::Quit, Does::HalfClose, Does::Fin, Does::Reset];
    for (client, does) in all.into_iter().enumerate() {
        survives(&server, address::client(client as u16), state, does);
    }
}

#[rstest]
fn after_a_finished_transfer_on_one_port(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    whatever_it_does(program, Old::Finished, 1);
}

#[rstest]
fn after_a_finished_transfer_on_a_few_ports(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    whatever_it_does(program, Old::Finished, 4);
}

#[rstest]
fn with_a_connection_that_was_never_used_on_one_port(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    whatever_it_does(program, Old::Connected, 1);
}

#[rstest]
fn with_a_connection_that_was_never_used_on_a_few_ports(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    whatever_it_does(program, Old::Connected, 4);
}

#[rstest]
fn in_the_middle_of_a_transfer_on_one_port(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    whatever_it_does(program, Old::Transferring, 1);
}

#[rstest]
fn in_the_middle_of_a_transfer_on_a_few_ports(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    whatever_it_does(program, Old::Transferring, 4);
}

/// The same over and over on one (port, client), where the sessions of one round are the old ones
/// of the next.
#[rstest]
fn round_after_round(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program, 1);
    let source = address::client(1);
    let ends: [fn(Client); 3] = [Client::quit, Client::fin, Client::reset];
    let mut old = Client::login(source, server.control());
    files::assert_own("old", 10_000, &old.retr("old"));
    for round in 0..60 {
        let mut new = Holding::new(&server, source);
        let peer = old.local_addr();
        ends[round % ends.len()](old);
        // At times the new one connects while the old one's end is being dealt with.
        if round % 2 == 0 {
            server.until_gone(&[peer]);
        }
        files::assert_own("new-0", 10_000, &new.retr("new-0"));
        old = new.session;
    }
}
