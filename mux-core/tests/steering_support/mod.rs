//! What the steering tests share: groups on loopback, clients with chosen addresses.

#![allow(dead_code, reason = "every test binary uses its own part")]

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::machine::{self, Has};
use mux_core::Client;
use mux_core::steer::{Group, LeaseId, Lent, Options, Spares};
use socket2::{Domain, Protocol, Socket, Type};

/// Only a test that hangs runs into this.
pub(crate) const HANG_GUARD: Duration = Duration::from_secs(60);

/// Whether this machine can steer.
pub(crate) fn steers() -> Has {
    machine::steering(mux_core::steer::probe_steering)
}

pub(crate) fn ip(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 7, last).into()
}

pub(crate) fn client(last: u8) -> Client {
    ip(last).into()
}

pub(crate) fn options(max_members: usize) -> Options {
    Options { max_members, ..Options::default() }
}

pub(crate) fn group(max_members: usize) -> (Group, Arc<TcpListener>) {
    Group::bind("127.0.0.1:0".parse().unwrap(), options(max_members), Arc::new(Spares::new()))
        .unwrap()
}

pub(crate) fn lend(group: &mut Group, last: u8, lease: u64) -> Lent {
    group.lend(client(last), LeaseId::new(lease.into())).unwrap()
}

/// A socket that is bound to `source` and about to connect.
pub(crate) fn client_socket(source: IpAddr) -> io::Result<Socket> {
    let address = SocketAddr::new(source, 0);
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&address.into())?;
    Ok(socket)
}

pub(crate) fn connect(source: IpAddr, address: SocketAddr) -> TcpStream {
    let socket = client_socket(source).unwrap();
    socket.connect_timeout(&address.into(), HANG_GUARD).unwrap();
    socket.into()
}

/// What is queued at a listener, waiting for the first one.
pub(crate) fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok(accepted) => return accepted,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                assert!(start.elapsed() < HANG_GUARD, "nothing arrived");
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => panic!("accept: {error}"),
        }
    }
}

/// Connects from `last`'s address and asserts that the connection arrives at `listener`.
pub(crate) fn assert_reaches(listener: &TcpListener, last: u8, address: SocketAddr) {
    let connection = connect(ip(last), address);
    assert_eq!(accept(listener).1, connection.local_addr().unwrap());
}

pub(crate) fn assert_empty(listener: &TcpListener) {
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

/// Asserts that the peer has reset the connection.
pub(crate) fn assert_reset(mut connection: &TcpStream) {
    use std::io::Read;
    connection.set_read_timeout(Some(HANG_GUARD)).unwrap();
    let error = connection.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

/// Repeats `step` until it gives something.
pub(crate) fn until<T>(mut step: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(result) = step() {
            return result;
        }
        assert!(start.elapsed() < HANG_GUARD, "it did not happen");
        thread::sleep(Duration::from_millis(1));
    }
}
