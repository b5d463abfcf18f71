//! The control connections: where they are accepted.

use mux_core::PortSet;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tracing::warn;

const DEFAULT: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2121),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 2121),
];

/// Binds all control listeners, or none: then one line says why for each that failed.
pub(crate) fn bind(listen: &[SocketAddr], passive: &PortSet) -> Result<Vec<TcpListener>, String> {
    let mut bound = Vec::new();
    let mut failures = Vec::new();
    for &address in if listen.is_empty() { &DEFAULT } else { listen } {
        if passive.contains(address.port()) {
            let port = address.port();
            failures.push(format!(
                "cannot accept control connections on {address}: port {port} is one of the \
                 passive ports; change --listen or --passive-ports"
            ));
            continue;
        }
        match bind_one(address) {
            Ok(listener) => bound.push(listener),
            // Not every machine has IPv6, and nobody has asked for it.
            Err(error)
                if listen.is_empty()
                    && address.is_ipv6()
                    && error.kind() != io::ErrorKind::AddrInUse => {}
            Err(error) => failures.push(format!(
                "cannot accept control connections on {address}: {}",
                reason(&error)
            )),
        }
    }
    if failures.is_empty() { Ok(bound) } else { Err(failures.join("\n")) }
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Else the sessions of a server that has just ended keep the port for a minute.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there already".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need privileges (the capability CAP_NET_BIND_SERVICE)".to_owned()
        }
        _ => error.to_string(),
    }
}

/// The next control connection. Out of descriptors it waits a moment and tries again, because an
/// accept that fails at once would spin.
pub(crate) async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut pause = Duration::from_millis(5);
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                warn!("cannot accept a control connection, trying again: {error}");
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
        }
    }
}
