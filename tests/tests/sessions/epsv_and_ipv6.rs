//! EPSV on both families, PASV on IPv4, and both families on one set of ports.
//!
//! The client reads 227 and 229 to the letter in every test of this package; here the replies are
//! compared as text.

use std::collections::BTreeSet;

use mux_tests::Program::{self, LibunftpExample, Muxftpd};
use mux_tests::data::{self, Data};
use mux_tests::{Client, Ending, Launch, Passive, Ports, Server, address, files};
use mux_tests::{machine, needs};
use rstest::rstest;

fn server(program: Program, ports: &Ports) -> Server {
    let server = Launch::new(program, ports).and_ipv6().option("--wait", "0s").start();
    for owner in ["four", "six"] {
        server.put(owner, &files::content(owner, 10_000));
    }
    server
}

fn four(server: &Server, client: u16) -> Client {
    Client::login(address::client(client), server.control())
}

fn six(server: &Server) -> Client {
    Client::login(address::ipv6(), server.control_ipv6())
}

#[rstest]
fn replies_are_to_the_letter(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program, machine::ipv6());
    let server = server(program, &Ports::consecutive(1));
    let port = server.ports().first();
    let [high, low] = port.to_be_bytes();
    let pasv = format!("227 Entering Passive Mode (127,0,0,1,{high},{low})");
    let epsv = format!("229 Entering Extended Passive Mode (|||{port}|)");
    let mut four = four(&server, 1);
    assert_eq!(four.command("PASV").lines, [pasv]);
    assert_eq!(four.command("EPSV").lines, [epsv.as_str()]);
    assert_eq!(six(&server).command("EPSV").lines, [epsv]);
}

#[rstest]
fn epsv_on_ipv4(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program, &Ports::consecutive(3));
    let mut client = four(&server, 1);
    for _ in 0..10 {
        let port = client.epsv();
        files::assert_own("four", 10_000, &client.retr_from(port, "four"));
    }
}

#[rstest]
fn epsv_on_ipv6(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program, machine::ipv6());
    let server = server(program, &Ports::consecutive(3));
    let mut client = six(&server);
    for _ in 0..10 {
        let port = client.epsv();
        assert!(port.is_ipv6() && server.ports().contains(port.port()));
        files::assert_own("six", 10_000, &client.retr_from(port, "six"));
    }
}

/// Promise 1: PASV and EPSV draw from the same ports, so together they have no more.
#[rstest]
fn pasv_and_epsv_share_one_set(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program, &Ports::consecutive(6));
    let mut used = BTreeSet::new();
    let mut held = Vec::new();
    for session in 0..6 {
        let mut client = four(&server, 1);
        let how = if session % 2 == 0 { Passive::Pasv } else { Passive::Epsv };
        let port = client.passive(how).expect("a port is free");
        assert!(used.insert(port.port()), "{port} was granted twice");
        held.push((client, port));
    }
    for how in [Passive::Pasv, Passive::Epsv] {
        assert_eq!(four(&server, 1).passive(how).expect_err("no port is free").code, 425);
    }
    for (client, port) in &mut held {
        files::assert_own("four", 10_000, &client.retr_from(*port, "four"));
    }
}

/// Promise 1: a client is an address, of whichever family; two clients share a port number.
#[rstest]
fn both_families_at_once_on_one_port(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program, machine::ipv6());
    let server = server(program, &Ports::consecutive(1));
    let (mut four, mut six) = (four(&server, 1), six(&server));
    for round in 0..10 {
        let (port_four, port_six) = (four.pasv(), six.epsv());
        assert_eq!(port_four.port(), port_six.port());
        if round % 2 == 0 {
            files::assert_own("four", 10_000, &four.retr_from(port_four, "four"));
            files::assert_own("six", 10_000, &six.retr_from(port_six, "six"));
        } else {
            files::assert_own("six", 10_000, &six.retr_from(port_six, "six"));
            files::assert_own("four", 10_000, &four.retr_from(port_four, "four"));
        }
    }
}

/// Promise 3, across the families: the port number alone opens nothing.
#[rstest]
fn a_stranger_of_the_other_family_is_reset(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program, machine::ipv6());
    let server = server(program, &Ports::consecutive(1));
    let (mut four, mut six) = (four(&server, 1), six(&server));

    let port = four.pasv();
    let ending = data::unserved(Data::connect(six.source(), (address::ipv6(), port.port()).into()));
    assert!(matches!(ending, Ending::Reset | Ending::Refused), "{ending:?}");
    files::assert_own("four", 10_000, &four.retr_from(port, "four"));

    let port = six.epsv();
    let ending =
        data::unserved(Data::connect(four.source(), (address::SERVER, port.port()).into()));
    assert!(matches!(ending, Ending::Reset | Ending::Refused), "{ending:?}");
    files::assert_own("six", 10_000, &six.retr_from(port, "six"));
}

/// The limit on IPv6 is the same: as many as there are ports, and each gets its own bytes.
#[rstest]
fn one_ipv6_client_holds_every_port(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program, machine::ipv6());
    let server = server(program, &Ports::consecutive(5));
    let mut sessions: Vec<Client> = (0..6).map(|_| six(&server)).collect();
    let granted: Vec<_> = sessions[..5].iter_mut().map(Client::epsv).collect();
    let used: BTreeSet<u16> = granted.iter().map(std::net::SocketAddr::port).collect();
    assert_eq!(used, server.ports().set());
    assert_eq!(sessions[5].passive(Passive::Epsv).expect_err("no port is free").code, 425);
    for (session, port) in sessions.iter_mut().zip(granted).rev() {
        files::assert_own("six", 10_000, &session.retr_from(port, "six"));
    }
    let port = sessions[5].epsv();
    files::assert_own("six", 10_000, &sessions[5].retr_from(port, "six"));
}
