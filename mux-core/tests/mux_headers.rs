//! Tens of thousands of connections from a proxy that is trusted and hostile: silent ones, halves of
//! headers, headers that name nobody, and what is no header. What they take stays within bounds,
//! others are served throughout, and afterwards everything is as it was before.
#![cfg(target_os = "linux")]

mod counting;
mod exhaust;
mod machine;
mod support;

use std::collections::VecDeque;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use counting::{ALLOCATED, MOST};
use mux_core::Mux;
use socket2::{Domain, SockAddr, Socket, Type};
use support::{assert_connected, client, connect, mux, until, within};
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;

/// What comes in two seconds when there are a million a minute. They come as fast as they can.
const HEADERS: u64 = 33_000;
/// How many connections may wait in the stage, on the way out of it, and on the way to it.
const MAX_WAITING: usize = 4096 + 256 + 1024;
/// How many of its connections the proxy keeps open: more than may wait.
const KEPT: usize = 3000;
const FLOODS: usize = 2;
const DESCRIPTORS: u64 = 16_000;

const PROXY: Ipv4Addr = Ipv4Addr::new(127, 91, 0, 1);

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("the kernel tells").count()
}

/// What the proxy says in a connection, and whether it stays afterwards.
fn says(number: u64) -> (&'static [u8], bool) {
    match number % 6 {
        0 => (b"", true),
        1 => (b"PROXY TCP4 192.0.2.1 ", true),
        2 => (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x0f\x00and some of it", true),
        3 => (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", false),
        4 => (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", false),
        _ => (b"this is no header at all\r\n", true),
    }
}

/// One connection from the proxy; `None` if it was reset before it was made.
fn connection(number: u64, port: u16) -> Option<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SockAddr::from(SocketAddr::from((PROXY, 0)))).expect("a loopback address");
    // It leaves nothing behind in the system.
    socket.set_linger(Some(Duration::ZERO)).expect("an option of every socket");
    socket.connect(&SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))).ok()?;
    let (text, stays) = says(number);
    let said = (&socket).write_all(text);
    (stays && said.is_ok()).then_some(socket)
}

/// Sessions of clients that come without a proxy, until told to stop. How many there were.
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_proxy_stays_within_the_bounds() {
    needs!(machine::descriptors(DESCRIPTORS));
    exhaust::limit(DESCRIPTORS);
    let networks = "127.91.0.0/16".parse().unwrap();
    let mux = mux(9, |builder| builder.proxied_by(Clone::clone(&networks)));
    let ports: Vec<u16> = mux.ports().iter().collect();
    drop(within(mux.reserve(client(1))).await.unwrap());
    let (memory, open) = (ALLOCATED.load(Relaxed), descriptors());
    let alive = || Handle::current().metrics().num_alive_tasks();
    let tasks = alive();

    let stop = Arc::new(AtomicBool::new(false));
    let others: Vec<_> =
        (1..=4).map(|n| tokio::spawn(serve(mux.clone(), n, Arc::clone(&stop)))).collect();
    let next = Arc::new(AtomicU64::new(0));
    let floods: Vec<_> = (0..FLOODS)
        .map(|_| {
            let (next, ports) = (Arc::clone(&next), ports.clone());
            thread::spawn(move || {
                let mut kept = VecDeque::new();
                loop {
                    let number = next.fetch_add(1, Relaxed);
                    if number >= HEADERS {
                        return kept;
                    }
                    kept.extend(connection(number, ports[number as usize % ports.len()]));
                    if kept.len() > KEPT {
                        kept.pop_front();
                    }
                }
            })
        })
        .collect();
    let flood = tokio::task::spawn_blocking(|| {
        floods.into_iter().map(|flood| flood.join().expect("it goes on")).collect::<Vec<_>>()
    });
    let (most_waiting, most_tasks) = (AtomicUsize::new(0), AtomicUsize::new(0));
    until(|| {
        most_waiting.fetch_max(mux.stats().prefaces.waiting, Relaxed);
        most_tasks.fetch_max(alive(), Relaxed);
        flood.is_finished()
    })
    .await;
    let most_memory = MOST.load(Relaxed) - memory;
    let kept = flood.await.expect("all connections were made");
    stop.store(true, Relaxed);
    let mut served = 0;
    for other in others {
        served += other.await.expect("served throughout");
    }
    let (most_waiting, most_tasks) = (most_waiting.into_inner(), most_tasks.into_inner());
    println!("{most_waiting} waited, {most_tasks} tasks, {most_memory} bytes, {served} served");
    assert!(served > 10, "{served} is too few to say that they were served throughout");
    assert!(most_waiting > 1000, "{most_waiting} is too few to say that it was a flood");
    assert!(most_waiting <= MAX_WAITING, "{most_waiting} waited");
    // One for each that waits, and those of this test.
    assert!(most_tasks <= tasks + MAX_WAITING, "{most_tasks} tasks");
    // Each has its task and as many bytes as a header may have.
    assert!(most_memory < (MAX_WAITING * 8192) as isize, "{most_memory} bytes more at the worst");

    // Who comes with a header is served while all places are taken.
    assert!(mux.stats().prefaces.waiting > 100);
    let named = IpAddr::from([192, 0, 2, 9]);
    let mut reservation = within(mux.reserve(named)).await.unwrap();
    let mut there = connect(PROXY.into(), reservation.port()).await;
    there.write_all(b"PROXY TCP4 192.0.2.9 192.0.2.2 1 2\r\n").await.unwrap();
    let mut here = within(reservation.accept()).await.unwrap();
    assert_connected(&mut here, &mut there).await;
    drop((here, there, reservation));

    drop(kept);
    until(|| mux.stats().prefaces.waiting == 0).await;
    until(|| descriptors() <= open + 2).await;
    until(|| alive() <= tasks).await;
    // The room in collections for as many as waited at once; nothing for each of all that came.
    until(|| ALLOCATED.load(Relaxed) - memory < (MAX_WAITING * 256) as isize).await;
}
