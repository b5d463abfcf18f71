//! Binding the passive ports.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::errors::PortsError;
use super::groups::Groups;

/// What was bound, in the order asked for.
#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) own: Vec<(SocketAddr, Arc<TcpListener>)>,
    pub(super) groups: Option<Groups>,
}

/// Binds every address, trying all of them also when one fails.
pub(super) fn bind_all(
    addresses: &[SocketAddr],
    backlog: u32,
    mut groups: Option<Groups>,
) -> Result<Listeners, PortsError> {
    let mut own = Vec::with_capacity(addresses.len());
    let mut failures = Vec::new();
    for &address in addresses {
        let bound = match &mut groups {
            Some(groups) => groups.bind(address, backlog),
            None => listen(address, backlog),
        };
        match bound {
            Ok(listener) => own.push((address, listener)),
            Err(error) => failures.push((address, error)),
        }
    }
    if failures.is_empty() { Ok(Listeners { own, groups }) } else { Err(PortsError { failures }) }
}

fn listen(address: SocketAddr, backlog: u32) -> io::Result<Arc<TcpListener>> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Lets a restart have the port back while connections of before linger. Not on Windows,
    // where it would let anybody join.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    TcpListener::from_std(socket.into()).map(Arc::new)
}
