//! How reserving and claiming go as the number of pending reservations grows, in the real mux.

use crate::counting::allocated_by;
use crate::effort::Effort;
use crate::progress::Progress;
use crate::samples::{Case, Metric, Sample, Samples};
use crate::words::thousands;
use mux_core::mux::{Lease, Reservation};
use mux_core::{Mux, PortSet};
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

pub(crate) const PART: &str = "scale";
const STREAM: &str = "stream delivery, 9 ports";
const LISTENER: &str = "steering, 1 port";

/// How many connections are timed at each number.
const CONNECTIONS: usize = 200;
/// The mux attaches no more programs a second than the kernel can bear, and this is less.
const LEASES_PER_SECOND: u32 = 450;

type Failure = Box<dyn Error + Send + Sync>;

/// Measures both deliveries.
pub(crate) fn run(effort: &Effort, first_port: u16, samples: &mut Samples) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let progress =
        Progress::new(PART, (effort.scale.streams.len() + effort.scale.leases.len()) as u64);
    runtime.block_on(streams(effort, first_port, samples, &progress))?;
    runtime.block_on(leases(effort, first_port + 9, samples, &progress))
}

async fn streams(
    effort: &Effort,
    first_port: u16,
    samples: &mut Samples,
    progress: &Progress,
) -> Result<(), Failure> {
    let most = effort.scale.streams.iter().max().copied().unwrap_or(1);
    let ports = PortSet::new([first_port..=first_port + 8])?;
    let builder = Mux::builder(ports).capacity(most + 1).ttl(Duration::from_secs(3600));
    let (empty, mux) = allocated_by(|| builder.bind());
    let mux = mux?;
    let mut pending: Vec<Reservation> = Vec::with_capacity(most);
    let mut bytes = empty;
    for &count in &effort.scale.streams {
        let more = count - pending.len();
        let clients: Vec<IpAddr> = (pending.len()..count).map(client).collect();
        let start = Instant::now();
        let (grown, made) = allocated_by(|| -> Result<(), Failure> {
            for client in clients {
                // A port is free, so that there is nothing to wait for.
                let reservation = at_once(mux.reserve(client))?;
                pending.push(reservation);
            }
            Ok(())
        });
        made?;
        let reserve = start.elapsed().as_nanos() as f64 / more as f64;
        bytes += grown;
        let each = CONNECTIONS.min(pending.len());
        let mut times = Vec::with_capacity(each);
        for number in 0..each {
            let chosen = number * pending.len() / each;
            let reservation = &mut pending[chosen];
            let to = SocketAddr::from((Ipv4Addr::LOCALHOST, reservation.port()));
            let start = Instant::now();
            let there = open(client(chosen), to).await?;
            let here = reservation.accept().await?;
            times.push(start.elapsed());
            here.set_zero_linger()?;
            drop((here, there));
            *reservation = mux.reserve(client(chosen)).await?;
        }
        let row = Row { operation: STREAM, count, samples };
        row.record(reserve, &mut times, bytes as f64 / count as f64);
        progress.step();
    }
    drop(pending);
    mux.shutdown().await;
    Ok(())
}

async fn leases(
    effort: &Effort,
    port: u16,
    samples: &mut Samples,
    progress: &Progress,
) -> Result<(), Failure> {
    let ports = PortSet::new([port..=port])?;
    let builder = Mux::builder(ports).steering(true).ttl(Duration::from_secs(3600));
    let (empty, mux) = allocated_by(|| builder.bind());
    let mux = mux?;
    let mut pending: Vec<(Lease, TcpListener)> = Vec::new();
    let mut bytes = empty;
    for &count in &effort.scale.leases {
        let mut spent = Duration::ZERO;
        let more = count - pending.len();
        while pending.len() < count {
            let client = client(pending.len());
            let start = Instant::now();
            let (grown, lent) =
                allocated_by(|| at_once(mux.lease(client, Ipv4Addr::LOCALHOST.into())));
            pending.push(lent?);
            spent += start.elapsed();
            bytes += grown;
            let pace = Duration::from_secs(1) / LEASES_PER_SECOND;
            tokio::time::sleep(pace.saturating_sub(start.elapsed())).await;
        }
        let reserve = spent.as_nanos() as f64 / more as f64;
        let each = CONNECTIONS.min(pending.len());
        let mut times = Vec::with_capacity(each);
        for number in 0..each {
            let chosen = number * pending.len() / each;
            let (_, listener) = &pending[chosen];
            listener.set_nonblocking(false)?;
            let start = Instant::now();
            let there = open(client(chosen), (Ipv4Addr::LOCALHOST, port).into()).await?;
            let (here, _) = listener.accept()?;
            times.push(start.elapsed());
            socket2::SockRef::from(&here).set_linger(Some(Duration::ZERO))?;
            drop((here, there));
        }
        let row = Row { operation: LISTENER, count, samples };
        row.record(reserve, &mut times, bytes as f64 / count as f64);
        progress.step();
    }
    // A listener that its holder has closed needs no program to be attached when its lease ends.
    for (lease, listener) in pending {
        drop(listener);
        drop(lease);
        tokio::time::sleep(Duration::from_secs(1) / LEASES_PER_SECOND).await;
    }
    mux.shutdown().await;
    Ok(())
}

/// The outcome of a future that has nothing to wait for.
///
/// # Panics
///
/// If it waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => {
            panic!("a port is free and the pace is kept, so there is nothing to wait for")
        }
    }
}

async fn open(from: IpAddr, to: SocketAddr) -> Result<tokio::net::TcpStream, Failure> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::IpBindAddressNoPort, &true)?;
    socket.bind((from, 0).into())?;
    Ok(socket.connect(to).await?)
}

/// Client `number`: the loopback network has sixteen million addresses.
fn client(number: usize) -> IpAddr {
    Ipv4Addr::from_bits(0x7f01_0000 + number as u32 + 1).into()
}

/// Where the figures of one number of reservations go.
struct Row<'a> {
    operation: &'static str,
    count: usize,
    samples: &'a mut Samples,
}

impl Row<'_> {
    fn record(self, reserve: f64, times: &mut [Duration], bytes: f64) {
        times.sort_unstable();
        let at = |part: usize| times[(times.len() - 1) * part / 100].as_nanos() as f64 / 1e3;
        let label = format!("{} pending", thousands(self.count));
        for (metric, value) in [
            (Metric::NanosecondsPerReserve, reserve),
            (Metric::P50, at(50)),
            (Metric::P99, at(99)),
            (Metric::BytesPerReservation, bytes),
        ] {
            self.samples.push(Sample {
                part: PART,
                operation: self.operation.to_owned(),
                case: Case::new(label.clone(), [("pending", self.count as f64)]),
                contestant: "mux-core".to_owned(),
                metric,
                round: 0,
                value,
            });
        }
    }
}
