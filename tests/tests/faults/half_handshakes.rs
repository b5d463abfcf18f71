//! Connections of which only the first packet comes, from addresses that never answer.

use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::process::Command;

use mux_tests::Program::{self, Muxftpd};
use mux_tests::namespace::{SERVER, client, inside, stranger};
use mux_tests::{Client, Data, Launch, Ports, data, files};
use mux_tests::{machine, needs};
use rstest::rstest;
use socket2::{Domain, Protocol, Socket, Type};

use crate::LENGTH;

/// For each port. More than any listener's queue has room for.
const MANY: u16 = 3000;

/// The protocol number with which a socket sends packets as they are, header included.
const RAW: i32 = 255;

/// The `n`th address that packets to are sent nowhere.
fn nowhere(n: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 3, n)
}

/// The first packet of a connection (RFC 9293, 3.1; RFC 8200, 3).
fn first_packet(from: Ipv6Addr, to: Ipv6Addr, port: u16) -> Vec<u8> {
    let mut tcp = Vec::new();
    tcp.extend(40_000_u16.to_be_bytes());
    tcp.extend(port.to_be_bytes());
    // A sequence number, nothing acknowledged, five words of header, SYN, a window.
    tcp.extend([0, 0, 1, 0, 0, 0, 0, 0, 5 << 4, 2, 0xff, 0xff, 0, 0, 0, 0]);
    let length = u16::try_from(tcp.len()).unwrap();
    let addresses = [from.octets(), to.octets()].concat();
    let sum: u32 = [&addresses[..], &tcp]
        .concat()
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum::<u32>()
        + u32::from(length)
        + 6;
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());

    let mut packet = vec![6 << 4, 0, 0, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([6, 64]);
    packet.extend(addresses);
    packet.extend(tcp);
    packet
}

#[track_caller]
fn begin_many(to: SocketAddr) {
    let IpAddr::V6(host) = to.ip() else { panic!("{to} is not IPv6") };
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::from(RAW))).unwrap();
    for n in 0..MANY {
        let packet = first_packet(nowhere(n), host, to.port());
        // A full queue loses some, as networks do.
        let _ = socket.send_to(&packet, &SocketAddr::new(to.ip(), 0).into());
    }
}

/// How many connections to `port` have begun and not come about.
fn half_open(port: u16) -> usize {
    let table = fs::read_to_string("/proc/thread-self/net/tcp6").unwrap();
    let local = format!(":{port:04X}");
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[1].ends_with(&local) && row[3] == "03").count()
}

/// Promise 10. They fill the kernel's queues, which has means of its own against that, and never
/// become connections that the server would see.
#[rstest]
fn they_keep_nobody_out(#[values(Muxftpd)] program: Program) {
    needs!(program, machine::namespaces_with_ipv6());
    inside("they_keep_nobody_out", program, 3, 1, || {
        let route = ["-6", "route", "add", "2001:db8::3:0/112", "dev", "lo"];
        assert!(Command::new("ip").args(route).status().unwrap().success());
        let ports = Ports::consecutive(1);
        let server = Launch::new(program, &ports).listen((SERVER, 0).into()).start();
        server.put("file", &files::content("file", LENGTH));
        let control = server.control_ipv6();
        let passive = (SERVER, ports.first()).into();
        let mut pending = Client::login(client(0), control);
        assert_eq!(pending.epsv(), passive);
        let descriptors = server.process().descriptors();
        for port in [control, passive] {
            begin_many(port);
            assert!(half_open(port.port()) > 50, "the packets do not arrive");
        }

        assert_eq!(server.process().descriptors(), descriptors);
        let _ = data::unserved(Data::connect(stranger(0), passive));
        files::assert_own("file", LENGTH, &pending.retr_from(passive, "file"));
        for n in 1..3 {
            let mut session = Client::login(client(n), control);
            assert_eq!(session.epsv(), passive);
            begin_many(passive);
            files::assert_own("file", LENGTH, &session.retr_from(passive, "file"));
        }
    });
}
