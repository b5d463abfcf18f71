//! The passive ports at the start: whether outgoing connections get in the way.
//!
//! The kernel gives outgoing connections local ports of a range of its own. Where a passive port
//! is in that range, one of them may hold it, and goes on doing so for a minute after its end.

use mux_core::mux::{BindError, Builder, PortsError};
use mux_core::{Mux, PortSet};
use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tracing::warn;

/// How long ports that only connections hold are tried again, and how often.
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// Binds the passive ports. Where outgoing connections hold some of them, tries again for some
/// seconds. Must be called inside a tokio runtime.
///
/// # Errors
///
/// A line for each port that could not be bound, with what holds it.
///
/// # Cancel safety
///
/// If the future is dropped, nothing stays bound.
pub async fn bind(builder: &Builder) -> Result<Mux, StartError> {
    let deadline = Instant::now() + RETRY_TIMEOUT;
    let mut told = false;
    loop {
        let failures = match builder.clone().bind() {
            Ok(mux) => return Ok(mux),
            Err(BindError::Ports(error)) => error.failures,
            Err(other) => return Err(StartError(vec![other.to_string()])),
        };
        let sockets = sockets();
        let failures: Vec<Failure> =
            failures.into_iter().map(|failure| Failure::of(failure, &sockets)).collect();
        if !failures.iter().all(|failure| failure.passes) || Instant::now() >= deadline {
            return Err(StartError(failures.into_iter().map(|failure| failure.line).collect()));
        }
        if !told {
            let seconds = RETRY_TIMEOUT.as_secs();
            for Failure { line, .. } in failures.iter().take(MAX_LINES) {
                warn!(target: "muxftpd", "{line}; trying again for up to {seconds} s");
            }
            told = true;
        }
        sleep(RETRY_INTERVAL).await;
    }
}

/// A passive port that could not be bound.
struct Failure {
    line: String,
    /// Whether nothing but connections holds it.
    passes: bool,
}

impl Failure {
    fn of((address, error): (SocketAddr, io::Error), sockets: &[Socket]) -> Self {
        let holder = match error.kind() {
            io::ErrorKind::AddrInUse => holder(address, sockets),
            _ => None,
        };
        match holder {
            Some(Holder::Connection { remote, in_time_wait }) => {
                let port = address.port();
                let state = if in_time_wait { ", which is over (TIME_WAIT)," } else { "" };
                let line = format!(
                    "cannot listen on {address}: a connection of this machine to {remote}{state} \
                     holds the port; keep the kernel from using it: \
                     sysctl net.ipv4.ip_local_reserved_ports={port}"
                );
                Self { line, passes: true }
            }
            _ => {
                let line = PortsError { failures: vec![(address, error)] }.to_string();
                Self { line, passes: false }
            }
        }
    }
}

/// Why the passive ports could not be bound: a line each.
#[derive(Debug)]
pub struct StartError(Vec<String>);

/// More lines than this would only push the first ones off the screen.
const MAX_LINES: usize = 10;

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, line) in self.0.iter().take(MAX_LINES).enumerate() {
            let line_end = if position == 0 { "" } else { "\n" };
            write!(f, "{line_end}{line}")?;
        }
        match self.0.len().saturating_sub(MAX_LINES) {
            0 => Ok(()),
            more => write!(f, "\n... and {more} more ports"),
        }
    }
}

impl std::error::Error for StartError {}

/// What holds a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// A program that listens.
    Listener,
    /// A connection.
    Connection { remote: SocketAddr, in_time_wait: bool },
}

/// A TCP socket of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    state: u8,
}

/// The numbers that Linux has for these states.
const TIME_WAIT: u8 = 6;
const LISTEN: u8 = 10;

/// All TCP sockets, where the system has such a list.
fn sockets() -> Vec<Socket> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|text| text.lines().filter_map(read_socket).collect::<Vec<_>>())
        .collect()
}

/// Reads a line such as ` 0: 0100007F:2000 00000000:0000 0A ...`.
fn read_socket(line: &str) -> Option<Socket> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let local = read_address(words.next()?)?;
    let remote = read_address(words.next()?)?;
    let state = u8::from_str_radix(words.next()?, 16).ok()?;
    Some(Socket { local, remote, state })
}

/// Reads an address whose words of 32 bits are written as the processor reads them.
fn read_address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let mut bytes = Vec::with_capacity(16);
    for word in ip.as_bytes().chunks(8) {
        let word = u32::from_str_radix(str::from_utf8(word).ok()?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let ip: IpAddr = match bytes.len() {
        4 => Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into(),
        16 => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into(),
        _ => return None,
    };
    Some((ip.to_canonical(), u16::from_str_radix(port, 16).ok()?).into())
}

/// What holds `address`; a listener, if one does.
fn holder(address: SocketAddr, sockets: &[Socket]) -> Option<Holder> {
    let meets = |local: SocketAddr| {
        let (one, other) = (local.ip(), address.ip());
        local.port() == address.port()
            && (one == other || one.is_unspecified() || other.is_unspecified())
    };
    let mut found = None;
    for socket in sockets.iter().filter(|socket| meets(socket.local)) {
        if socket.state == LISTEN {
            return Some(Holder::Listener);
        }
        let in_time_wait = socket.state == TIME_WAIT;
        found = Some(Holder::Connection { remote: socket.remote, in_time_wait });
    }
    found
}

/// Passive ports that the kernel may give to outgoing connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    ports: PortSet,
    range: String,
}

/// The passive ports that the kernel may give to outgoing connections, as it is set up now. Linux
/// alone says.
pub fn overlap(passive: &PortSet) -> Option<Overlap> {
    let read = |name: &str| fs::read_to_string(format!("/proc/sys/net/ipv4/{name}"));
    let reserved = read("ip_local_reserved_ports").unwrap_or_default();
    overlap_of(passive, &read("ip_local_port_range").ok()?, &reserved)
}

fn overlap_of(passive: &PortSet, range: &str, reserved: &str) -> Option<Overlap> {
    let mut ends = range.split_ascii_whitespace().map(str::parse::<u16>);
    let (Some(Ok(first)), Some(Ok(last))) = (ends.next(), ends.next()) else { return None };
    // Nothing reserved is an empty line, and no set.
    let reserved: Option<PortSet> = reserved.trim().parse().ok();
    let is_free = |port: &u16| {
        (first..=last).contains(port) && !reserved.as_ref().is_some_and(|set| set.contains(*port))
    };
    let ports = PortSet::new(passive.iter().filter(is_free).map(|port| port..=port)).ok()?;
    Some(Overlap { ports, range: format!("{first}-{last}") })
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ports, range } = self;
        write!(
            f,
            "the kernel may give the ports {ports} to outgoing connections (it uses {range}): \
             sysctl net.ipv4.ip_local_reserved_ports={ports}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    fn set(text: &str) -> PortSet {
        text.parse().unwrap()
    }

    #[test]
    fn ports_in_the_kernel_s_range_are_told_unless_they_are_reserved() {
        let told = |passive: &str, reserved: &str| {
            overlap_of(&set(passive), "32768\t60999\n", reserved).map(|o| o.ports.to_string())
        };
        assert_eq!(told("8192-8200", "\n"), None);
        assert_eq!(told("32760-32770", "\n").as_deref(), Some("32768-32770"));
        assert_eq!(told("40000-40003", "8080,40001-40002\n").as_deref(), Some("40000,40003"));
        assert_eq!(told("40000-40003", "40000-40010\n"), None);
        let text = overlap_of(&set("60990-61010"), "32768 60999", "").unwrap().to_string();
        assert!(text.ends_with("ip_local_reserved_ports=60990-60999"), "{text}");
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_listener_and_a_connection_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listening = listener.local_addr().unwrap();
        let outgoing = TcpStream::connect(listening).await.unwrap();
        let local = outgoing.local_addr().unwrap();
        let sockets = sockets();
        assert_eq!(holder(listening, &sockets), Some(Holder::Listener));
        let connection = Holder::Connection { remote: listening, in_time_wait: false };
        assert_eq!(holder(local, &sockets), Some(connection));
        assert_eq!(
            holder((Ipv4Addr::UNSPECIFIED, local.port()).into(), &sockets),
            Some(connection)
        );
        let elsewhere = (Ipv4Addr::new(127, 9, 9, 9), local.port()).into();
        assert_eq!(holder(elsewhere, &sockets), None);
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_port_that_an_outgoing_connection_holds_is_bound_when_that_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let outgoing = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (incoming, _) = listener.accept().await.unwrap();
        let local = outgoing.local_addr().unwrap();
        let builder = Mux::builder(set(&local.port().to_string()));
        let (bound, ()) = tokio::join!(bind(&builder), async {
            // It is held at the first attempt. A reset leaves no TIME_WAIT.
            tokio::task::yield_now().await;
            outgoing.set_zero_linger().unwrap();
            drop(outgoing);
            drop(incoming);
        });
        assert_eq!(bound.unwrap().ports().to_string(), local.port().to_string());
    }

    #[tokio::test(start_paused = true)]
    #[cfg(target_os = "linux")]
    async fn what_holds_a_port_is_told_in_the_end() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let there = listener.local_addr().unwrap();
        let outgoing = std::net::TcpStream::connect(there).unwrap();
        let (_incoming, _) = listener.accept().unwrap();
        let port = outgoing.local_addr().unwrap().port();
        let builder = Mux::builder(set(&port.to_string()));
        let text = bind(&builder).await.unwrap_err().to_string();
        assert!(text.contains(&format!("of this machine to {there} holds the port")), "{text}");
        let builder = Mux::builder(set(&there.port().to_string()));
        let text = bind(&builder).await.unwrap_err().to_string();
        assert!(text.contains("it is in use by another process"), "{text}");
    }
}
