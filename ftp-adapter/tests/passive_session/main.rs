//! Passive mode over real sockets, with clients on many loopback addresses.

use ftp_adapter::{Passive, PassiveSession, Reply};
use mux_core::mux::Builder;
use mux_core::{Mux, PortSet};
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

#[path = "../machine/mod.rs"]
mod machine;
mod refusals;
mod rules;
mod verified;

/// A hang guard, not a measure.
const GUARD: Duration = Duration::from_secs(60);
const SERVER: Ipv4Addr = Ipv4Addr::LOCALHOST;
const CONTROL: u16 = 21;

/// A mux on this many ports, of each family that the machine has, that were free a moment ago: others may take them
/// in between.
async fn mux(count: usize, set_up: impl Fn(Builder) -> Builder) -> Mux {
    for _ in 0..20 {
        let mut free = Vec::new();
        for _ in 0..count {
            free.push(TcpListener::bind((SERVER, 0)).await.unwrap());
        }
        let ports: Vec<u16> =
            free.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        drop(free);
        let ports = PortSet::new(ports.into_iter().map(|port| port..=port)).unwrap();
        let ipv6 = machine::ipv6().is_ok().then_some(Ipv6Addr::LOCALHOST.into());
        let builder = Mux::builder(ports)
            .addresses(ipv6.into_iter().chain([SERVER.into()]))
            .wait(Duration::ZERO);
        if let Ok(mux) = set_up(builder).bind() {
            return mux;
        }
    }
    panic!("no free ports");
}

async fn passive(count: usize) -> Passive {
    Passive::new(mux(count, |builder| builder).await)
}

fn client(number: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, number).into()
}

fn session_of(passive: &Passive, peer: impl Into<IpAddr>) -> PassiveSession {
    let peer = peer.into();
    let local: IpAddr = match peer {
        IpAddr::V4(_) => SERVER.into(),
        IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() => SERVER.to_ipv6_mapped().into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    passive.session((peer, 4000).into(), (local, CONTROL).into())
}

/// Where a 227 sends the client.
#[track_caller]
fn named(reply: Reply) -> SocketAddr {
    match reply {
        Reply::Passive(address) => address.into(),
        other => panic!("{other}"),
    }
}

#[track_caller]
fn port_of(reply: Reply) -> u16 {
    match reply {
        Reply::Passive(address) => address.port(),
        Reply::ExtendedPassive(port) => port,
        other => panic!("{other}"),
    }
}

async fn connect(source: impl Into<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.unwrap();
    socket.bind((source.into(), 0).into()).unwrap();
    timeout(GUARD, socket.connect(to)).await.unwrap()
}

/// Sees that `session` gets the connection that its client makes now.
async fn delivers(session: &mut PassiveSession, to: SocketAddr) {
    let source = session.addresses().peer.ip();
    let there = connect(source, to).await.unwrap();
    is_the_same(session, there).await;
}

async fn is_the_same(session: &mut PassiveSession, mut there: TcpStream) {
    let mut here = timeout(GUARD, session.data_connection()).await.unwrap().unwrap();
    here.write_all(b"data").await.unwrap();
    drop(here);
    let mut data = String::new();
    timeout(GUARD, there.read_to_string(&mut data)).await.unwrap().unwrap();
    assert_eq!(data, "data");
    assert!(!session.is_reserved(), "a reservation is for one connection");
}

/// Sees that a connection is reset, be it at once or when it is used.
async fn is_reset(connection: io::Result<TcpStream>) {
    let Ok(mut connection) = connection else { return };
    let read = timeout(GUARD, connection.read(&mut [0])).await.unwrap();
    assert!(read.is_err(), "{read:?}");
}

/// Waits until what was connected has been accepted and matched.
async fn claimed(passive: &Passive) {
    let claimed = async {
        while passive.mux().stats().pending > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(GUARD, claimed).await.unwrap();
}

/// Polls `future` up to `times` times, as a `select!` may, and drops it.
async fn dropped_after<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..times {
        let polled = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context)));
        if let Poll::Ready(output) = polled.await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}
