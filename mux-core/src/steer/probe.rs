//! Finding out at the start whether this system can steer.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::error::{LendError, SteeringUnavailable};
use super::group::{Group, Options};
use super::member::LeaseId;
use super::outcome::Ended;
use super::spares::Spares;
use crate::Client;

/// How long a connection over loopback may take. Only a system that loses it waits this long.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a system may fail to follow before it counts as one that does not. On a busy machine
/// a connection may come late, or find the process out of descriptors.
const ATTEMPTS: u32 = 3;

/// Tries steering out on loopback, over IPv4 and over IPv6 where the system has it.
///
/// Blocks, normally for a millisecond, at worst for some seconds: call it before the runtime is
/// started or on a thread for blocking work, after dropping privileges, and in the network
/// namespace that will be served.
///
/// # Errors
///
/// [`SteeringUnavailable`] says what the system lacks and what to do about it.
pub fn probe_steering() -> Result<(), SteeringUnavailable> {
    if fs::read_to_string("/proc/sys/net/ipv4/tcp_migrate_req").is_ok_and(|on| on.trim() != "0") {
        return Err(SteeringUnavailable::TcpMigrateReq);
    }
    let v4 = probe_on(Ipv4Addr::LOCALHOST.into());
    let v6 = probe_on(Ipv6Addr::LOCALHOST.into());
    match (v4, v6) {
        (Err(error), Err(other)) if is_absent(&error) && is_absent(&other) => Err(error),
        (Err(error), _) if !is_absent(&error) => Err(error),
        (_, Err(error)) if !is_absent(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Whether the system is without this address family rather than without steering.
fn is_absent(error: &SteeringUnavailable) -> bool {
    let SteeringUnavailable::Loopback { source, .. } = error else { return false };
    matches!(source.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

fn probe_on(address: IpAddr) -> Result<(), SteeringUnavailable> {
    let mut attempts = ATTEMPTS;
    loop {
        attempts -= 1;
        match try_on(address) {
            Err(SteeringUnavailable::NotFollowed { .. }) if attempts > 0 => {}
            tried => return tried,
        }
    }
}

fn try_on(address: IpAddr) -> Result<(), SteeringUnavailable> {
    let loopback = |source| SteeringUnavailable::Loopback { address, source };
    let not_followed = |step| SteeringUnavailable::NotFollowed { address, step };

    // Whether there is such an address at all, so that what `bind` says is about steering.
    drop(TcpListener::bind((address, 0)).map_err(loopback)?);
    let options = Options { max_members: 2, ..Options::default() };
    let attach = |source| SteeringUnavailable::Attach { address, source };
    let (mut group, own) =
        Group::bind((address, 0).into(), options, Arc::new(Spares::new())).map_err(attach)?;
    let lend = |group: &mut Group, client, lease| loop {
        match group.lend(client, LeaseId::new(lease)) {
            Ok(lent) => return Ok(lent.listener),
            // The process has steered much just now.
            Err(LendError::TooFast { retry_in }) => thread::sleep(retry_in),
            Err(LendError::System(source)) => return Err(attach(source)),
            Err(LendError::TooManyPorts) => {
                return Err(SteeringUnavailable::TooManyPorts { address });
            }
            Err(_) => return Err(not_followed("lend")),
        }
    };

    // Index 1 for somebody else, index 2 for us: the program must pick one of several.
    let somebody = match address {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    };
    let other = lend(&mut group, somebody.into(), 1)?;
    let mine = lend(&mut group, Client::from(address), 2)?;
    arrives(group.address(), &mine, &[&own, &other])
        .map_err(loopback)?
        .then_some(())
        .ok_or_else(|| not_followed("steer"))?;

    // Both replaced in place, the first one first: the indexes must stay what they were.
    for lease in [1, 2] {
        if !matches!(group.revoke(LeaseId::new(lease)), Some(Ended::Revoked { .. })) {
            return Err(not_followed("revoke"));
        }
    }
    let mine = lend(&mut group, Client::from(address), 3)?;
    let other = lend(&mut group, somebody.into(), 4)?;
    arrives(group.address(), &mine, &[&own, &other])
        .map_err(loopback)?
        .then_some(())
        .ok_or_else(|| not_followed("replace"))?;

    // Nobody steered: everything goes to the own listener.
    drop((mine, other));
    for lease in [3, 4] {
        group.revoke(LeaseId::new(lease));
    }
    group.trim();
    arrives(group.address(), &own, &[])
        .map_err(loopback)?
        .then_some(())
        .ok_or_else(|| not_followed("trim"))
}

/// Connects to `address` and says whether `expected`, and none of `others`, got the connection.
fn arrives(
    address: SocketAddr,
    expected: &TcpListener,
    others: &[&TcpListener],
) -> io::Result<bool> {
    let start = Instant::now();
    let connection = TcpStream::connect_timeout(&address, PATIENCE)?;
    let source = connection.local_addr()?;
    let has_arrived = |listener: &TcpListener| {
        std::iter::from_fn(|| listener.accept().ok()).any(|(_, peer)| peer == source)
    };
    while start.elapsed() < PATIENCE {
        if has_arrived(expected) {
            return Ok(true);
        }
        if others.iter().any(|listener| has_arrived(listener)) {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_system_steers() {
        probe_steering().unwrap();
    }
}
