//! Lending, reusing, revoking and giving back the listeners of one port.
#![cfg(all(feature = "steering", target_os = "linux", not(loom)))]

mod machine;
mod steering_support;

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use mux_core::steer::{Arrival, Ended, Group, LeaseId, LendError, Lent, Spares, reset};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use steering_support::*;

/// Connects from `last`'s address and waits until the connection is queued at `lent`, which the
/// member's readiness tells.
fn queue_at(lent: &Lent, last: u8, address: SocketAddr) -> TcpStream {
    let connection = connect(ip(last), address);
    let mut listener = [PollFd::new(lent.listener.as_fd(), PollFlags::POLLIN)];
    let guard = PollTimeout::try_from(HANG_GUARD).unwrap();
    assert_eq!(poll(&mut listener, guard).unwrap(), 1, "nothing arrived");
    connection
}

#[test]
fn each_client_reaches_its_own_listener_and_strangers_the_own_one() {
    needs!(steers());
    let (mut group, own) = group(8);
    let lent: Vec<_> = (1..=5).map(|n| lend(&mut group, n, n.into())).collect();
    for round in 0..3 {
        for n in [3, 1, 5, 2, 4] {
            assert_reaches(&lent[usize::from(n) - 1].listener, n, group.address());
        }
        assert_reaches(&own, 100 + round, group.address());
    }
    for lent in &lent {
        assert_empty(&lent.listener);
        assert_eq!(lent.listener.local_addr().unwrap(), group.address());
    }
    assert_empty(&own);
    assert_eq!((group.members(), group.lent()), (5, 5));
}

#[test]
fn the_same_client_gets_its_member_again_without_what_was_queued() {
    needs!(steers());
    let (mut group, own) = group(8);
    let first = lend(&mut group, 1, 1);
    assert!(first.watch.is_some());
    let stale = queue_at(&first, 1, group.address());
    drop(first.listener);

    let second = lend(&mut group, 1, 2);
    assert_eq!(second.member, first.member);
    assert!(second.watch.is_none(), "it is being watched already");
    assert_eq!(second.reset, 1);
    assert_reset(&stale);
    assert_reaches(&second.listener, 1, group.address());
    assert_empty(&own);
    assert!(group.revoke(LeaseId::new(1)).is_none(), "a stale lease must do nothing");
    assert_reaches(&second.listener, 1, group.address());
}

#[test]
fn a_lease_that_is_not_over_gives_way_to_the_clients_next_one() {
    needs!(steers());
    let (mut group, _own) = group(8);
    let _other = lend(&mut group, 9, 9);
    let first = lend(&mut group, 1, 1);
    let queued = queue_at(&first, 1, group.address());
    let second = lend(&mut group, 1, 2);
    assert_ne!(second.member, first.member);
    assert!(second.watch.is_some());
    assert_reset(&queued);
    assert_eq!(first.listener.accept().unwrap_err().raw_os_error(), Some(libc::EINVAL));
    assert_reaches(&second.listener, 1, group.address());
    assert_eq!(group.members(), 2);
    assert_eq!(group.on_readable(first.member, reset), Arrival::Gone);
}

#[test]
fn revoking_wakes_the_holder_and_resets_what_is_queued() {
    needs!(steers());
    let (mut group, own) = group(8);
    let others = [lend(&mut group, 2, 2), lend(&mut group, 3, 3), lend(&mut group, 4, 4)];
    let blocked = lend(&mut group, 1, 1);
    let after = lend(&mut group, 5, 5);

    blocked.listener.set_nonblocking(false).unwrap();
    let holder = blocked.listener.try_clone().unwrap();
    let holder = thread::spawn(move || holder.accept().map(|_| ()).unwrap_err());
    // Whether the thread is in accept already or comes later, it must get the error.
    let ended = group.revoke(LeaseId::new(1)).unwrap();
    let Ended::Revoked { watch: Some(watch) } = ended else { panic!("{ended:?}") };
    assert_eq!(holder.join().unwrap().raw_os_error(), Some(libc::EINVAL));

    let queued = queue_at(&others[1], 3, group.address());
    assert!(matches!(group.revoke(LeaseId::new(3)), Some(Ended::Revoked { .. })));
    assert_reset(&queued);

    for (n, lent) in [(2, &others[0]), (4, &others[2]), (5, &after)] {
        assert_reaches(&lent.listener, n, group.address());
    }
    // Nobody holds the revoked client's new listener: what comes is a stranger.
    let stranger = connect(ip(1), group.address());
    let arrival = until(|| match group.on_readable(watch.member, reset) {
        Arrival::Idle { strangers: 0 } => None,
        other => Some(other),
    });
    assert_eq!(arrival, Arrival::Idle { strangers: 1 });
    assert_reset(&stranger);
    assert_empty(&own);
    assert!(group.revoke(LeaseId::new(1)).is_none());
}

#[test]
fn a_stale_holder_cannot_listen_again() {
    needs!(steers());
    let (mut group, own) = group(8);
    let before = lend(&mut group, 1, 1);
    let stale: Vec<_> = (2..40)
        .map(|lease| {
            let lent = lend(&mut group, 2, lease);
            assert!(matches!(
                group.revoke(LeaseId::new(lease.into())),
                Some(Ended::Revoked { .. })
            ));
            let error = SockRef::from(&lent.listener).listen(8).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
            lent.listener
        })
        .collect();
    let current = lend(&mut group, 2, 100);
    let after = lend(&mut group, 3, 101);
    for (n, lent) in [(1, &before), (2, &current), (3, &after)] {
        for _ in 0..5 {
            assert_reaches(&lent.listener, n, group.address());
        }
    }
    assert_reaches(&own, 4, group.address());
    for listener in &stale {
        assert_eq!(listener.accept().unwrap_err().raw_os_error(), Some(libc::EINVAL));
        assert!(!SockRef::from(listener).is_listener().unwrap());
    }
    assert_eq!(group.members(), 3);
}

/// While the kernel looks at its call, it takes the stale listener for one that listens. That
/// shows where the port is bound on two addresses: else the kernel does not look at who is there.
#[test]
fn a_stale_holder_that_tries_to_listen_is_in_nobodys_way() {
    needs!(steers());
    let (mut group, _own) = group(8);
    let elsewhere = SocketAddr::new(ip(99), group.address().port());
    let (mut other, _other_own) =
        Group::bind(elsewhere, options(8), Arc::new(Spares::new())).unwrap();
    let stale = lend(&mut group, 1, 1).listener;
    group.revoke(LeaseId::new(1)).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let stop = &stop;
        scope.spawn(move || {
            while !stop.load(Relaxed) {
                assert!(SockRef::from(&stale).listen(8).is_err());
            }
        });
        for lease in 2..5_000 {
            for group in [&mut group, &mut other] {
                let lent = group.lend(client(2), LeaseId::new(lease));
                let revoked = group.revoke(LeaseId::new(lease));
                if !matches!((&lent, &revoked), (Ok(_), Some(Ended::Revoked { .. }))) {
                    stop.store(true, Relaxed);
                    panic!("lease {lease}: {lent:?}, {revoked:?}");
                }
            }
        }
        stop.store(true, Relaxed);
    });
}

#[test]
fn a_holder_that_has_closed_leaves_its_member_idle() {
    needs!(steers());
    let (mut group, _own) = group(8);
    let lent = lend(&mut group, 1, 1);
    let (member, address) = (lent.member, group.address());
    assert_eq!(group.on_readable(member, reset), Arrival::Held);
    let first = queue_at(&lent, 1, address);
    assert_eq!(group.on_readable(member, reset), Arrival::Held, "it is the holder's to accept");
    assert_eq!(accept(&lent.listener).1, first.local_addr().unwrap());
    let second = queue_at(&lent, 1, address);
    drop(lent.listener);
    let arrival = group.on_readable(member, reset);
    assert_eq!(arrival, Arrival::Finished { lease: LeaseId::new(1), strangers: 1 });
    assert_reset(&second);
    assert_eq!(group.on_readable(member, reset), Arrival::Idle { strangers: 0 });
    assert!(group.revoke(LeaseId::new(1)).is_none());

    let lent = lend(&mut group, 1, 2);
    let queued = queue_at(&lent, 1, address);
    drop(lent.listener);
    let ended = group.revoke(LeaseId::new(2));
    assert!(matches!(ended, Some(Ended::ByHolder { reset: 1 })), "{ended:?}");
    assert_reset(&queued);
    assert_eq!(lent.member, member);
}

#[test]
fn a_strangers_connection_can_be_taken_over() {
    needs!(steers());
    let (mut group, _own) = group(8);
    let lent = lend(&mut group, 1, 1);
    let connection = queue_at(&lent, 1, group.address());
    drop(lent.listener);
    let mut taken = Vec::new();
    group.on_readable(lent.member, |connection| taken.push(connection));
    assert_eq!(taken[0].peer_addr().unwrap(), connection.local_addr().unwrap());
    assert_eq!(taken.len(), 1);
}

#[test]
fn a_holder_that_blocks_cannot_make_the_group_block() {
    needs!(steers());
    let (mut group, _own) = group(8);
    let lent = lend(&mut group, 1, 1);
    lent.listener.set_nonblocking(false).unwrap();
    drop(lent.listener);
    let arrival = group.on_readable(lent.member, reset);
    assert_eq!(arrival, Arrival::Finished { lease: LeaseId::new(1), strangers: 0 });
}

#[test]
fn a_full_group_reuses_the_oldest_idle_member() {
    needs!(steers());
    let (mut group, own) = group(3);
    let lent: Vec<_> = (1..=3).map(|n| lend(&mut group, n, n.into())).collect();
    let full = group.lend(client(4), LeaseId::new(4));
    assert!(matches!(full, Err(LendError::Full)), "{full:?}");
    let mut lent = lent.into_iter();
    let (one, two, three) = (lent.next().unwrap(), lent.next().unwrap(), lent.next().unwrap());
    drop((one.listener, two.listener));
    group.revoke(LeaseId::new(2)).unwrap();
    group.revoke(LeaseId::new(1)).unwrap();

    let four = lend(&mut group, 4, 4);
    assert!(four.watch.is_some());
    assert_eq!(group.on_readable(two.member, reset), Arrival::Gone, "it was idle first");
    assert_eq!(group.on_readable(one.member, reset), Arrival::Idle { strangers: 0 });
    assert_eq!(group.members(), 3);
    for (n, listener) in [(3, &three.listener), (4, &four.listener), (2, &own)] {
        assert_reaches(listener, n, group.address());
    }
    let again = lend(&mut group, 1, 5);
    assert_eq!(again.member, one.member);
    for (n, lent) in [(1, &again), (3, &three), (4, &four)] {
        assert_reaches(&lent.listener, n, group.address());
    }
}

#[test]
fn of_revoked_members_the_oldest_is_reused_first() {
    needs!(steers());
    let (mut group, _own) = group(2);
    let _held = [lend(&mut group, 1, 1), lend(&mut group, 2, 2)];
    group.revoke(LeaseId::new(2)).unwrap();
    group.revoke(LeaseId::new(1)).unwrap();
    let three = lend(&mut group, 3, 3);
    assert_reaches(&three.listener, 3, group.address());
    let is_member = |wanted| !group.members_of(|client| client == wanted).is_empty();
    assert!(is_member(client(1)));
    assert!(!is_member(client(2)), "it was idle first");
}

#[test]
fn idle_members_at_the_end_are_given_back() {
    needs!(steers());
    let (mut group, own) = group(8);
    let mut lent: Vec<_> = (1..=5).map(|n| Some(lend(&mut group, n, n.into()))).collect();
    assert_eq!(group.trim(), 0);
    for n in [2, 4, 5] {
        let watch = lent[n - 1].take().unwrap().watch.unwrap();
        assert!(matches!(group.revoke(LeaseId::new(n as u128)), Some(Ended::ByHolder { .. })));
        assert!(watch.socket.is_listener().unwrap());
    }
    assert_eq!(group.trim(), 2);
    assert_eq!(group.members(), 3);
    assert_reaches(&own, 4, group.address());
    assert_reaches(&own, 5, group.address());
    for n in [1, 3] {
        let lent = lent[usize::from(n) - 1].as_ref().unwrap();
        assert_reaches(&lent.listener, n, group.address());
    }
    lent.clear();
    for lease in [1, 3] {
        group.revoke(LeaseId::new(lease)).unwrap();
    }
    assert_eq!((group.trim(), group.members()), (3, 0));
    for n in 1..=5 {
        assert_reaches(&own, n, group.address());
    }
    let again = lend(&mut group, 2, 6);
    assert_reaches(&again.listener, 2, group.address());
}

#[test]
fn dropping_the_group_ends_what_is_lent() {
    needs!(steers());
    let (mut group, own) = group(8);
    let address = group.address();
    let lent = [lend(&mut group, 1, 1), lend(&mut group, 2, 2)];
    drop(group);
    for (n, lent) in [1, 2].into_iter().zip(&lent) {
        assert_eq!(lent.listener.accept().unwrap_err().raw_os_error(), Some(libc::EINVAL));
        assert_reaches(&own, n, address);
    }
}

#[test]
fn a_second_start_is_refused_and_a_restart_is_not() {
    needs!(steers());
    let (mut first, own) = group(8);
    let address = first.address();
    let lent = lend(&mut first, 1, 1);
    let refused = |why: &str| {
        let second = Group::bind(address, options(8), Arc::new(Spares::new()));
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse, "{why}");
    };
    refused("a member is lent");
    first.revoke(LeaseId::new(1)).unwrap();
    refused("a stale holder is left");

    // The listening side closes first, so TIME_WAIT is on the port.
    for listener in [&own, &lend(&mut first, 2, 2).listener] {
        let n = if std::ptr::eq(listener, &*own) { 3 } else { 2 };
        let connection = connect(ip(n), address);
        drop(accept(listener));
        drop(connection);
    }
    drop(first);
    refused("the own listener is left");
    drop(own);
    let (mut second, own) = Group::bind(address, options(8), Arc::new(Spares::new())).unwrap();
    let again = lend(&mut second, 1, 1);
    assert_reaches(&again.listener, 1, address);
    assert_reaches(&own, 2, address);
    assert_eq!(lent.listener.accept().unwrap_err().raw_os_error(), Some(libc::EINVAL));
}

#[test]
fn a_port_that_anybody_listens_on_is_refused() {
    needs!(steers());
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let shared = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
    shared.set_reuse_port(true).unwrap();
    shared.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    shared.listen(1).unwrap();
    for address in [plain.local_addr().unwrap(), shared.local_addr().unwrap().as_socket().unwrap()]
    {
        let refused = Group::bind(address, options(8), Arc::new(Spares::new()));
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}

#[test]
fn a_client_of_the_other_family_is_refused() {
    needs!(steers(), machine::ipv6());
    let (mut group, _own) = group(8);
    let refused = group.lend(mux_core::Client::from_bits(1), LeaseId::new(1));
    assert!(matches!(refused, Err(LendError::WrongFamily)), "{refused:?}");
}

/// A client that has vanished in an upload must not stay for ever, whatever its server sets.
#[test]
fn what_is_accepted_notices_a_peer_that_has_vanished() {
    needs!(steers());
    let (mut group, _own) = group(10);
    let lent = lend(&mut group, 1, 1);
    let _client = connect(ip(1), group.address());
    let accepted = Socket::from(accept(&lent.listener).0);
    assert!(accepted.keepalive().unwrap());
    assert_eq!(accepted.tcp_keepalive_time().unwrap(), Duration::from_secs(60));
    assert_eq!(accepted.tcp_keepalive_interval().unwrap(), Duration::from_secs(60));
    assert_eq!(accepted.tcp_user_timeout().unwrap(), Some(Duration::from_secs(300)));
}

#[test]
fn ipv6_clients_are_steered() {
    needs!(steers(), machine::ipv6());
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    // Without IPv6 in the system there is nothing to steer.
    let Ok((mut group, own)) = Group::bind(address, options(8), Arc::new(Spares::new())) else {
        assert!(TcpListener::bind(address).is_err());
        return;
    };
    let v6 = |n: u16| mux_core::Client::from(IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0, n, 1)));
    let address = group.address();
    let reaches = |listener: &TcpListener| {
        let connection = connect(Ipv6Addr::LOCALHOST.into(), address);
        assert_eq!(accept(listener).1, connection.local_addr().unwrap());
    };
    let others = [1, 2].map(|n| group.lend(v6(n), LeaseId::new(n.into())).unwrap());
    reaches(&own);
    let lent = group.lend(v6(0), LeaseId::new(3)).unwrap();
    reaches(&lent.listener);
    assert_empty(&own);
    for other in &others {
        assert_empty(&other.listener);
    }
}

#[test]
fn with_plenty_of_listeners_an_idle_ones_place_is_taken() {
    needs!(steers());
    let spares = Arc::new(Spares::with_plenty(2));
    let loopback = "127.0.0.1:0".parse().unwrap();
    let (mut group, _own) = Group::bind(loopback, options(100), spares).unwrap();
    for n in 1..10 {
        let lent = lend(&mut group, n, u64::from(n));
        assert_reaches(&lent.listener, n, group.address());
        drop(lent);
        group.revoke(LeaseId::new(n.into()));
    }
    assert_eq!(group.members(), 2);
    // Those that are held are never refused one.
    let held: Vec<_> = (20..30).map(|n| lend(&mut group, n, n.into())).collect();
    assert_eq!((group.members(), group.lent()), (10, held.len()));

    // Those that were given back count no more.
    drop(held);
    for lease in 20..30 {
        group.revoke(LeaseId::new(lease));
    }
    assert_eq!((group.trim(), group.members()), (10, 0));
    for n in 40..45 {
        drop(lend(&mut group, n, u64::from(n)));
        group.revoke(LeaseId::new(n.into()));
    }
    assert_eq!(group.members(), 2);
}
