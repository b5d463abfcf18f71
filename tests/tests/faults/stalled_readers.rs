//! Clients that stop reading a transfer, and go away.

use mux_tests::Program::{self, Muxftpd};
use mux_tests::needs;
use mux_tests::{Client, Data, Server, address, files};
use rstest::rstest;

use crate::{
    BIG, gets_every_port_back, has_used_every_port, is_back_at, is_served, launch, with_files,
};

const STALLED: usize = 24;

/// A transfer of the big file whose reader has read a little, and does not go on.
fn stalled(server: &Server) -> (Client, Data) {
    let mut session = Client::login(address::client(1), server.control());
    let port = session.pasv();
    let mut data = Data::connect_narrow(session.source(), port).unwrap();
    session.expect("RETR big", 150);
    data.read_some(1000).unwrap();
    (session, data)
}

/// More of them than there are ports, of one client: a transfer holds none.
#[rstest]
fn others_are_served_meanwhile(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = with_files(launch(program, 4));
    for client in 1..4 {
        has_used_every_port(&server, address::client(client));
    }
    let baseline = server.process().descriptors();
    let mut readers: Vec<_> = (0..STALLED).map(|_| stalled(&server)).collect();
    for _ in 0..10 {
        is_served(&server, address::client(1));
        is_served(&server, address::client(2));
    }

    // One goes on after all.
    let (mut session, data) = readers.pop().unwrap();
    let mut bytes = files::content("big", 1000);
    bytes.extend(data.read_to_end().unwrap());
    files::assert_own("big", BIG, &bytes);
    session.expect_reply(226);
    session.quit();
    // The others go, each in its own way.
    let mut kept = Vec::new();
    for (n, (session, data)) in readers.into_iter().enumerate() {
        match n % 3 {
            0 => {
                session.reset();
                data.reset();
            }
            1 => {
                data.reset();
                session.fin();
            }
            // Of the data connection nothing is heard.
            _ => {
                session.fin();
                kept.push(data);
            }
        }
    }
    is_back_at(&server, baseline);
    gets_every_port_back(&server, address::client(1));
    is_served(&server, address::client(3));
}
