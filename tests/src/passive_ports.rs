//! Private sets of passive ports, so that tests run side by side without meeting.
//!
//! Ports come in blocks outside the ephemeral range. A block is taken by locking a file, which
//! holds between all test processes of a user on the machine and ends with the process whatever
//! becomes of it. Whether anything else listens there is found out by binding.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::{env, io, process};

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::Uid;
use socket2::{Domain, Socket, Type};

/// How many ports a block has, and so the most one set can have.
pub const BLOCK: u16 = 16;

/// Where blocks are looked for, less the ephemeral range.
const ZONE: RangeInclusive<u16> = 10_000..=65_000;

/// A set of passive ports nobody else uses while this value, or a clone of it, lives.
#[derive(Debug, Clone)]
pub struct Ports {
    ports: Vec<u16>,
    _block: Option<Arc<Flock<File>>>,
}

impl Ports {
    /// `count` ports in a row, at most [`BLOCK`].
    ///
    /// # Panics
    ///
    /// When no block is free on this machine.
    #[must_use]
    #[track_caller]
    pub fn consecutive(count: u16) -> Self {
        Self::offsets(0..count)
    }

    /// A set with holes: the ports at these offsets below [`BLOCK`], ascending, of one block.
    ///
    /// # Panics
    ///
    /// When no block is free on this machine.
    #[must_use]
    #[track_caller]
    pub fn offsets(offsets: impl IntoIterator<Item = u16>) -> Self {
        let offsets: Vec<u16> = offsets.into_iter().collect();
        assert!(offsets.iter().all(|offset| *offset < BLOCK), "a block has {BLOCK} ports");
        let (first, block) = take_block();
        let ports = offsets.iter().map(|offset| first + offset).collect();
        Self { ports, _block: Some(Arc::new(block)) }
    }

    /// These ports, which nobody else can use: the network is the test's own.
    #[must_use]
    pub fn of_an_own_network(ports: RangeInclusive<u16>) -> Self {
        Self { ports: ports.collect(), _block: None }
    }

    /// The ports in ascending order.
    #[must_use]
    pub fn list(&self) -> &[u16] {
        &self.ports
    }

    /// The ports as a set.
    #[must_use]
    pub fn set(&self) -> BTreeSet<u16> {
        self.ports.iter().copied().collect()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ports.len()
    }

    /// The lowest port.
    #[must_use]
    pub fn first(&self) -> u16 {
        self.ports[0]
    }

    /// Whether `port` is one of them.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.ports.contains(&port)
    }

    /// The set in the notation of `--passive-ports`, like `8192-8200,9000`.
    #[must_use]
    pub fn spec(&self) -> String {
        let runs = self.ports.chunk_by(|one, next| one + 1 == *next);
        let parts: Vec<String> = runs
            .map(|run| match run {
                [only] => only.to_string(),
                _ => format!("{}-{}", run[0], run[run.len() - 1]),
            })
            .collect();
        parts.join(",")
    }
}

/// Whether nothing listens on `address`, so that a server may.
#[must_use]
pub fn is_free(address: SocketAddr) -> bool {
    bind(address).is_ok()
}

/// Binds `address` alone. `SO_REUSEADDR` lets connections in TIME-WAIT be, as it does for any
/// server; it does not let a second listener in.
fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Locks a block all of whose ports are free, and returns its first port.
#[track_caller]
fn take_block() -> (u16, Flock<File>) {
    // Different processes start looking at different places; one process goes on from its last.
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let blocks = blocks();
    let start = usize::from(process::id() as u16).wrapping_mul(17);
    for _ in 0..2 * blocks.len() {
        let turn = usize::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let first = blocks[(start + turn) % blocks.len()];
        if let Some(lock) = lock(first) {
            let free = |port| {
                [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].into_iter().all(
                    |host| match bind((host, port).into()) {
                        // A machine without IPv6 has nobody listening there.
                        Err(error) => error.kind() == io::ErrorKind::AddrNotAvailable,
                        Ok(_) => true,
                    },
                )
            };
            if (first..first + BLOCK).all(free) {
                return (first, lock);
            }
        }
    }
    panic!("no {BLOCK} free ports in a row outside the ephemeral range");
}

/// The first ports of all blocks that lie wholly outside the ephemeral range.
fn blocks() -> Vec<u16> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .expect("the ephemeral port range can be read");
    let mut bounds = text.split_whitespace().map(|bound| bound.parse::<u16>().expect("a port"));
    let (low, high) = (bounds.next().expect("two ports"), bounds.next().expect("two ports"));
    ZONE.step_by(usize::from(BLOCK))
        .filter(|first| first + (BLOCK - 1) < low || *first > high)
        .collect()
}

/// The lock on the block at `first`, if nobody has it. The file stays: to remove it would let two
/// processes lock two files of one name.
fn lock(first: u16) -> Option<Flock<File>> {
    let directory = directory();
    fs::create_dir_all(&directory).expect("lock files can be kept in the temporary directory");
    let path = directory.join(first.to_string());
    let file = OpenOptions::new().create(true).append(true).open(path).expect("a lock file opens");
    Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()
}

fn directory() -> PathBuf {
    env::temp_dir().join(format!("mux-tests-ports-{}", Uid::current()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sets_share_no_port() {
        let (one, other) = (Ports::consecutive(9), Ports::offsets([0, 1, 5]));
        assert!(one.set().is_disjoint(&other.set()));
        let first = other.first();
        assert_eq!(other.spec(), format!("{}-{},{}", first, first + 1, first + 5));
    }

    #[test]
    fn a_block_comes_back() {
        let first = Ports::consecutive(1).first();
        assert!(lock(first).is_some());
    }
}
