//! PROXY headers, on control and data connections.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use mux_tests::guard::eventually;
use mux_tests::{Client, Data, Ending, Launch, Server, address, data, files};
use mux_tests::{machine, needs};

use crate::launch;
use crate::metrics::{address_of, get};

/// The proxy, which the server trusts.
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 3, 0, 1));

/// What the client has connected to, says the proxy.
const PUBLIC: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);

fn proxied() -> Launch {
    launch().option("--proxy-from", "127.3.0.0/24").option("--metrics", "127.0.0.1:0")
}

fn start() -> Server {
    let server = proxied().start();
    server.put("file", &files::content("file", 10_000));
    server
}

fn v1(client: u8) -> Vec<u8> {
    format!("PROXY TCP4 192.0.2.{client} {PUBLIC} 50000 21\r\n").into_bytes()
}

fn v2(client: u8) -> Vec<u8> {
    let addresses = [[192, 0, 2, client], PUBLIC.octets()].concat();
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &addresses, &[0xc3, 0x50, 0, 21]].concat()
}

/// The same for clients over IPv6, of a proxy that has IPv4 alone here.
fn v1_ipv6(client: u8) -> Vec<u8> {
    format!("PROXY TCP6 2001:db8::{client} 2001:db8:1::10 50000 21\r\n").into_bytes()
}

fn v2_ipv6(client: u8) -> Vec<u8> {
    let mut addresses = [0; 32];
    for (place, high, last) in [(0, 0, client), (16, 1, 0x10)] {
        addresses[place..place + 6].copy_from_slice(&[0x20, 1, 0x0d, 0xb8, 0, high]);
        addresses[place + 15] = last;
    }
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24"[..], &addresses, &[0xc3, 0x50, 0, 21]].concat()
}

fn local() -> Vec<u8> {
    b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0".to_vec()
}

fn connect(server: &Server) -> Client {
    Client::connect_silently(PROXY, server.control()).unwrap()
}

/// A session that the proxy passes on.
fn login(server: &Server, header: &[u8]) -> Client {
    let mut client = connect(server);
    client.send_bytes(header).unwrap();
    client.expect_reply(220);
    client.expect("USER anonymous", 331);
    client.expect("PASS guest@example.com", 230);
    client.expect("TYPE I", 200);
    client
}

/// How many data connections were rejected for their header.
fn rejected(server: &Server) -> [u64; 3] {
    ["invalid", "late", "too_many"].map(|reason| {
        number(server, &format!("muxftpd_proxy_headers_rejected_total{{reason=\"{reason}\"}}"))
    })
}

/// Where the passive port is for the proxy.
fn pasv(client: &mut Client) -> SocketAddr {
    let told = client.expect("PASV", 227).passive_address();
    assert_eq!(told.ip(), IpAddr::from(PUBLIC), "the address in the header is named");
    (client.server().ip(), told.port()).into()
}

fn data_connection(port: SocketAddr, header: &[u8]) -> Data {
    let mut data = Data::connect(PROXY, port).unwrap();
    data.write_some(header).unwrap();
    data
}

fn is_turned_away(data: Data) {
    assert!(matches!(data::unserved(Ok(data)), Ending::Reset | Ending::Closed));
}

fn number(server: &Server, name: &str) -> u64 {
    let numbers = get(address_of(server), "/metrics");
    let line = numbers.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.map_or(0, |value| value.parse().unwrap())
}

#[test]
fn clients_behind_one_proxy_are_told_apart() {
    let server = start();
    for header in [v1, v2] {
        let mut sessions: Vec<_> = (1..=20).map(|n| (n, login(&server, &header(n)))).collect();
        // More than there are ports: by the proxy's address they would not be granted.
        let ports: Vec<_> = sessions.iter_mut().map(|(_, session)| pasv(session)).collect();
        for ((n, session), port) in sessions.iter_mut().zip(&ports).rev() {
            let data = data_connection(*port, &header(*n));
            files::assert_own("file", 10_000, &session.receive(data, "RETR file"));
        }
    }
}

#[test]
fn a_data_connection_counts_by_its_header_alone() {
    let server = start();
    let mut session = login(&server, &v1(1));
    let port = pasv(&mut session);
    is_turned_away(data_connection(port, &v2(2)));
    is_turned_away(data_connection(port, b"no header at all\r\n"));
    // Nobody's but their own, although they say otherwise.
    match Data::connect(address::client(1), port) {
        Ok(mut data) => {
            // It may be reset before that.
            let _ = data.write_some(&v1(1));
            is_turned_away(data);
        }
        // Or before `connect` returned.
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    let data = data_connection(port, &v2(1));
    files::assert_own("file", 10_000, &session.receive(data, "RETR file"));
    assert_eq!(number(&server, "muxftpd_reservations_claimed_total"), 1);
}

#[test]
fn what_follows_the_header_in_one_write_is_the_sessions() {
    let server = proxied().flag("--writable").start();
    for header in [v1, v2] {
        let mut client = connect(&server);
        client.send_bytes(&[&header(1)[..], b"USER anonymous\r\nPASS x\r\n"].concat()).unwrap();
        for code in [220, 331, 230] {
            client.expect_reply(code);
        }
        let port = pasv(&mut client);
        let mut data = Data::connect(PROXY, port).unwrap();
        data.write_some(&[&header(1)[..], b"the file's first bytes, "].concat()).unwrap();
        client.expect("STOR up", 150);
        data.write_all(b"and its last").unwrap();
        client.expect_reply(226);
        // A second header is the session's as well, whatever that is to it.
        client.expect("TYPE I", 200);
        let port = pasv(&mut client);
        let mut data = Data::connect(PROXY, port).unwrap();
        data.write_some(&header(1).repeat(2)).unwrap();
        client.expect("STOR twice", 150);
        data.write_all(b"").unwrap();
        client.expect_reply(226);
        assert_eq!(std::fs::read(server.root().join("twice")).unwrap(), header(1));
        let stored = std::fs::read(server.root().join("up")).unwrap();
        assert_eq!(String::from_utf8_lossy(&stored), "the file's first bytes, and its last");
    }
}

#[test]
fn headers_may_be_cut_at_every_byte() {
    let server = start();
    for header in [v1(1), v2(1), v1_ipv6(1), v2_ipv6(1)] {
        for cut in 1..header.len() {
            let (first, rest) = header.split_at(cut);
            let mut client = connect(&server);
            client.send_bytes(first).unwrap();
            // The server may have read the first part by then, or not: both must do.
            thread::sleep(Duration::from_millis(2));
            client.send_bytes(rest).unwrap();
            client.expect_reply(220);
        }
        let mut session = login(&server, &header);
        for cut in 1..header.len() {
            let port = session.epsv();
            let mut data = data_connection(port, &header[..cut]);
            thread::sleep(Duration::from_millis(2));
            data.write_some(&header[cut..]).unwrap();
            files::assert_own("file", 10_000, &session.receive(data, "RETR file"));
        }
    }
}

/// What is no header, and cannot become one.
fn no_headers() -> [Vec<u8>; 6] {
    let mut too_long = b"PROXY UNKNOWN ".to_vec();
    too_long.resize(106, b'x');
    too_long.extend(b"\r\n");
    [
        b"USER anonymous\r\n".to_vec(),
        b"\x16\x03\x01\x02\0".to_vec(),
        b"PROXY TCP4 192.0.2.1\r\n".to_vec(),
        too_long,
        [&v2(1)[..14], b"\xff\xff"].concat(),
        [&v2(1)[..13], b"\x12\0\x0c"].concat(),
    ]
}

#[test]
fn a_data_connection_without_a_good_header_is_refused() {
    let server = start();
    let mut session = login(&server, &v1(1));
    let port = pasv(&mut session);
    for bytes in no_headers() {
        is_turned_away(data_connection(port, &bytes));
    }
    eventually("they are counted", || rejected(&server) == [6, 0, 0]);
    // And the reservation is as it was.
    let data = data_connection(port, &v1(1));
    files::assert_own("file", 10_000, &session.receive(data, "RETR file"));
    assert_eq!(number(&server, "muxftpd_strangers_total"), 0);
    assert_eq!(number(&server, "muxftpd_proxy_headers_awaited"), 0);
}

/// A proxy that sends headers on the control port alone: its clients are refused, and the operator
/// is told what to do, once.
#[test]
fn a_proxy_without_headers_on_the_passive_ports_is_named() {
    let server = proxied().option("--reservation-ttl", "1s").start();
    server.put("file", &files::content("file", 10_000));
    let mut session = login(&server, &v1(1));
    let port = pasv(&mut session);
    // As a client does who sends commands alone, and as one who begins TLS.
    let silent = Data::connect(PROXY, port).unwrap();
    is_turned_away(data_connection(port, b"\x16\x03\x01\x02\0"));
    session.expect("RETR file", 150);
    session.expect_reply(425);
    let line = "without a PROXY header, so it is nobody's; have it send one there too";
    let told = || {
        let said = server.said();
        let lines = said.lines().filter(|said| said.contains(line));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    eventually("the operator is told", || told().len() == 1);
    assert!(told()[0].contains("WARN") && told()[0].contains("127.3.0.1"), "{:?}", told());
    is_turned_away(silent);
    eventually("both are counted", || rejected(&server) == [1, 1, 0]);
    assert_eq!(told().len(), 1, "once a minute");
}

#[test]
fn clients_of_both_families_are_told_apart() {
    let server = start();
    for header in [v1_ipv6, v2_ipv6] {
        let mut sessions = [1, 2].map(|n| login(&server, &header(n)));
        for (n, session) in (1..).zip(&mut sessions) {
            session.expect("PASV", 425);
            let port = session.epsv();
            is_turned_away(data_connection(port, &header(n + 2)));
            is_turned_away(data_connection(port, &v2(n)));
            let data = data_connection(port, &header(n));
            files::assert_own("file", 10_000, &session.receive(data, "RETR file"));
        }
    }
    assert_eq!(rejected(&server), [0; 3]);
    assert_eq!(number(&server, "muxftpd_strangers_total"), 8);
}

#[test]
fn a_control_connection_without_a_good_header_is_refused() {
    let server = start();
    for bytes in no_headers() {
        let bytes = &bytes;
        let mut client = connect(&server);
        client.send_bytes(bytes).unwrap();
        assert!(client.reply().is_err(), "{:?} is greeted", String::from_utf8_lossy(bytes));
    }
    let refused = "muxftpd_sessions_refused_total{reason=\"no_proxy_header\"}";
    eventually("they are counted", || number(&server, refused) == 6);
    assert_eq!(number(&server, "muxftpd_sessions_started_total"), 0);
}

#[test]
fn headers_from_elsewhere_and_second_headers_are_no_headers() {
    let server = start();
    let mut client = Client::connect(address::client(1), server.control()).unwrap();
    client.send_bytes(&v1(1)).unwrap();
    client.expect_reply(500);
    client.expect("USER anonymous", 331);
    client.expect("PASS x", 230);
    let told = client.expect("PASV", 227).passive_address();
    assert_eq!(told.ip(), server.control().ip(), "it has connected here, whatever it says");

    let mut client = login(&server, &v1(1));
    client.send_bytes(&v1(2)).unwrap();
    client.expect_reply(500);
    let port = pasv(&mut client);
    is_turned_away(data_connection(port, &v1(2)));
}

#[test]
fn health_checks_leave_no_trace() {
    let server = start();
    let port = (server.control().ip(), server.ports().first()).into();
    for _ in 0..50 {
        let mut check = connect(&server);
        check.send_bytes(&local()).unwrap();
        check.reset();
        data_connection(port, &local()).reset();
        let mut check = connect(&server);
        check.send_bytes(&local()).unwrap();
        assert!(check.reply().is_err(), "nobody is greeted");
        is_turned_away(data_connection(port, &local()));
    }
    // A session like any other shows that they have been dealt with.
    drop(login(&server, &v2(1)));
    assert_eq!(number(&server, "muxftpd_sessions_started_total"), 1);
    assert_eq!(number(&server, "muxftpd_strangers_total"), 0);
    assert_eq!(rejected(&server), [0; 3]);
    let said = server.said();
    let (_, log) = said.split_once("stderr:\n").unwrap();
    assert!(log.lines().all(|line| line.contains("session client=192.0.2.1")), "{log}");
}

#[test]
fn nobody_is_waited_for_for_ever() {
    let server = start();
    let mut silent = connect(&server);
    let mut slow = connect(&server);
    slow.send_part("PROXY TCP4 ").unwrap();
    let mut session = login(&server, &v1(1));
    let port = pasv(&mut session);
    let waits = data_connection(port, b"PROXY");
    // They are in nobody's way.
    let data = data_connection(port, &v1(1));
    files::assert_own("file", 10_000, &session.receive(data, "RETR file"));
    assert!(silent.is_silent() && slow.is_silent(), "there are at least 3 s for a header");
    for client in [&mut silent, &mut slow] {
        assert!(client.reply().is_err());
    }
    is_turned_away(waits);
    assert_eq!(rejected(&server), [0, 1, 0]);
}

/// More connections than may wait: the oldest give way, and who comes with a header is served.
#[test]
fn a_flood_from_a_trusted_proxy_stays_within_bounds() {
    needs!(machine::descriptors(8192));
    let server = start();
    let before = server.process().descriptors();
    let mut silent: Vec<Client> = Vec::new();
    for turn in 0..1500 {
        silent.push(connect(&server));
        if turn % 100 == 0 {
            login(&server, &v1(1)).quit();
        }
    }
    eventually("the oldest have given way", || {
        server.process().descriptors() <= before + 1024 + 20
    });
    login(&server, &v2(1)).quit();
    drop(silent);
    eventually("nothing is left", || server.process().descriptors() <= before);
}
