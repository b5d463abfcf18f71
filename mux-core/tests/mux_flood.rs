//! A hundred thousand strangers on reserved ports, and as many reservations that are never used:
//! rightful clients are served throughout, memory stays bounded, the counters are right, and
//! afterwards everything is as it was before.

mod counting;
mod support;

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use counting::{ALLOCATED, MOST};
use mux_core::Mux;
use socket2::{Domain, SockAddr, Socket, Type};
use support::{assert_connected, client, connect, mux, until, within};

const STRANGERS: u64 = 100_000;
const UNUSED: u64 = 100_000;
const RIGHTFUL: u16 = 8;
const WIDTH: u16 = 9;
/// So many reservations fit into the table at a time.
const CAPACITY: usize = 110_000;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("the kernel tells").count()
}

/// A stranger's connection: whether it was turned away without a byte.
fn stranger(number: u64, port: u16) -> bool {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let source = Ipv4Addr::new(127, 90, (number % 250) as u8, 1 + (number / 250 % 250) as u8);
    socket.bind(&SockAddr::from(SocketAddr::from((source, 0)))).expect("a loopback address");
    socket.set_read_timeout(Some(support::HANG)).expect("a timeout");
    let to = SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    match socket.connect(&to) {
        Ok(()) => !matches!((&socket).read(&mut [0]), Ok(1..)),
        // It was reset before `connect` returned.
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

/// Sessions of rightful clients, one after the other, until told to stop. How many there were.
async fn serve(mux: Mux, n: u16, stop: Arc<AtomicBool>) -> u64 {
    let mut served = 0;
    while !stop.load(Relaxed) {
        let mut reservation = within(mux.reserve(client(n))).await.expect("served throughout");
        let mut there = connect(client(n), reservation.port()).await;
        let mut here = within(reservation.accept()).await.expect("its own connection");
        assert_connected(&mut here, &mut there).await;
        there.set_zero_linger().expect("leaves nothing behind");
        served += 1;
    }
    served
}

/// Reservations of clients that never connect. The sessions stay until the deadline.
async fn waste(mux: Mux) {
    let mut held = Vec::new();
    for number in 0..UNUSED {
        let client = IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + number as u32));
        held.push(within(mux.reserve(client)).await.expect("there is room for all"));
    }
    for mut reservation in held {
        within(reservation.accept()).await.expect_err("nobody connects");
    }
}

/// Promises 6, 7 and 10.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_and_unused_reservations_cost_the_rightful_nothing() {
    let mux = mux(WIDTH, |builder| builder.ttl(Duration::from_secs(10)).capacity(CAPACITY));
    let ports: Vec<u16> = mux.ports().iter().collect();
    // One of each before, so that whatever is made once is made.
    drop(within(mux.reserve(client(1))).await.unwrap());
    let strangers_before = {
        let port = ports[0];
        assert!(tokio::task::spawn_blocking(move || stranger(0, port)).await.unwrap());
        1
    };
    until(|| mux.stats().strangers == strangers_before).await;
    let (memory, open) = (ALLOCATED.load(Relaxed), descriptors());
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();

    let stop = Arc::new(AtomicBool::new(false));
    let rightful: Vec<_> =
        (1..=RIGHTFUL).map(|n| tokio::spawn(serve(mux.clone(), n, Arc::clone(&stop)))).collect();
    let wasteful = tokio::spawn(waste(mux.clone()));
    let next = Arc::new(AtomicU64::new(0));
    let floods: Vec<_> = (0..2)
        .map(|_| {
            let (next, ports) = (Arc::clone(&next), ports.clone());
            thread::spawn(move || {
                loop {
                    let number = next.fetch_add(1, Relaxed);
                    if number >= STRANGERS {
                        break;
                    }
                    let port = ports[number as usize % ports.len()];
                    assert!(stranger(number, port), "stranger {number} got something");
                }
            })
        })
        .collect();
    for flood in floods {
        tokio::task::spawn_blocking(|| flood.join().expect("all are turned away")).await.unwrap();
    }
    wasteful.await.expect("every unused one expires");
    stop.store(true, Relaxed);
    let mut served = 0;
    for session in rightful {
        served += session.await.expect("served throughout");
    }

    let stats = mux.stats();
    assert_eq!(stats.strangers - strangers_before, STRANGERS);
    assert_eq!(stats.expired, UNUSED);
    assert_eq!(stats.claimed, served);
    assert_eq!(stats.reserved, 1 + UNUSED + served);
    assert_eq!((stats.pending, stats.clients, stats.waiting), (0, 0, 0));
    assert!(served > 100, "{served} is too few to say that they were served throughout");
    println!("{STRANGERS} strangers, {UNUSED} unused, {served} served");

    // A pending reservation costs some 300 bytes at most, front and all.
    let most = MOST.load(Relaxed) - memory;
    assert!(most < CAPACITY as isize * 600, "{most} bytes more at the worst moment");
    until(|| descriptors() <= open + 2).await;
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    until(|| alive() <= tasks).await;
    let left = ALLOCATED.load(Relaxed) - memory;
    assert!(left < 512 * 1024, "{left} bytes are kept");
}
