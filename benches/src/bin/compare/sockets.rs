//! The mux's two deliveries beside what they take the place of.
//!
//! *Stream*: a session reserves and accepts, against an accept loop that closes any connection, and
//! against one that hands it to the session that expects it: the least a server can do. And with a
//! PROXY header in each connection, whose price is that of the stage where connections wait for it.
//! *Listener*: a lent listening socket, against one that a session binds for itself.

use crate::effort::Effort;
use crate::progress::Progress;
use crate::samples::{Case, Metric, Sample, Samples};
use mux_core::{Mux, PortSet};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use socket2::SockRef;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};

pub(crate) const PART: &str = "sockets";
pub(crate) const OURS: &str = "mux-core";
/// The same, where every connection starts with a PROXY header.
pub(crate) const PROXIED: &str = "mux-core, PROXY headers";
/// What does without the mux.
pub(crate) const BASELINE: &str = "plain listener";
/// The same, and a session gets the connection.
pub(crate) const HANDED_ON: &str = "plain listener, handed on";

/// How many clients connect at the same time.
const CLIENTS: u8 = 16;
const PORTS: u16 = 9;

type Failure = Box<dyn Error + Send + Sync>;

/// Measures both deliveries.
pub(crate) fn run(
    effort: &Effort,
    first_port: u16,
    random: &mut StdRng,
    samples: &mut Samples,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ports = |first: u16| PortSet::new([first..=first + (PORTS - 1)]);
    let (ours, lent) = (ports(first_port)?, ports(first_port + PORTS)?);
    let stream = runtime.block_on(async { Mux::builder(ours).bind() })?;
    let networks = "127.78.0.0/24".parse()?;
    let behind = ports(first_port + 4 * PORTS)?;
    let proxied = runtime.block_on(async { Mux::builder(behind).proxied_by(networks).bind() })?;
    let steered = runtime.block_on(async { Mux::builder(lent).steering(true).bind() })?;
    let plain = runtime.block_on(accept_all(first_port + 2 * PORTS, |stream, _| drop(stream)))?;
    let (give, sessions): (Vec<_>, Vec<_>) =
        (0..CLIENTS).map(|_| mpsc::unbounded_channel()).unzip();
    let hand_on = move |stream, peer: SocketAddr| {
        let IpAddr::V4(client) = peer.ip() else { return };
        if let Some(session) = give.get(usize::from(client.octets()[3]) - 1) {
            // A session ends at its time's end, whatever comes after it.
            let _ = session.send(stream);
        }
    };
    let handing = runtime.block_on(accept_all(first_port + 3 * PORTS, hand_on))?;
    let sessions: Sessions = sessions.into_iter().map(|each| Arc::new(Mutex::new(each))).collect();

    // They are short, and differ little: many more of them than of the others.
    let rounds = effort.rounds * 4;
    let progress = Progress::new(PART, u64::from(rounds));
    for round in 0..rounds {
        let mut contestants = [OURS, PROXIED, BASELINE, HANDED_ON];
        contestants.shuffle(random);
        for contestant in contestants {
            let way = match contestant {
                OURS => Way::Mux(stream.clone()),
                PROXIED => Way::Proxied(proxied.clone()),
                BASELINE => Way::Plain(Arc::clone(&plain)),
                _ => Way::HandedOn(Arc::clone(&handing), Arc::clone(&sessions)),
            };
            let rate = connections(&runtime, &way, effort.sockets.seconds)?;
            let bulk = (contestant == OURS).then_some(&steered);
            let mut measured = vec![(
                "stream delivery",
                "16 clients, 9 ports",
                Metric::ConnectionsPerSecond,
                rate,
            )];
            if [OURS, BASELINE].contains(&contestant) {
                let speed = bulk_speed(&runtime, bulk, effort.sockets.bulk)?;
                let bulk = "a lent listener, bulk";
                measured.push((bulk, "1 client", Metric::MebibytesPerSecond, speed));
            }
            for (operation, label, metric, value) in measured {
                samples.push(Sample {
                    part: PART,
                    operation: operation.to_owned(),
                    case: Case::new(label.to_owned(), []),
                    contestant: contestant.to_owned(),
                    metric,
                    round,
                    value,
                });
            }
        }
        progress.step();
    }
    runtime.block_on(async {
        tokio::join!(stream.shutdown(), proxied.shutdown(), steered.shutdown())
    });
    Ok(())
}

/// How a client's connection is taken.
#[derive(Clone)]
enum Way {
    Mux(Mux),
    Proxied(Mux),
    Plain(Arc<[SocketAddr]>),
    HandedOn(Arc<[SocketAddr]>, Sessions),
}

/// Where each client's session gets its connections from.
type Sessions = Arc<[Arc<Mutex<mpsc::UnboundedReceiver<TcpStream>>>]>;

/// Accept loops that do with each connection what `then` says.
async fn accept_all(
    first: u16,
    then: impl Fn(TcpStream, SocketAddr) + Clone + Send + 'static,
) -> io::Result<Arc<[SocketAddr]>> {
    let mut addresses = Vec::new();
    for port in first..first + PORTS {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
        let listener: TcpListener = socket.listen(1024)?;
        addresses.push(listener.local_addr()?);
        let then = then.clone();
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                then(stream, peer);
            }
        });
    }
    Ok(addresses.into())
}

/// Connections per second: each client connects, sees the end of the connection, and again.
fn connections(runtime: &Runtime, way: &Way, seconds: f64) -> Result<f64, Failure> {
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let start = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let way = way.clone();
            let address = Ipv4Addr::new(127, 78, 0, number + 1);
            runtime.spawn(async move {
                let mut count = 0_usize;
                while Instant::now() < end {
                    match &way {
                        Way::Mux(mux) => deliver(mux, address, &[]).await?,
                        Way::Proxied(mux) => deliver(mux, address, &header(address)).await?,
                        Way::Plain(ports) => {
                            connect(address, ports[count % ports.len()], &[]).await?;
                        }
                        Way::HandedOn(ports, sessions) => {
                            let to = ports[count % ports.len()];
                            hand_on(&sessions[usize::from(number)], address, to).await?;
                        }
                    }
                    count += 1;
                }
                Ok::<usize, Failure>(count)
            })
        })
        .collect();
    let mut count = 0;
    for client in clients {
        count += runtime.block_on(client)??;
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

/// A session and its client, which run side by side as they would in a server.
async fn deliver(mux: &Mux, address: Ipv4Addr, header: &[u8]) -> Result<(), Failure> {
    let mut reservation = mux.reserve(IpAddr::from(address)).await?;
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, reservation.port()));
    let (accepted, connected) =
        tokio::join!(async { reservation.accept().await.map(drop) }, connect(address, to, header));
    accepted?;
    connected
}

/// The same without reserving anything.
async fn hand_on(
    session: &Mutex<mpsc::UnboundedReceiver<TcpStream>>,
    address: Ipv4Addr,
    to: SocketAddr,
) -> Result<(), Failure> {
    let mut session = session.lock().await;
    let (accepted, connected) =
        tokio::join!(async { session.recv().await.map(drop) }, connect(address, to, &[]));
    accepted.ok_or("the accept loop has ended")?;
    connected
}

/// A PROXY header of version 2: the proxy itself is the client, as the others are.
fn header(client: Ipv4Addr) -> [u8; 28] {
    let mut header = *b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\0\0\0\0\x7f\0\0\x01\0\x01\0\x02";
    header[16..20].copy_from_slice(&client.octets());
    header
}

async fn connect(from: Ipv4Addr, to: SocketAddr, header: &[u8]) -> Result<(), Failure> {
    let mut stream: TcpStream = open(from)?.connect(to).await?;
    if !header.is_empty() {
        stream.write_all(header).await?;
    }
    let mut byte = [0];
    let end = stream.read(&mut byte).await?;
    // Leaves nothing behind.
    stream.set_zero_linger()?;
    if end == 0 { Ok(()) } else { Err("nobody has sent anything".into()) }
}

fn open(from: Ipv4Addr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::IpBindAddressNoPort, &true)?;
    socket.bind((from, 0).into())?;
    Ok(socket)
}

/// MiB per second from a client into a session's own listener, or one that is lent to it.
fn bulk_speed(runtime: &Runtime, mux: Option<&Mux>, bytes: u64) -> Result<f64, Failure> {
    let lent = match mux {
        Some(mux) => {
            let (lease, listener) = runtime
                .block_on(mux.lease(IpAddr::from(Ipv4Addr::LOCALHOST), [127, 0, 0, 1].into()))?;
            (Some(lease), listener)
        }
        None => (None, std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?),
    };
    let (lease, listener) = lent;
    listener.set_nonblocking(false)?;
    let to = listener.local_addr()?;
    let sender = thread::spawn(move || -> io::Result<()> {
        let mut stream = std::net::TcpStream::connect(to)?;
        let chunk = vec![b'x'; 256 * 1024];
        let mut left = bytes;
        while left > 0 {
            let count = left.min(chunk.len() as u64);
            stream.write_all(&chunk[..count as usize])?;
            left -= count;
        }
        Ok(())
    });
    let (mut stream, _) = listener.accept()?;
    drop((listener, lease));
    let start = Instant::now();
    let mut chunk = vec![0; 256 * 1024];
    let mut received = 0;
    loop {
        match stream.read(&mut chunk)? {
            0 => break,
            count => received += count as u64,
        }
    }
    let elapsed = start.elapsed();
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    sender.join().expect("the sender does not panic")?;
    if received != bytes {
        return Err(format!("{received} of {bytes} bytes came").into());
    }
    Ok(bytes as f64 / f64::from(1 << 20) / elapsed.as_secs_f64())
}
