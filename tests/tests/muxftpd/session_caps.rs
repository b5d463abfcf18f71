//! How many sessions there may be, and how long each may do nothing of use.

use mux_tests::Security::Tls;
use mux_tests::guard::eventually;
use mux_tests::{Client, Holding, Ports, Server, address};

use crate::launch;

fn connect(server: &Server, source: u16) -> Client {
    Client::connect_silently(address::client(source), server.control()).unwrap()
}

/// A control connection that must be told 421 and be closed.
#[track_caller]
fn is_turned_away(mut session: Client, why: &str) {
    let reply = session.expect_reply(421);
    assert!(reply.lines[0].contains(why), "{reply}");
    assert!(session.reply().is_err(), "after 421 the control connection ends");
}

#[test]
fn one_address_has_its_share_and_others_theirs() {
    let server = launch().option("--max-sessions-per-client", "3").start();
    let mut held: Vec<Client> = (0..3).map(|_| connect(&server, 1)).collect();
    for _ in 0..3 {
        is_turned_away(connect(&server, 1), "Too many sessions from your address");
    }
    connect(&server, 2).expect_reply(220);
    for session in &mut held {
        session.expect_reply(220);
    }
    held.pop().unwrap().quit();
    eventually("there is room for one more", || {
        connect(&server, 1).reply().is_ok_and(|reply| reply.code == 220)
    });
}

#[test]
fn all_together_have_a_limit() {
    let server = launch().option("--max-sessions", "4").start();
    let held: Vec<Client> = (1..5)
        .map(|source| {
            let mut session = connect(&server, source);
            session.expect_reply(220);
            session
        })
        .collect();
    is_turned_away(connect(&server, 9), "Too many sessions, try");
    drop(held);
    eventually("there is room again", || {
        connect(&server, 9).reply().is_ok_and(|reply| reply.code == 220)
    });
}

/// A hundred that are turned away leave nothing behind.
#[test]
fn those_who_are_turned_away_cost_nothing() {
    let server = launch().option("--max-sessions-per-client", "1").start();
    let mut held = connect(&server, 1);
    held.expect_reply(220);
    server.settle();
    let before = server.process().descriptors();
    for _ in 0..100 {
        is_turned_away(connect(&server, 1), "Too many");
    }
    server.settle();
    assert_eq!(server.process().descriptors(), before);
    held.expect("NOOP", 200);
}

#[test]
fn who_does_not_log_in_is_ended() {
    let server = launch().option("--login-timeout", "1s").start();
    let mut waiting = Holding::new(&server, address::client(4));
    let mut client = connect(&server, 1);
    client.expect_reply(220);
    is_turned_away(client, "No login in time");
    // Before a reservation expires that is older.
    let data = waiting.session.open(waiting.port);
    waiting.session.receive(data, "LIST");
    // Nor do commands help.
    let mut busy = connect(&server, 1);
    busy.expect_reply(220);
    loop {
        match busy.send("NOOP").and_then(|()| busy.reply()) {
            Ok(reply) if reply.code == 200 => {}
            Ok(reply) => break assert_eq!(reply.code, 421, "{reply}"),
            Err(error) => break drop(error),
        }
    }
    let mut logged_in = Client::login(address::client(2), server.control());
    let mut another = connect(&server, 3);
    another.expect_reply(220);
    is_turned_away(another, "No login in time");
    logged_in.expect("NOOP", 200);
}

#[test]
fn a_tls_handshake_that_does_not_come_is_ended() {
    let server = launch().security(Tls).option("--login-timeout", "1s").start();
    let mut client = connect(&server, 1);
    client.expect_reply(220);
    client.expect("AUTH TLS", 234);
    assert!(client.reply().is_err() || client.reply().is_err());
    server.until_gone(&[client.local_addr()]);
}

#[test]
fn a_silent_session_is_ended() {
    let server = launch().option("--idle-timeout", "1s").start();
    let mut session = Client::login(address::client(1), server.control());
    session.expect_reply(421);
    assert!(session.reply().is_err());
}

/// The end of a line that is too long is looked for, but not for ever.
#[test]
fn a_command_without_end_is_ended() {
    let server = launch().start();
    let sessions = [connect(&server, 1), Client::login(address::client(2), server.control())];
    let part = "x".repeat(1 << 16);
    for mut session in sessions {
        let mut sent = 0_u64;
        while session.send_part(&part).is_ok() {
            sent += part.len() as u64;
            assert!(sent < 1 << 30, "{sent} bytes and no end");
        }
    }
    Client::login(address::client(1), server.control()).expect("NOOP", 200);
}

/// What is not too long is read, whether it comes at once or bit by bit.
#[test]
fn a_long_command_is_answered() {
    let server =
        mux_tests::Launch::new(mux_tests::Program::Muxftpd, &Ports::consecutive(1)).start();
    let mut session = Client::login(address::client(1), server.control());
    session.expect(&format!("SIZE {}", "x/".repeat(2_000)), 550);
    for _ in 0..20 {
        session.expect(&format!("SIZE {}", "y".repeat(200)), 550);
    }
}
