//! Binding the control listeners.

use mux_core::PortSet;
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::TcpListener;

/// Where control connections are accepted when nothing else is said.
const DEFAULT: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2121),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 2121),
];

/// Connections that may wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 1024;

/// How often the system may choose a port that is a passive port before this counts as failure.
const CHOICES: usize = 64;

/// A control listener and the address that it has got.
#[derive(Debug)]
pub struct Control {
    pub listener: TcpListener,
    pub address: SocketAddr,
    /// Whether TLS begins at once.
    pub implicit_tls: bool,
}

/// Binds all control listeners, those with implicit TLS (`tls`) too, or none. Must be called
/// inside a tokio runtime.
pub fn bind(
    listen: &[SocketAddr],
    tls: &[SocketAddr],
    passive: &PortSet,
) -> Result<Vec<Control>, ListenError> {
    let wanted = &wanted(listen, tls);
    let mut bound: Vec<Control> = Vec::new();
    let mut failures = Vec::new();
    for (position, &address) in wanted.iter().enumerate() {
        let implicit_tls = position >= wanted.len() - tls.len();
        if is_passive(address, wanted, passive) {
            failures.push(Failure { address, reason: Reason::Passive });
            continue;
        }
        match bind_one(address, wanted, passive) {
            Ok(control) => bound.push(Control { implicit_tls, ..control }),
            Err(error) if listen.is_empty() && address.is_ipv6() && lacks_ipv6(&error) => {}
            Err(error) => failures.push(Failure { address, reason: Reason::System(error) }),
        }
    }
    if failures.is_empty() { Ok(bound) } else { Err(ListenError(failures)) }
}

/// Refuses what [`bind`] would refuse without asking the system.
pub fn check(
    listen: &[SocketAddr],
    tls: &[SocketAddr],
    passive: &PortSet,
) -> Result<(), ListenError> {
    let wanted = &wanted(listen, tls);
    let wrong = wanted.iter().filter(|address| is_passive(**address, wanted, passive));
    let failures: Vec<_> =
        wrong.map(|address| Failure { address: *address, reason: Reason::Passive }).collect();
    if failures.is_empty() { Ok(()) } else { Err(ListenError(failures)) }
}

/// Where control connections are to be accepted, last those with implicit TLS.
fn wanted(listen: &[SocketAddr], tls: &[SocketAddr]) -> Vec<SocketAddr> {
    let plain = if listen.is_empty() { &DEFAULT } else { listen };
    [plain, tls].concat()
}

/// The addresses for the passive ports: those of the control listeners, each once. A wildcard
/// covers its family.
pub fn passive_addresses(control: &[Control]) -> Vec<IpAddr> {
    covering(control.iter().map(|control| control.address.ip()))
}

fn covering(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let all: BTreeSet<IpAddr> = addresses.collect();
    let covered = |ip: IpAddr| {
        !ip.is_unspecified()
            && all.iter().any(|other| other.is_unspecified() && same_family(*other, ip))
    };
    all.iter().copied().filter(|ip| !covered(*ip)).collect()
}

/// Whether `address` would also be a passive port's.
fn is_passive(address: SocketAddr, control: &[SocketAddr], passive: &PortSet) -> bool {
    let meets = |other: IpAddr| {
        same_family(other, address.ip())
            && (other == address.ip() || other.is_unspecified() || address.ip().is_unspecified())
    };
    passive.contains(address.port()) && control.iter().any(|other| meets(other.ip()))
}

fn same_family(one: IpAddr, other: IpAddr) -> bool {
    one.is_ipv4() == other.is_ipv4()
}

fn bind_one(address: SocketAddr, control: &[SocketAddr], passive: &PortSet) -> io::Result<Control> {
    // Those that are no good are held, so that the system does not choose them again.
    let mut unusable = Vec::new();
    for _ in 0..CHOICES {
        let socket = socket(address)?;
        let Some(bound) = socket.local_addr()?.as_socket() else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        if address.port() == 0 && is_passive(bound, control, passive) {
            unusable.push(socket);
            continue;
        }
        let listener = TcpListener::from_std(socket.into())?;
        return Ok(Control { listener, address: bound, implicit_tls: false });
    }
    Err(io::Error::other("the system chooses passive ports only: give a port"))
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // Else IPv4 clients would appear on it with IPv6 addresses.
        socket.set_only_v6(true)?;
    }
    // Without this, sessions of a server that has just ended keep the port for a minute. With
    // SO_REUSEPORT, a second server would be started unnoticed.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Whether the machine has no IPv6, or no IPv6 loopback.
fn lacks_ipv6(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(nix::errno::Errno::from_raw),
        Some(nix::errno::Errno::EAFNOSUPPORT | nix::errno::Errno::EADDRNOTAVAIL)
    )
}

/// Why control connections cannot be accepted: one line for each address that failed.
#[derive(Debug)]
pub struct ListenError(Vec<Failure>);

#[derive(Debug)]
struct Failure {
    address: SocketAddr,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    Passive,
    System(io::Error),
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, failure) in self.0.iter().enumerate() {
            let line_end = if position == 0 { "" } else { "\n" };
            write!(f, "{line_end}{failure}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ListenError {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address;
        write!(f, "cannot accept control connections on {address}: ")?;
        match &self.reason {
            Reason::Passive => {
                let port = address.port();
                write!(
                    f,
                    "port {port} is one of the passive ports; change --listen or --passive-ports"
                )
            }
            Reason::System(error) => match error.kind() {
                io::ErrorKind::AddrInUse => f.write_str("another program listens there already"),
                io::ErrorKind::AddrNotAvailable => {
                    f.write_str("this machine does not have that address")
                }
                io::ErrorKind::PermissionDenied => write!(
                    f,
                    "ports below 1024 need privileges (the capability CAP_NET_BIND_SERVICE)"
                ),
                _ => write!(f, "{error}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> PortSet {
        text.parse().unwrap()
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn port_0_gets_a_real_port() {
        let control = bind(&[address("127.0.0.1:0")], &[], &set("1")).unwrap();
        assert_ne!(control[0].address.port(), 0);
        assert_eq!(control[0].listener.local_addr().unwrap(), control[0].address);
    }

    #[tokio::test]
    async fn every_address_that_fails_is_named_on_a_line_of_its_own() {
        let taken = bind(&[address("127.0.0.1:0")], &[], &set("1")).unwrap();
        let taken = taken[0].address;
        let foreign = address("192.0.2.1:0");
        let error = bind(&[taken, foreign, address("127.0.0.2:0")], &[], &set("1")).unwrap_err();
        let text = error.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].contains(&taken.to_string()), "{text}");
        assert!(lines[0].ends_with("another program listens there already"), "{text}");
        assert!(lines[1].ends_with("this machine does not have that address"), "{text}");
    }

    #[tokio::test]
    async fn a_passive_port_is_no_control_port() {
        let ports = set("8192-8200");
        for listen in [
            vec!["127.0.0.1:8195"],
            vec!["0.0.0.0:8195"],
            vec!["127.0.0.1:8195", "0.0.0.0:0"],
            vec!["[::1]:8195", "[::]:0"],
        ] {
            let listen: Vec<_> = listen.into_iter().map(address).collect();
            let text = bind(&listen, &[], &ports).unwrap_err().to_string();
            assert!(text.contains("port 8195 is one of the passive ports"), "{text}");
        }
    }

    #[test]
    fn a_control_port_may_equal_a_passive_port_of_another_address_only() {
        let control = [address("127.0.0.1:21"), address("[::1]:8195")];
        let ports = set("8192-8200");
        assert!(!is_passive(control[0], &control, &ports));
        assert!(is_passive(control[1], &control, &ports));
        assert!(!is_passive(address("127.0.0.2:8195"), &control, &ports));
    }

    #[test]
    fn wildcards_cover_their_family() {
        let of = |texts: &[&str]| -> Vec<String> {
            covering(texts.iter().map(|text| text.parse().unwrap()))
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        assert_eq!(of(&["127.0.0.1", "127.0.0.1", "::1"]), ["127.0.0.1", "::1"]);
        assert_eq!(of(&["127.0.0.1", "0.0.0.0", "::1"]), ["0.0.0.0", "::1"]);
        assert_eq!(of(&["127.0.0.1", "::", "::1"]), ["127.0.0.1", "::"]);
    }
}
