//! The rules of `PASV`, `EPSV`, `PORT` and the transfer commands.

use crate::{
    GUARD, SERVER, claimed, client, connect, delivers, dropped_after, is_reset, is_the_same,
    machine, mux, named, needs, passive, port_of, session_of,
};
use ftp_adapter::{Advertised, Passive, PassiveSession, PortMap, Reply};
use mux_core::mux::ReserveError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn pasv_and_epsv_name_a_port_whose_connection_is_delivered() {
    let passive = passive(3).await;
    let mut session = session_of(&passive, client(1));
    let reply = session.pasv().await;
    let to = named(reply);
    assert_eq!(to.ip(), IpAddr::from(SERVER));
    assert!(passive.mux().ports().contains(to.port()));
    delivers(&mut session, to).await;

    for argument in ["", "1", " 1 "] {
        let port = port_of(session.epsv(argument).await);
        delivers(&mut session, (SERVER, port).into()).await;
    }
}

#[tokio::test]
async fn a_hundred_clients_share_a_port() {
    let passive = passive(1).await;
    let mut sessions: Vec<_> = (1..=100).map(|n| session_of(&passive, client(n))).collect();
    let mut to = None;
    for session in &mut sessions {
        to = Some(named(session.pasv().await));
    }
    assert_eq!(passive.mux().stats().pending, 100);
    for session in sessions.iter_mut().rev() {
        delivers(session, to.unwrap()).await;
    }
}

#[tokio::test]
async fn an_ipv4_mapped_control_connection_is_an_ipv4_connection() {
    let passive = passive(1).await;
    let IpAddr::V4(ip) = client(1) else { unreachable!() };
    let mut session = session_of(&passive, ip.to_ipv6_mapped());
    let to = named(session.pasv().await);
    assert_eq!(to.ip(), IpAddr::from(SERVER));
    delivers(&mut session, to).await;
    assert_eq!(session.epsv("2").await, Reply::OnlyIpv4);
    let port = port_of(session.epsv("1").await);
    delivers(&mut session, (SERVER, port).into()).await;
}

#[tokio::test]
async fn over_ipv6_there_is_epsv_and_no_pasv() {
    needs!(machine::ipv6());
    let passive = passive(1).await;
    let mut session = session_of(&passive, Ipv6Addr::LOCALHOST);
    for argument in ["", "2"] {
        let port = port_of(session.epsv(argument).await);
        assert_eq!(session.pasv().await, Reply::PasvOverIpv6);
        assert!(session.is_reserved(), "a PASV without a valid answer ends nothing");
        assert_eq!(session.epsv("1").await, Reply::OnlyIpv6);
        delivers(&mut session, (Ipv6Addr::LOCALHOST, port).into()).await;
    }
}

#[tokio::test]
async fn a_new_command_replaces_the_session_s_own_reservation() {
    let passive = passive(1).await;
    let mut session = session_of(&passive, client(1));
    let to = named(session.pasv().await);
    let early = connect(client(1), to).await;
    claimed(&passive).await;
    for _ in 0..3 {
        assert_eq!(named(session.pasv().await), to);
        assert_eq!(port_of(session.epsv("").await), to.port());
    }
    is_reset(early).await;
    delivers(&mut session, to).await;
}

#[tokio::test]
async fn a_refused_command_has_ended_the_reservation_before() {
    let passive = passive(2).await;
    let mut one = session_of(&passive, client(1));
    let mut other = session_of(&passive, client(1));
    let mut third = session_of(&passive, client(1));
    one.pasv().await;
    other.pasv().await;
    assert_eq!(third.pasv().await, Reply::NoPort(ReserveError::NoFreePort));
    assert_eq!(third.epsv("").await.code(), 425);
    assert!(!third.is_reserved());
    let port = port_of(one.pasv().await);
    drop(one);
    assert_eq!(port_of(third.epsv("").await), port, "the port of the session that ended");
}

#[tokio::test]
async fn after_epsv_all_only_epsv_is_allowed() {
    let passive = passive(1).await;
    let mut session = session_of(&passive, client(1));
    let to = named(session.pasv().await);
    assert_eq!(session.epsv("all").await, Reply::EpsvAll);
    assert!(session.is_reserved(), "EPSV ALL asks for no port and ends none");
    assert_eq!(session.pasv().await, Reply::OnlyEpsv);
    assert_eq!(session.active_mode(), Err(Reply::OnlyEpsv));
    delivers(&mut session, to).await;

    for argument in ["", "1"] {
        let port = port_of(session.epsv(argument).await);
        delivers(&mut session, (SERVER, port).into()).await;
    }
    assert_eq!(session.epsv("ALL").await, Reply::EpsvAll);
    session.reinitialize();
    let to = named(session.pasv().await);
    assert_eq!(session.active_mode(), Ok(()));
    is_reset(connect(client(1), to).await).await;
}

#[tokio::test]
async fn rubbish_after_epsv_changes_nothing() {
    let passive = passive(1).await;
    let mut session = session_of(&passive, client(1));
    let to = named(session.pasv().await);
    for argument in ["3", "ONE", "1 2", "|||"] {
        assert_eq!(session.epsv(argument).await, Reply::EpsvArgument);
    }
    delivers(&mut session, to).await;
    named(session.pasv().await);
}

#[tokio::test]
async fn active_mode_abor_and_rein_end_the_reservation() {
    let passive = passive(1).await;
    let mut session = session_of(&passive, client(1));
    let ends: [fn(&mut PassiveSession); 3] = [
        |session| session.active_mode().unwrap(),
        PassiveSession::end_reservation,
        PassiveSession::reinitialize,
    ];
    for end in ends {
        let to = named(session.pasv().await);
        assert!(session.is_reserved());
        let waiting = connect(client(1), to).await;
        end(&mut session);
        assert!(!session.is_reserved());
        is_reset(waiting).await;
        is_reset(connect(client(1), to).await).await;
        assert_eq!(session.data_connection().await.unwrap_err(), Reply::NotReserved);
    }
}

#[tokio::test]
async fn a_transfer_without_pasv_and_a_client_that_never_comes_are_told() {
    let mux = mux(1, |builder| builder.ttl(Duration::from_millis(50))).await;
    let passive = Passive::new(mux);
    let mut session = session_of(&passive, client(1));
    assert_eq!(session.data_connection().await.unwrap_err(), Reply::NotReserved);
    session.pasv().await;
    let ended = timeout(GUARD, session.data_connection()).await.unwrap();
    assert_eq!(ended.unwrap_err(), Reply::NotConnected);
    assert_eq!(session.data_connection().await.unwrap_err(), Reply::NotReserved);
    named(session.pasv().await);
}

#[tokio::test]
async fn a_shutdown_is_told_with_421() {
    let passive = passive(1).await;
    let mut waiting = session_of(&passive, client(1));
    waiting.pasv().await;
    let mut idle = session_of(&passive, client(2));
    passive.mux().shutdown().await;
    assert_eq!(waiting.data_connection().await.unwrap_err(), Reply::ShuttingDown);
    let reply = idle.pasv().await;
    assert_eq!(reply, Reply::NoPort(ReserveError::ShutDown));
    assert!(reply.closes());
}

#[tokio::test]
async fn strangers_get_nothing() {
    let passive = passive(1).await;
    let mut session = session_of(&passive, client(1));
    let to = named(session.pasv().await);
    for stranger in 2..10 {
        is_reset(connect(client(stranger), to).await).await;
    }
    delivers(&mut session, to).await;
    is_reset(connect(client(1), to).await).await;
}

#[tokio::test]
async fn the_session_can_say_who_came_instead_of_its_client() {
    let passive = passive(1).await;
    let mut before = session_of(&passive, client(9));
    let to = named(before.pasv().await);
    is_reset(connect(client(8), to).await).await;
    drop(before);

    let mut session = session_of(&passive, client(1));
    assert_eq!((session.last_port(), session.strangers()), (None, vec![]));
    let to = named(session.pasv().await);
    assert_eq!((session.last_port(), session.strangers()), (Some(to.port()), vec![]));
    for stranger in [2, 3, 2] {
        is_reset(connect(client(stranger), to).await).await;
    }
    assert_eq!(session.strangers(), [client(2), client(3)]);
    session.end_reservation();
    is_reset(connect(client(1), to).await).await;
    assert_eq!(session.strangers(), [client(2), client(3)]);
}

#[tokio::test]
async fn the_exposed_ports_are_named_and_the_others_listened_on() {
    let mux = mux(2, |builder| builder).await;
    let listened: Vec<u16> = mux.ports().iter().collect();
    let map = |text: String| text.parse::<PortMap>().unwrap();
    let partial = map(format!("30000={}", listened[0]));
    let error = Passive::new(mux.clone()).port_map(partial).unwrap_err();
    assert_eq!(error.port, listened[1]);

    let full = map(format!("30000={},40000={}", listened[0], listened[1]));
    let passive = Passive::new(mux).port_map(full).unwrap();
    for argument in [None, Some("")] {
        let mut held = Vec::new();
        for _ in 0..2 {
            let mut session = session_of(&passive, client(1));
            let port = match argument {
                None => port_of(session.pasv().await),
                Some(argument) => port_of(session.epsv(argument).await),
            };
            held.push((port, session));
        }
        held.sort_unstable_by_key(|(port, _)| *port);
        assert_eq!(held.iter().map(|(port, _)| *port).collect::<Vec<_>>(), [30_000, 40_000]);
        for ((_, session), port) in held.iter_mut().zip(&listened) {
            delivers(session, (SERVER, *port).into()).await;
        }
    }
}

#[tokio::test]
async fn the_advertised_address_is_named_and_the_port_is_the_mux_s() {
    let public = Ipv4Addr::new(192, 0, 2, 7);
    let passive = passive(1).await.advertised(Advertised::fixed(public));
    let mut session = session_of(&passive, client(1));
    let to = named(session.pasv().await);
    assert_eq!(to.ip(), IpAddr::from(public));
    delivers(&mut session, (SERVER, to.port()).into()).await;
}

#[tokio::test]
async fn a_resolver_that_fails_leaves_epsv() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let passive = passive(1).await.advertised(Advertised::resolver(|session| {
        CALLS.fetch_add(1, Ordering::Relaxed);
        match session.peer.ip() {
            ip if ip == client(1) => Ok(Ipv4Addr::new(10, 0, 0, 1)),
            ip => Err(format!("{ip} is on no network that is known").into()),
        }
    }));
    let mut known = session_of(&passive, client(1));
    assert!(
        matches!(known.pasv().await, Reply::Passive(to) if *to.ip() == Ipv4Addr::new(10, 0, 0, 1))
    );
    let mut unknown = session_of(&passive, client(2));
    let port = port_of(unknown.epsv("").await);
    assert_eq!(unknown.pasv().await, Reply::AddressUnknown);
    assert!(unknown.is_reserved());
    delivers(&mut unknown, (SERVER, port).into()).await;
    assert_eq!(CALLS.load(Ordering::Relaxed), 2, "EPSV names no address");
}

#[tokio::test]
async fn a_connection_before_or_after_the_transfer_command() {
    let passive = passive(1).await;
    let mut session = session_of(&passive, client(1));
    let to = named(session.pasv().await);
    let there = connect(client(1), to).await.unwrap();
    is_the_same(&mut session, there).await;

    let to = named(session.pasv().await);
    assert!(dropped_after(3, session.data_connection()).await.is_none());
    delivers(&mut session, to).await;
}

/// A dropped `data_connection` loses nothing, however often, and wherever it was.
#[tokio::test]
async fn a_dropped_data_connection_goes_on_waiting() {
    let passive = passive(1).await;
    let mut session = session_of(&passive, client(1));
    for times in 0..4 {
        let to = named(session.pasv().await);
        assert!(dropped_after(times, session.data_connection()).await.is_none());
        assert!(session.is_reserved());
        assert_eq!(passive.mux().stats().pending, 1);
        delivers(&mut session, to).await;
    }
    // And when the session goes with it, the port does too.
    for times in 0..4 {
        let mut session = session_of(&passive, client(1));
        session.pasv().await;
        assert!(dropped_after(times, session.data_connection()).await.is_none());
        drop(session);
        assert_eq!(passive.mux().stats().pending, 0);
    }
}

/// A dropped `pasv` or `epsv` reserves nothing, wherever it was, also while it stood in line.
#[tokio::test]
async fn a_dropped_pasv_gives_the_port_back() {
    let passive = Passive::new(mux(1, |builder| builder.wait(GUARD)).await);
    for times in 0..6 {
        let mut holder = session_of(&passive, client(1));
        holder.pasv().await;
        let mut first = session_of(&passive, client(1));
        let mut second = session_of(&passive, client(1));
        assert!(dropped_after(times, first.pasv()).await.is_none());
        assert!(!first.is_reserved());
        assert_eq!(passive.mux().stats().waiting, 0);

        // Two in line, the first of whom leaves as its turn comes.
        let mut in_line = Box::pin(first.epsv(""));
        assert!(dropped_after(3, in_line.as_mut()).await.is_none());
        let mut next = Box::pin(second.pasv());
        assert!(dropped_after(3, next.as_mut()).await.is_none());
        drop(holder);
        drop(in_line);
        named(timeout(GUARD, next).await.unwrap());
        drop(second);
        assert_eq!(passive.mux().stats().pending, 0);

        // Where a port is free, the very first poll reserves it: then the session has it.
        let mut free = session_of(&passive, client(1));
        let polled = dropped_after(times, free.pasv()).await;
        assert_eq!(polled.is_some(), free.is_reserved());
        drop(free);
        assert_eq!(passive.mux().stats().pending, 0);
    }
}

#[tokio::test]
async fn a_session_that_ends_gives_everything_back() {
    let passive = passive(1).await;
    let mut session = session_of(&passive, client(1));
    let to = named(session.pasv().await);
    let waiting = connect(client(1), to).await;
    claimed(&passive).await;
    drop(session);
    is_reset(waiting).await;
    let mut next = session_of(&passive, client(1));
    assert_eq!(next.pasv().await, Reply::Passive(SocketAddrV4::new(SERVER, to.port())));
}
