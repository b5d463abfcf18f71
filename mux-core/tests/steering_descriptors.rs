//! Lending and revoking when the process has no descriptor left.
//!
//! The only test of its binary: it lowers the limit of the whole process.
#![cfg(all(feature = "steering", target_os = "linux", not(loom)))]

mod exhaust;
mod machine;
mod steering_support;

use std::io;
use std::os::fd::AsFd;
use std::thread;

use exhaust::{exhaust, limit};
use mux_core::Client;
use mux_core::steer::{Arrival, Ended, Group, LeaseId, LendError, Lent, reset};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::SockRef;
use steering_support::*;

fn assert_revoked(lent: &Lent) {
    assert!(!SockRef::from(&lent.listener).is_listener().unwrap(), "it still listens");
    SockRef::from(&lent.listener).listen(1).unwrap_err();
}

fn assert_refused(group: &mut Group, client: Client, lease: u64) {
    match group.lend(client, LeaseId::new(lease.into())) {
        Err(LendError::System(error)) => assert_eq!(error.raw_os_error(), Some(libc::EMFILE)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn revoking_works_and_lending_recovers() {
    needs!(steers());
    limit(128);

    let (mut group, own) = group(20);
    let address = group.address();
    let mut lent: Vec<_> = (0..10).map(|n| lend(&mut group, n, n.into())).collect();
    let blocked = lent[1].listener.try_clone().unwrap();
    let blocked = thread::spawn(move || {
        let guard = PollTimeout::try_from(HANG_GUARD).unwrap();
        poll(&mut [PollFd::new(blocked.as_fd(), PollFlags::POLLIN)], guard).unwrap()
    });
    // Idle, with a connection that cannot be accepted for lack of a descriptor.
    let idle = lend(&mut group, 30, 30);
    drop(idle.listener);
    group.revoke(LeaseId::new(30)).unwrap();
    let stranger = connect(ip(30), address);

    // The reset of a connection is only seen by one that was made before.
    let queued = connect(ip(2), address);
    let mut files = exhaust();
    assert_eq!(group.on_readable(idle.member, reset), Arrival::Held);

    // The first revoke has the spare, the later ones have nothing: a member from the middle, the
    // last lent one, one that moved, and the one whose holder is blocked.
    let ended = group.revoke(LeaseId::new(2)).unwrap();
    assert!(matches!(ended, Ended::Revoked { watch: Some(_) }), "{ended:?}");
    assert_eq!(group.members(), 11);
    for (lease, members) in [(5, 10), (9, 9), (8, 8), (1, 7)] {
        let ended = group.revoke(LeaseId::new(lease)).unwrap();
        assert!(matches!(ended, Ended::Revoked { watch: None }), "{ended:?}");
        assert_eq!(group.members(), members);
    }
    assert_eq!(blocked.join().unwrap(), 1, "the holder was not woken");
    for lease in [1, 2, 5, 8, 9] {
        assert_revoked(&lent[lease]);
    }
    assert_reset(&queued);

    files.extend(exhaust());
    // Old clients, idle ones, new ones: none can be lent to, and nothing breaks.
    for _ in 0..3 {
        assert_refused(&mut group, client(2), 50);
        assert_refused(&mut group, client(5), 51);
        assert_refused(&mut group, client(30), 52);
        assert_refused(&mut group, client(60), 53);
        assert_refused(&mut group, client(3), 54);
    }
    // The last one asked for client 3, whose older lease gave way all the same.
    assert_revoked(&lent[3]);

    drop(files);
    for n in [0, 4, 6, 7] {
        assert_reaches(&lent[usize::from(n)].listener, n, address);
    }
    let arrival = group.on_readable(idle.member, reset);
    assert_eq!(arrival, Arrival::Idle { strangers: 1 });
    assert_reset(&stranger);
    for n in [1, 2, 3, 5, 8, 9, 30, 60] {
        let again = lend(&mut group, n, u64::from(n) + 100);
        assert_reaches(&again.listener, n, address);
        drop(again.listener);
        group.revoke(LeaseId::new(u128::from(n) + 100)).unwrap();
    }
    for n in [0, 4, 6, 7] {
        assert_reaches(&lent[usize::from(n)].listener, n, address);
    }
    assert_reaches(&own, 70, address);
    assert_eq!(own.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    lent.clear();
}
