//! Binding the control listeners.

mod places;

use places::ListenOption;
pub use places::Places;
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::net::TcpListener;

/// Connections that may wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 1024;

/// How often the system may choose a port that another option names before this counts as failure.
const CHOICES: usize = 64;

/// A control listener and the address that it has got.
#[derive(Debug)]
pub struct Control {
    pub listener: TcpListener,
    pub address: SocketAddr,
    /// Whether TLS begins at once.
    pub implicit_tls: bool,
}

/// Binds all control listeners, those with implicit TLS too, or none. Must be called inside a tokio
/// runtime.
pub fn bind(places: &Places<'_>) -> Result<Vec<Control>, ListenError> {
    places.check()?;
    let mut bound: Vec<Control> = Vec::new();
    let mut failures = Vec::new();
    for (position, &(option, address)) in places.control.iter().enumerate() {
        match bind_one(address, places) {
            Ok(control) => {
                bound.push(Control { implicit_tls: option == ListenOption::TlsListen, ..control });
            }
            Err(error)
                if places.is_default(position) && address.is_ipv6() && lacks_ipv6(&error) => {}
            Err(error) => failures.push(Failure { option, address, reason: Reason::System(error) }),
        }
    }
    if failures.is_empty() { Ok(bound) } else { Err(ListenError(failures)) }
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

fn same_family(one: IpAddr, other: IpAddr) -> bool {
    one.is_ipv4() == other.is_ipv4()
}

fn bind_one(address: SocketAddr, places: &Places<'_>) -> io::Result<Control> {
    // Those that are no good are held, so that the system does not choose them again.
    let mut unusable = Vec::new();
    for _ in 0..CHOICES {
        let socket = socket(address)?;
        let Some(bound) = socket.local_addr()?.as_socket() else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        if address.port() == 0 && places.has(bound) {
            unusable.push(socket);
            continue;
        }
        let listener = TcpListener::from_std(socket.into())?;
        return Ok(Control { listener, address: bound, implicit_tls: false });
    }
    Err(io::Error::other("the system chooses ports that are taken by other options: give a port"))
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

/// Why the system does not let the server listen.
pub fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there already".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need privileges (the capability CAP_NET_BIND_SERVICE)".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Whether the machine has no IPv6, or no IPv6 loopback.
fn lacks_ipv6(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(nix::errno::Errno::from_raw),
        Some(nix::errno::Errno::EAFNOSUPPORT | nix::errno::Errno::EADDRNOTAVAIL)
    )
}

/// Why something cannot be listened on: one line for each address that failed.
#[derive(Debug)]
pub struct ListenError(Vec<Failure>);

#[derive(Debug)]
struct Failure {
    option: ListenOption,
    address: SocketAddr,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    /// It is among the passive ports.
    Passive,
    /// This option has one that covers it.
    Covered(ListenOption, SocketAddr),
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
        let Self { option, address, reason } = self;
        write!(f, "cannot {} on {address}: ", option.purpose())?;
        match reason {
            Reason::Passive => {
                let port = address.port();
                let option = option.name();
                write!(
                    f,
                    "port {port} is one of the passive ports; change {option} or --passive-ports"
                )
            }
            Reason::Covered(other, same) if same == address && other == option => {
                write!(f, "{} names it twice", option.name())
            }
            Reason::Covered(other, place) => {
                write!(f, "{} {place} takes that port already; ", other.name())?;
                match other == option {
                    true => write!(f, "leave one out"),
                    false => write!(f, "change one"),
                }
            }
            Reason::System(error) => f.write_str(&why(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mux_core::PortSet;

    fn set(text: &str) -> PortSet {
        text.parse().unwrap()
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// What is bound, with these passive ports.
    fn bind_with(listen: &[&str], passive: &str) -> Result<Vec<Control>, String> {
        let listen: Vec<_> = listen.iter().map(|text| address(text)).collect();
        let passive = set(passive);
        bind(&Places::new(&listen, &[], &passive, None)).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn port_0_gets_a_real_port() {
        let control = bind_with(&["127.0.0.1:0", "127.0.0.1:0"], "1").unwrap();
        for control in &control {
            assert_ne!(control.address.port(), 0);
            assert_eq!(control.listener.local_addr().unwrap(), control.address);
        }
        assert_ne!(control[0].address, control[1].address);
    }

    #[tokio::test]
    async fn every_address_that_fails_is_named_on_a_line_of_its_own() {
        let taken = bind_with(&["127.0.0.1:0"], "1").unwrap();
        let taken = taken[0].address.to_string();
        let text = bind_with(&[&taken, "192.0.2.1:0", "127.0.0.2:0"], "1").unwrap_err();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].contains(&taken), "{text}");
        assert!(lines[0].ends_with("another program listens there already"), "{text}");
        assert!(lines[1].ends_with("this machine does not have that address"), "{text}");
    }

    #[tokio::test]
    async fn a_passive_port_is_no_control_port() {
        for listen in [
            &["127.0.0.1:8195"][..],
            &["0.0.0.0:8195"],
            &["127.0.0.1:8195", "0.0.0.0:0"],
            &["[::1]:8195", "[::]:0"],
        ] {
            let text = bind_with(listen, "8192-8200").unwrap_err();
            assert!(text.contains("port 8195 is one of the passive ports"), "{text}");
        }
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
