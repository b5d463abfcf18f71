//! Clients that connect, to the control port and to the passive ports, and say nothing.

use mux_tests::Program::{self, Muxftpd};
use mux_tests::needs;
use mux_tests::{Client, Data, Holding, address, files};
use rstest::rstest;

use crate::{LENGTH, gets_every_port_back, has_used_every_port, is_served, launch, with_files};

/// On the control port: a hundred of one address, who keep nobody else out.
#[rstest]
fn on_the_control_port(#[values(Muxftpd)] program: Program) {
    needs!(program);
    let server = with_files(launch(program, 3));
    has_used_every_port(&server, address::client(2));
    let baseline = server.process().descriptors();
    let silent: Vec<Client> = (0..100)
        .map(|_| Client::connect_silently(address::client(1), server.control()).unwrap())
        .collect();
    for _ in 0..10 {
        is_served(&server, address::client(2));
    }
    let peers: Vec<_> = silent.iter().map(Client::local_addr).collect();
    drop(silent);
    server.until_gone(&peers);
    crate::is_back_at(&server, baseline);
}

/// On the passive ports, with the right to: each connection is its reservation's and takes no
/// port any more, so that any number of them keeps nobody out, not even of the same address.
#[rstest]
fn on_the_passive_ports(#[values(Muxftpd)] program: Program) {
    needs!(program);
    // The next one may have to wait until the server has seen the connection.
    let server = with_files(launch(program, 3).option("--wait", "60s"));
    let mut silent: Vec<(Holding, Data)> = (0..60)
        .map(|_| {
            let holding = Holding::new(&server, address::client(1));
            let data = holding.session.open(holding.port);
            (holding, data)
        })
        .collect();
    for _ in 0..5 {
        is_served(&server, address::client(1));
        is_served(&server, address::client(2));
    }
    // They may think better of it.
    for (holding, data) in silent.drain(..30) {
        let mut session = holding.session;
        files::assert_own("file", LENGTH, &session.receive(data, "RETR file"));
    }
    drop(silent);
    gets_every_port_back(&server, address::client(1));
}
