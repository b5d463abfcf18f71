//! Guessing passwords.

use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::tools::curl;
use mux_tests::{Client, Endpoint, Security, Way, address};

use crate::{launch, try_login, users_file};

const USERS: &str = r#"[
  {"username": "alice", "password": "a"},
  {"username": "bob", "password": "b"}
]"#;

/// Wrong passwords in sessions of their own count together; other addresses are not concerned.
#[test]
fn after_too_many_wrong_passwords_the_right_one_is_refused_too() {
    needs!(Tool::Curl);
    let directory = tempfile::tempdir().unwrap();
    let users = users_file(directory.path(), USERS);
    let server = launch().option("--users", &users).option("--max-login-failures", "3").start();
    for guess in ["x", "y", "z"] {
        assert!(!try_login(1, server.control(), "alice", guess).1);
    }
    for (user, password) in [("alice", "a"), ("bob", "b")] {
        assert!(!try_login(1, server.control(), user, password).1);
        assert!(try_login(2, server.control(), user, password).1);
    }
    let to = Endpoint::new(&server, Way::Ipv4Epsv, Security::Plain);
    let _ = curl(&to, &["--user", "alice:a", &to.url("")], b"").succeeded();
}

/// RFC 2577, section 5.
#[test]
fn the_fifth_wrong_password_ends_a_session() {
    let directory = tempfile::tempdir().unwrap();
    let users = users_file(directory.path(), USERS);
    let server = launch().option("--users", &users).start();
    let mut session = Client::connect(address::client(1), server.control()).unwrap();
    for code in [530, 530, 530, 530, 421] {
        session.expect("USER alice", 331);
        session.expect("PASS x", code);
    }
    assert!(session.reply().is_err(), "it ends");
    assert!(try_login(2, server.control(), "alice", "a").1);
}

/// In one session as in many, at the same moment as one after the other.
#[test]
fn guesses_at_the_same_moment_are_not_too_many_either() {
    let directory = tempfile::tempdir().unwrap();
    let users = users_file(directory.path(), USERS);
    let server = launch().option("--users", &users).option("--max-login-failures", "3").start();
    let mut sessions: Vec<Client> = (0..20)
        .map(|_| {
            let mut session = Client::connect(address::client(1), server.control()).unwrap();
            session.expect("USER alice", 331);
            session
        })
        .collect();
    for (guess, session) in sessions.iter_mut().enumerate() {
        session.send(&format!("PASS {guess}")).unwrap();
    }
    for session in &mut sessions {
        session.expect_reply(530);
    }
    let said = server.said();
    assert_eq!(said.matches("error=the password is wrong").count(), 3, "{said}");
    let mut again = sessions.remove(0);
    again.expect("USER alice", 331);
    again.expect("PASS a", 530);
}

/// Nobody is kept out of an address from which the right password came before.
#[test]
fn guessing_elsewhere_does_not_keep_a_known_user_out() {
    let directory = tempfile::tempdir().unwrap();
    let users = users_file(directory.path(), USERS);
    let server = launch().option("--users", &users).option("--max-login-failures", "1").start();
    assert!(try_login(100, server.control(), "alice", "a").1);
    for source in 1..=10 {
        assert!(!try_login(source, server.control(), "alice", "guess").1);
    }
    assert!(!try_login(50, server.control(), "alice", "a").1, "alice is guessed at");
    assert!(try_login(100, server.control(), "alice", "a").1);
    assert!(try_login(51, server.control(), "bob", "b").1);
}

#[test]
fn anonymous_logins_are_never_wrong() {
    let server = launch().option("--max-login-failures", "1").start();
    for _ in 0..5 {
        assert!(!try_login(1, server.control(), "root", "x").1);
    }
    assert!(try_login(1, server.control(), "anonymous", "x").1);
}
