//! Victims and attackers behind one address. Nothing at accept time tells them apart, so attackers
//! get something; but nothing of any other address.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::thread::sleep;
use std::time::{Duration, Instant};

use mux_tests::{Client, Data, Reply, files};
use rand::RngExt;

use crate::bytes::{foreign, heard};
use crate::run::{LENGTH, Party, add};

/// How long a victim waits for what may never come: some of what an attacker does leaves a
/// session without a reply.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long an attacker waits for bytes.
const GREED: Duration = Duration::from_millis(300);
const PAUSE: Duration = Duration::from_millis(2);
/// It does not wait for bytes, and is not to win every time.
const PAUSE_OF_PUT_IN: Duration = Duration::from_millis(20);
/// What time there is, at most, between the reply and the connection.
const DAWDLE: Duration = Duration::from_millis(20);

fn answer(session: &mut Client) -> Option<Reply> {
    let asked = Instant::now();
    while session.is_silent() {
        if asked.elapsed() > PATIENCE {
            return None;
        }
        sleep(Duration::from_millis(1));
    }
    session.reply().ok()
}

/// A victim's session.
pub(crate) fn session(party: &mut Party<'_>) {
    let mut session = party.login();
    for round in 0..party.random.random_range(1..20) {
        let how = party.how();
        let Ok(port) = session.passive(how) else { continue };
        party.betray(port);
        sleep(party.moment(DAWDLE));
        let done = if party.random.random() {
            download(party, &mut session, port)
        } else {
            upload(party, &mut session, port, round)
        };
        add(if done.is_some() { &party.run.counts.shared } else { &party.run.counts.lost });
        if done.is_none() {
            // What state the session is in is not known.
            return session.reset();
        }
    }
    session.quit();
}

fn download(party: &Party<'_>, session: &mut Client, port: SocketAddr) -> Option<()> {
    let data = Data::connect(party.address, port).ok()?;
    session.send("RETR file").ok()?;
    answer(session).filter(|reply| reply.code == 150)?;
    let bytes = heard(Ok(data), PATIENCE);
    let line = foreign(&bytes, party.address);
    assert!(line.is_none() || bytes.is_empty(), "{} got {line:?}", party.address);
    let whose = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
    let own = whose == party.owner("file").as_bytes();
    if !own && !bytes.is_empty() {
        add(&party.run.counts.mixed);
    }
    answer(session).filter(|reply| reply.code == 226 && own)?;
    files::assert_own(&party.owner("file"), LENGTH, &bytes);
    Some(())
}

fn upload(party: &Party<'_>, session: &mut Client, port: SocketAddr, round: u32) -> Option<()> {
    let data = Data::connect(party.address, port).ok()?;
    session.send("STOR up").ok()?;
    answer(session).filter(|reply| reply.code == 150)?;
    let sent = data.write_all(&files::content(&party.owner(round), LENGTH));
    answer(session).filter(|reply| reply.code == 226)?;
    let path = party.run.server.root().join(party.directory()).join("up");
    let stored = std::fs::read(path).expect("it is there");
    let line = foreign(&stored, party.address);
    assert!(line.is_none() || stored.is_empty(), "{} has stored {line:?}", party.address);
    if stored.windows(6).take(64).any(|word| word == b"put-in") {
        add(&party.run.counts.put_in);
        return None;
    }
    sent.ok()?;
    (stored == files::content(&party.owner(round), LENGTH)).then_some(())
}

/// Takes what comes, if anything does, and counts it.
fn take(party: &Party<'_>, to: SocketAddr, attempts: &AtomicU64, got: &AtomicU64) {
    sleep(PAUSE);
    add(attempts);
    let bytes = heard(Data::connect(party.address, to), GREED);
    if !bytes.is_empty() {
        add(got);
        let line = foreign(&bytes, party.address);
        assert_eq!(line, None, "an attacker at {} got it", party.address);
    }
}

/// Guesses a port.
pub(crate) fn guess(party: &mut Party<'_>) {
    let port = party.any_port();
    let counts = &party.run.counts;
    take(party, port, &counts.guesses, &counts.guessed);
}

/// Knows the port.
pub(crate) fn race(party: &mut Party<'_>) {
    let port = party.known(party.address);
    let counts = &party.run.counts;
    take(party, port, &counts.races, &counts.raced);
}

/// Knows the port, and sends bytes of its own.
pub(crate) fn put_in(party: &mut Party<'_>) {
    sleep(PAUSE_OF_PUT_IN);
    if let Ok(data) = Data::connect(party.address, party.known(party.address)) {
        let _ = data.write_all(&files::content(&party.owner("put-in"), 640));
    }
}
