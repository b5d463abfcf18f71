//! What the tests of the front share: real sockets from many source addresses.

#![allow(dead_code, reason = "not every test binary uses everything")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use mux_core::mux::{BindError, Builder};
use mux_core::{Mux, PortSet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Long enough for any machine; only what hangs takes longer.
pub(crate) const HANG: Duration = Duration::from_secs(30);

pub(crate) fn client(n: u16) -> IpAddr {
    let [high, low] = n.to_be_bytes();
    Ipv4Addr::new(127, 77, high, low).into()
}

/// Builds a mux on `width` free ports of 127.0.0.1.
pub(crate) fn mux(width: u16, set_up: impl Fn(Builder) -> Builder) -> Mux {
    loop {
        let ports = free_ports(width);
        match set_up(Mux::builder(ports)).bind() {
            Ok(mux) => return mux,
            // Somebody else on this machine was faster.
            Err(BindError::Ports(error)) if all_in_use(&error.failures) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn all_in_use(failures: &[(SocketAddr, std::io::Error)]) -> bool {
    failures.iter().all(|(_, error)| error.kind() == std::io::ErrorKind::AddrInUse)
}

/// Ports below the range from which the kernel takes the source ports of connections.
fn free_ports(width: u16) -> PortSet {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 10_000 + (std::process::id() % 900) as u16 * 20;
    loop {
        let first = start + NEXT.fetch_add(width, Ordering::Relaxed) % 4_000;
        let range = first..=first + width - 1;
        let free = |port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
        if range.clone().all(free) {
            return PortSet::new([range]).unwrap();
        }
    }
}

/// Connects from `source` to `port` on 127.0.0.1.
pub(crate) async fn try_connect(source: IpAddr, port: u16) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(SocketAddr::from(([127, 0, 0, 1], port))).await
}

pub(crate) async fn connect(source: IpAddr, port: u16) -> TcpStream {
    within(try_connect(source, port)).await.unwrap()
}

/// Checks that a connection from `source` to `port` is closed without a byte.
pub(crate) async fn assert_turned_away(source: IpAddr, port: u16) {
    match within(try_connect(source, port)).await {
        Ok(stream) => assert_closed(stream).await,
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
}

/// Checks that the other side has closed or reset the connection without a byte.
pub(crate) async fn assert_closed(mut stream: TcpStream) {
    let mut byte = [0];
    match within(stream.read(&mut byte)).await {
        Ok(count) => assert_eq!(count, 0, "got a byte"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
}

/// Checks that the two ends are of one connection, by sending a byte.
pub(crate) async fn assert_connected(here: &mut TcpStream, there: &mut TcpStream) {
    assert_eq!(here.peer_addr().unwrap(), there.local_addr().unwrap());
    here.write_all(b"x").await.unwrap();
    let mut byte = [0];
    within(there.read_exact(&mut byte)).await.unwrap();
    assert_eq!(byte, *b"x");
}

/// Panics if `future` hangs.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(HANG, future).await.expect("it hangs")
}

/// Waits until `condition` holds.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    within(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}
