//! SIGHUP: the users and the certificate are read again, and nobody notices who is there.

use std::fs;

use mux_tests::Security::Tls;
use mux_tests::certificate::Certificate;
use mux_tests::guard::eventually;
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::tools::curl;
use mux_tests::{Endpoint, Server, Way, files};
use nix::sys::signal::Signal;

use crate::{launch, login, try_login, users_file};

/// Sends the signal, and waits for what it says about it for the `number`th time.
fn hang_up(server: &Server, says: &str, number: usize) {
    server.signal(Signal::SIGHUP);
    eventually("it has acted on the signal", || server.said().matches(says).count() == number);
}

#[test]
fn users_come_and_go_while_sessions_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let users = users_file(directory.path(), r#"[{"username": "alice", "password": "a"}]"#);
    let server = launch().option("--users", &users).start();
    server.put("file", &files::content("file", 10_000));
    let mut alice = login(&server, "alice", "a");

    users_file(directory.path(), r#"[{"username": "bob", "password": "b"}]"#);
    hang_up(&server, "were read again", 1);
    files::assert_own("file", 10_000, &alice.retr("file"));
    let mut bob = login(&server, "bob", "b");
    files::assert_own("file", 10_000, &bob.retr("file"));
    assert!(!try_login(2, server.control(), "alice", "a").1);

    // A mistake leaves everything as it was.
    users_file(directory.path(), r#"[{"username": "carol"}]"#);
    hang_up(&server, "all stays as it is: cannot use the users file", 1);
    login(&server, "bob", "b");

    // No users at all are no mistake: they are kept out, and it is said.
    users_file(directory.path(), "[]");
    hang_up(&server, "nobody can log in: ", 1);
    eventually("bob is out", || !try_login(3, server.control(), "bob", "b").1);
}

#[test]
fn a_new_certificate_is_used_by_new_sessions() {
    needs!(Tool::Curl);
    let server = launch().security(Tls).start();
    server.put("file", &files::content("file", 10_000));
    let to = Endpoint::new(&server, Way::Ipv4Epsv, Tls);
    let works = |to: &Endpoint| curl(to, &[&to.url("file")], b"").status.success();
    assert!(works(&to));

    // In place of the old one, from an authority of its own.
    let made = tempfile::tempdir().unwrap();
    let new = Certificate::in_directory(made.path());
    let place = server.authority().parent().unwrap().to_owned();
    fs::copy(&new.certificate, place.join("server.pem")).unwrap();
    assert!(works(&to), "nothing is read before the signal");
    hang_up(&server, "all stays as it is: the key in", 1);
    assert!(works(&to), "the key is still the old one");
    fs::copy(&new.key, place.join("server.key")).unwrap();
    hang_up(&server, "were read again", 1);
    assert!(!works(&to));
    assert!(works(&Endpoint { authority: Some(new.authority), ..to }));
}
