//! What the kernel refuses to a group: settings that it must not have, programs that have no room.
#![cfg(all(feature = "steering", target_os = "linux", not(loom)))]

mod exhaust;
mod machine;
mod namespace;
mod steering_support;

use std::net::IpAddr;
use std::sync::Arc;
use std::thread;

use exhaust::{exhaust, limit};
use mux_core::mux::BindError;
use mux_core::steer::{
    Arrival, Ended, Group, LeaseId, LendError, Lent, Options, Spares, SteeringUnavailable,
    probe_steering, reset,
};
use mux_core::{Client, Mux, PortSet};
use namespace::{has_own, inside, set};
use socket2::SockRef;
use steering_support::*;

const OPTMEM: &str = "core.optmem_max";
/// Room for the longest program.
const PLENTY: usize = 131_072;
/// Room for no program.
const NOTHING: usize = 1;

/// A setting under which a program can name this many clients, and no more.
fn room_for(clients: u8) -> usize {
    let fits = |room: usize| {
        set(OPTMEM, PLENTY);
        let (mut group, _own) = group(100);
        set(OPTMEM, room);
        let lent = (0..=clients)
            .map_while(|n| group.lend(client(n), LeaseId::new(n.into())).ok())
            .collect::<Vec<_>>()
            .len();
        set(OPTMEM, PLENTY);
        lent > usize::from(clients)
    };
    (1..).map(|eights| eights * 8).find(|room| fits(*room)).expect("some room is enough") - 8
}

/// Runs `body` where it may limit the length of programs.
fn with_optmem(name: &str, body: impl FnOnce()) {
    inside(name, true, body);
}

fn system_error(lent: Result<Lent, LendError>) -> i32 {
    match lent {
        Err(LendError::System(error)) => error.raw_os_error().unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

fn is_listening(lent: &Lent) -> bool {
    SockRef::from(&lent.listener).is_listener().unwrap()
}

#[test]
fn tcp_migrate_req_is_named() {
    needs!(steers(), machine::namespaces());
    inside("tcp_migrate_req_is_named", true, || {
        set("ipv4.tcp_migrate_req", 1);
        let error = probe_steering().unwrap_err();
        assert!(matches!(error, SteeringUnavailable::TcpMigrateReq), "{error}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ports: PortSet = "8192".parse().unwrap();
        let bound = runtime.block_on(async { Mux::builder(ports).steering(true).bind() });
        let error = bound.unwrap_err();
        assert!(
            matches!(error, BindError::Steering(SteeringUnavailable::TcpMigrateReq)),
            "{error}"
        );
        assert!(error.to_string().contains("net.ipv4.tcp_migrate_req"), "{error}");
        set("ipv4.tcp_migrate_req", 0);
        probe_steering().unwrap();
    });
}

#[test]
fn a_system_without_loopback_is_told_apart_from_one_that_cannot_steer() {
    needs!(steers(), machine::namespaces());
    let name = "a_system_without_loopback_is_told_apart_from_one_that_cannot_steer";
    inside(name, false, || {
        let error = probe_steering().unwrap_err();
        assert!(matches!(error, SteeringUnavailable::Loopback { .. }), "{error}");
    });
}

#[test]
fn a_system_without_room_for_any_program_cannot_steer() {
    needs!(steers(), machine::namespaces(), has_own(OPTMEM));
    with_optmem("a_system_without_room_for_any_program_cannot_steer", || {
        set(OPTMEM, NOTHING);
        let error = probe_steering().unwrap_err();
        assert!(matches!(error, SteeringUnavailable::Attach { .. }), "{error}");

        let (mut refusing, own) = group(10);
        let refused = refusing.lend(client(1), LeaseId::new(1));
        assert_eq!(system_error(refused), libc::ENOMEM);
        assert_eq!(refusing.members(), 0);
        assert_reaches(&own, 1, refusing.address());
        set(OPTMEM, PLENTY);
        probe_steering().unwrap();
        let lent = lend(&mut refusing, 1, 2);
        assert_reaches(&lent.listener, 1, refusing.address());
    });
}

#[test]
fn a_group_stays_as_long_as_the_system_has_room_for() {
    needs!(steers(), machine::namespaces(), has_own(OPTMEM));
    with_optmem("a_group_stays_as_long_as_the_system_has_room_for", || {
        let room = room_for(3);
        let (mut group, own) = group(100);
        set(OPTMEM, room);
        let lent: Vec<Lent> = (0..3).map(|n| lend(&mut group, n, n.into())).collect();
        for lease in 10..13 {
            let refused = group.lend(client(9), LeaseId::new(lease)).unwrap_err();
            assert!(matches!(refused, LendError::Full), "{refused}");
        }
        assert_eq!(group.members(), 3);
        for (n, lent) in (0..).zip(&lent) {
            assert_reaches(&lent.listener, n, group.address());
        }
        assert_reaches(&own, 9, group.address());

        // One that is idle gives way, as in a group that is full by its own limit.
        let mut lent = lent.into_iter();
        drop(lent.next());
        group.revoke(LeaseId::new(0)).unwrap();
        let other = lend(&mut group, 9, 20);
        assert_eq!(group.members(), 3);
        assert_reaches(&other.listener, 9, group.address());
        for (n, lent) in (1..).zip(lent) {
            assert_reaches(&lent.listener, n, group.address());
        }
    });
}

#[test]
fn what_cannot_be_ended_now_is_ended_as_soon_as_it_can() {
    needs!(steers(), machine::namespaces(), has_own(OPTMEM));
    with_optmem("what_cannot_be_ended_now_is_ended_as_soon_as_it_can", || {
        let (mut group, own) = group(10);
        let address = group.address();
        let lent: Vec<Lent> = (0..3).map(|n| lend(&mut group, n, n.into())).collect();
        set(OPTMEM, NOTHING);
        limit(512);
        let files = exhaust();

        // The first has the spare; for the second there is neither a descriptor nor a program.
        let ended = group.revoke(LeaseId::new(0)).unwrap();
        assert!(matches!(ended, Ended::Revoked { .. }), "{ended:?}");
        assert!(matches!(group.revoke(LeaseId::new(1)), Some(Ended::Deferred)));
        assert!(group.revoke(LeaseId::new(1)).is_none(), "it is nobody's lease any more");
        assert_eq!(group.on_readable(lent[1].member, reset), Arrival::Held);
        assert!(group.lend(client(1), LeaseId::new(10)).is_err());

        // A descriptor alone does not help: its client is still in the program.
        drop(files);
        assert!(group.lend(client(1), LeaseId::new(11)).is_err());
        assert!(is_listening(&lent[1]));

        set(OPTMEM, PLENTY);
        let again = lend(&mut group, 1, 12);
        assert!(!is_listening(&lent[0]) && !is_listening(&lent[1]));
        assert_reaches(&again.listener, 1, address);
        assert_reaches(&lent[2].listener, 2, address);
        assert_reaches(&own, 9, address);
    });
}

#[test]
fn a_client_that_lost_its_place_in_the_program_gets_it_back() {
    needs!(steers(), machine::namespaces(), has_own(OPTMEM));
    with_optmem("a_client_that_lost_its_place_in_the_program_gets_it_back", || {
        // With and without another one that is lent in between.
        for last in [2, 3] {
            loses_its_place(last);
        }
    });
}

fn loses_its_place(last: u8) {
    let room = room_for(last - 1);
    let (mut group, own) = group(10);
    let address = group.address();
    let lent: Vec<Lent> = (0..=last).map(|n| lend(&mut group, n, n.into())).collect();
    limit(512);
    let mut files = exhaust();
    group.revoke(LeaseId::new(0)).unwrap();

    // The last member takes the place of the one that ends, and has no room in the program.
    files.pop();
    set(OPTMEM, room);
    files.extend(exhaust());
    let ended = group.revoke(LeaseId::new(1)).unwrap();
    assert!(matches!(ended, Ended::Revoked { watch: None }), "{ended:?}");
    assert!(!is_listening(&lent[1]));
    drop(files);
    assert_reaches(&own, last, address);
    for n in 2..last {
        assert_reaches(&lent[usize::from(n)].listener, n, address);
    }

    set(OPTMEM, PLENTY);
    group.trim();
    for n in 2..=last {
        assert_reaches(&lent[usize::from(n)].listener, n, address);
    }
    assert_reaches(&own, 1, address);
}

/// A member at the end that serves nobody yet makes no difference: a client that is steered to the
/// one that ends is taken out of the program first.
#[test]
fn a_listener_that_is_still_steered_to_is_not_ended() {
    needs!(steers(), machine::namespaces(), has_own(OPTMEM));
    with_optmem("a_listener_that_is_still_steered_to_is_not_ended", || {
        let (mut group, own) = group(10);
        let address = group.address();
        let lent: Vec<Lent> = (0..2).map(|n| lend(&mut group, n, n.into())).collect();
        set(OPTMEM, NOTHING);
        limit(512);
        let mut files = exhaust();
        // One descriptor is enough for a member, and not for its holder.
        files.pop();
        let refused = group.lend(client(2), LeaseId::new(2));
        assert_eq!(system_error(refused), libc::EMFILE);
        assert_eq!((group.members(), group.lent()), (3, 2));

        // The first has the spare; the second can only be removed, for which the last moves.
        group.revoke(LeaseId::new(0)).unwrap();
        assert!(matches!(group.revoke(LeaseId::new(1)), Some(Ended::Deferred)));
        assert!(is_listening(&lent[1]));

        drop(files);
        set(OPTMEM, PLENTY);
        group.trim();
        assert!(!is_listening(&lent[1]));
        assert_reaches(&own, 1, address);
        let third = lend(&mut group, 2, 3);
        assert_reaches(&third.listener, 2, address);
    });
}

#[test]
fn idle_listeners_stay_where_nobody_can_be_taken_out_of_the_program() {
    needs!(steers(), machine::namespaces(), has_own(OPTMEM));
    with_optmem("idle_listeners_stay_where_nobody_can_be_taken_out_of_the_program", || {
        let (mut group, own) = group(2);
        let address = group.address();
        for n in 0..2 {
            drop(lend(&mut group, n, n.into()).listener);
            group.revoke(LeaseId::new(n.into())).unwrap();
        }
        set(OPTMEM, NOTHING);
        assert_eq!(group.trim(), 0);
        assert_eq!(group.members(), 2);
        assert_eq!(system_error(group.lend(client(5), LeaseId::new(5))), libc::ENOMEM);
        // Its own client needs no new program.
        let again = lend(&mut group, 1, 6);
        assert_reaches(&again.listener, 1, address);
        drop(again.listener);
        group.revoke(LeaseId::new(6)).unwrap();

        set(OPTMEM, PLENTY);
        assert_eq!(group.trim(), 2);
        assert_reaches(&own, 1, address);

        // Even the end of the group ends what is lent.
        let lent = lend(&mut group, 3, 7);
        set(OPTMEM, NOTHING);
        drop(group);
        assert!(!is_listening(&lent));
    });
}

/// New clients come faster than the kernel can bear. Those it knows are not concerned.
#[test]
fn programs_attached_too_fast_are_to_wait_a_moment() {
    needs!(steers(), machine::namespaces(), machine::descriptors(4096));
    inside("programs_attached_too_fast_are_to_wait_a_moment", true, || {
        limit(4096);
        // Many groups with few clients each: short programs are attached fast.
        let mut groups: Vec<_> = (0..400).map(|_| group(8)).collect();
        let numbered = |n: u16| Client::from(IpAddr::from([127, 1, n.to_be_bytes()[0], n as u8]));
        let mut lend = |n: u16| {
            let (group, _own) = &mut groups[usize::from(n) / 5];
            group.lend(numbered(n), LeaseId::new(n.into()))
        };
        let refused = (0..2000).find_map(|n| lend(n).err().map(|error| (n, error)));
        let Some((n, LendError::TooFast { retry_in })) = refused else { panic!("{refused:?}") };
        assert!(!retry_in.is_zero());
        lend(0).unwrap();
        thread::sleep(retry_in);
        lend(n).unwrap();
    });
}

/// More than one call takes off a queue.
#[test]
fn a_long_queue_is_taken_in_parts() {
    needs!(steers(), machine::namespaces());
    inside("a_long_queue_is_taken_in_parts", true, || {
        set("core.somaxconn", 4096);
        let options = Options { member_backlog: 2000, ..Options::default() };
        let spares = Arc::new(Spares::default());
        let (mut group, _own) =
            Group::bind("127.0.0.1:0".parse().unwrap(), options, spares).unwrap();
        let lent = lend(&mut group, 1, 1);
        drop(lent.listener);
        group.revoke(LeaseId::new(1)).unwrap();
        let queued: Vec<_> = (0..1100).map(|_| connect(ip(1), group.address())).collect();
        assert_eq!(group.on_readable(lent.member, reset), Arrival::Held);
        assert_eq!(group.on_readable(lent.member, reset), Arrival::Idle { strangers: 1100 - 1024 });
        queued.iter().for_each(assert_reset);
    });
}
