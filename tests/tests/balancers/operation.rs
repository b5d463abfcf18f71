//! What happens to servers behind a balancer, whichever it is.

use mux_tests::{crowd, guard};
use nix::sys::signal::Signal::SIGTERM;

use crate::bed::{Bed, IPV4, IPV6, SERVERS};
use crate::crowd::{Crowd, NEWCOMER, REGULAR};
use crate::session::{Download, Manner, Session};

/// How many sessions must end well before the next thing happens.
pub(crate) const ENOUGH: u64 = 30;

/// With hundreds of clients about, a server joins, one drains, comes back, one dies, comes back.
/// Servers 1 and 2 run when this starts.
///
/// Every session is checked: all its transfers are with the server that its control connection is
/// with, and none fails but those of the server that has gone. And no server turns a data
/// connection away, which it would if it was another server's.
pub(crate) fn goes_through_it_all(bed: &mut Bed) {
    bed.until_reached(IPV4);
    bed.until_reached(IPV6);
    let crowd = Crowd::start(bed, crowd(200), &Manner::ALL);
    all_serve(bed, &crowd, &[1, 2]);

    bed.start(3);
    all_serve(bed, &crowd, &SERVERS);
    for n in SERVERS {
        assert_eq!(bed.strangers(n), 0, "server {n} got another's data connection");
    }

    drains(bed, &crowd, 1);
    bed.start(1);
    all_serve(bed, &crowd, &SERVERS);

    dies(bed, &crowd, 2);
    bed.start(2);
    all_serve(bed, &crowd, &SERVERS);

    let outcome = crowd.stop();
    assert!(outcome.served.iter().all(|&sessions| sessions > 2 * ENOUGH), "{outcome:?}");
    assert!(outcome.transfers > 1000, "{outcome:?}");
    assert_eq!(outcome.lost[3], 0, "server 3 has not gone: {outcome:?}");
}

/// Waits until each of these servers has served more sessions. Meanwhile nobody's data connection
/// reaches another server.
#[track_caller]
pub(crate) fn all_serve(bed: &Bed, crowd: &Crowd, servers: &[usize]) {
    let strangers = || servers.iter().map(|&n| bed.strangers(n)).collect::<Vec<u64>>();
    let before = strangers();
    crowd.until_served(servers, ENOUGH);
    assert_eq!(strangers(), before, "servers {servers:?} got each other's data connections");
}

/// Its transfers finish, and nobody new comes: newcomers are served elsewhere without exception.
/// Those who have been there before may be told that it shuts down.
fn drains(bed: &mut Bed, crowd: &Crowd, n: usize) {
    let downloads = downloads_from(crowd, n, 6, &Manner::ALL[..3]);
    crowd.excuse(&[REGULAR, n]);
    bed.server(n).signal(SIGTERM);
    until_nobody_comes_to(bed, crowd, n);
    crowd.until_served(&others(n), ENOUGH);
    let regulars: Vec<(u16, Manner)> = downloads.iter().map(Download::client).collect();
    for download in downloads {
        download.finish();
    }
    bed.has_stopped(n);
    until_moved(bed, &regulars, n);
    crowd.excuse(&[]);
}

/// Its own sessions are lost, and no others; newcomers are served elsewhere.
fn dies(bed: &mut Bed, crowd: &Crowd, n: usize) {
    // Who must come to another server before the balancer can be said to have noticed.
    let downloads = downloads_from(crowd, n, 6, &Manner::ALL[..3]);
    let regulars: Vec<(u16, Manner)> = downloads.iter().map(Download::client).collect();
    crowd.excuse(&[NEWCOMER, REGULAR, n]);
    bed.kill(n);
    until_moved(bed, &regulars, n);
    until_nobody_comes_to(bed, crowd, n);
    crowd.excuse(&[]);
    all_serve(bed, crowd, &others(n));
}

fn others(n: usize) -> Vec<usize> {
    SERVERS.into_iter().filter(|&other| other != n).collect()
}

/// As many downloads from a server, each about to go on.
pub(crate) fn downloads_from(
    crowd: &Crowd,
    n: usize,
    number: usize,
    manners: &[Manner],
) -> Vec<Download> {
    let mut downloads = Vec::new();
    for attempt in 0..number * 100 {
        let download = Download::start(crowd.newcomer(), manners[attempt % manners.len()]);
        if download.server == n {
            downloads.push(download);
        }
        if downloads.len() == number {
            return downloads;
        }
    }
    panic!("server {n} gets no newcomers");
}

/// Waits until clients of a server are served elsewhere.
#[track_caller]
fn until_moved(bed: &Bed, clients: &[(u16, Manner)], n: usize) {
    guard::eventually("its clients are served elsewhere", || {
        clients.iter().all(|&(client, manner)| {
            Session::start(client, manner, bed.authority()).is_ok_and(|session| session.server != n)
        })
    });
}

/// Waits until newcomers in a row are served, and not there.
#[track_caller]
fn until_nobody_comes_to(bed: &Bed, crowd: &Crowd, n: usize) {
    guard::eventually("newcomers are served elsewhere", || {
        (0..12).all(|turn| {
            let manner = Manner::ALL[turn % Manner::ALL.len()];
            let session = Session::start(crowd.newcomer(), manner, bed.authority());
            session.is_ok_and(|mut session| session.server != n && session.transfer().is_ok())
        })
    });
}
