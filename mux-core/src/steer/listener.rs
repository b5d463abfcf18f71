//! Making and ending the sockets of a group.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

/// A peer that says nothing for so long is asked whether it is still there, and again as often.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A peer that answers no probe, acknowledges nothing or makes no room for so long is gone.
const USER_TIMEOUT: Duration = Duration::from_secs(300);

/// An unbound TCP socket that may join a group: non-blocking, closed on exec.
pub(super) fn open(domain: Domain) -> io::Result<Socket> {
    let socket = open_exclusive(domain)?;
    socket.set_reuse_port(true)?;
    Ok(socket)
}

/// An unbound TCP socket that does not share its port. `SO_REUSEADDR` lets a restart bind while
/// connections of an earlier run are in `TIME_WAIT`, but not while one listens.
fn open_exclusive(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Binds `socket` and starts to listen. Fails if another process has the port.
fn claim(socket: &Socket, address: SocketAddr, backlog: u32) -> io::Result<()> {
    socket.bind(&address.into())?;
    listen(socket, backlog)
}

fn listen(socket: &Socket, backlog: u32) -> io::Result<()> {
    socket.listen(backlog.try_into().unwrap_or(i32::MAX))
}

/// Makes `socket` the last of the group on `address`, whose port is the group's alone.
pub(super) fn join(socket: &Socket, address: SocketAddr, backlog: u32) -> io::Result<()> {
    notice_vanished_peers(socket)?;
    while_in_use(|| socket.bind(&address.into()))?;
    while_in_use(|| listen(socket, backlog))
}

/// Has the kernel end connections whose peer has vanished without a word. What is accepted has the
/// options of its listener, and the one who accepts may set none.
fn notice_vanished_peers(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE))?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))
}

/// How often another call may come in between: at first without a pause, then with one,
/// which breaks the step of two that call in turn. All together it is at least a tenth of a second.
const RETRIES: [(u32, Duration); 2] = [(100, Duration::ZERO), (2_000, Duration::from_micros(50))];

/// Does it again where the port is said to be in use. When the holder of an ended listener calls
/// `listen`, the kernel first calls that one listening, and then finds out that it may not: for
/// as long as that takes, it is in the way as a listener that shares its port with nobody.
fn while_in_use(attempt: impl Fn() -> io::Result<()>) -> io::Result<()> {
    for (tries, pause) in RETRIES {
        for _ in 0..tries {
            match attempt() {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => thread::sleep(pause),
                result => return result,
            }
        }
    }
    attempt()
}

/// The first listener of a new group, alone on its port, and its address.
///
/// Sharing a port takes the flag on every socket, so a group could be joined by a second process
/// that is started by mistake. Therefore the port is first claimed without the flag, which fails
/// if anybody listens there and keeps everybody out; the flag is set on that guard only once it
/// listens. The guard then leaves, and the group's first socket is what it should be: the only one.
///
/// That both listen at the same time is also what makes the first socket one of a group, to which
/// a program can be attached before anybody else joins.
pub(super) fn first(address: SocketAddr, backlog: u32) -> io::Result<(Socket, SocketAddr)> {
    let domain = Domain::for_address(address);
    let guard = open_exclusive(domain)?;
    claim(&guard, address, 1)?;
    let address = guard
        .local_addr()?
        .as_socket()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    guard.set_reuse_port(true)?;
    let first = open(domain)?;
    claim(&first, address, backlog)?;
    drop(guard);
    Ok((first, address))
}

/// Ends listening for every duplicate of `socket`, for good.
pub(super) fn end(socket: &Socket) {
    if let Err(error) = socket.shutdown(Shutdown::Read) {
        // Its holder has shut it down: see "What a holder may do".
        tracing::warn!(%error, "a steered listener had been shut down by its holder");
    }
    // A socket that is bound but not listening can be made to listen again by its holder.
    // Without this flag the kernel refuses that while the port has other listeners.
    if let Err(error) = socket.set_reuse_port(false) {
        tracing::warn!(%error, "SO_REUSEPORT could not be cleared on an ended listener");
    }
    // It may have listened again between the two. Then it joined as the last one, so that
    // nothing moves when it leaves.
    if socket.is_listener().unwrap_or(false) {
        let _ = socket.shutdown(Shutdown::Read);
    }
}
