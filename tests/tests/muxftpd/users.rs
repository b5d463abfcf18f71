//! Users and their passwords.

use std::io::Write;
use std::process::{Command, Stdio};

use mux_tests::Program::Muxftpd;
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::tools::curl;
use mux_tests::{Endpoint, Security, Way, files};

use crate::{launch, login, try_login, users_file};

const USERS: &str = r#"[
  {"username": "alice", "pbkdf2_salt": "dGhpc2lzYWJhZHNhbHQ=", "pbkdf2_iter": 1000,
   "pbkdf2_key": "43d195h6Bu+a80JzQ4r4B/PccxruiHvuvkJF1SAgz+c="},
  {"username": "bob", "password": "builder"},
  {"username": "carol", "password": "c", "account_enabled": false},
  {"username": "dan", "password": "d", "allowed_ip_ranges": ["127.1.0.2/32"]}
]"#;

/// The hash above is of this.
const ALICES: &str = "wonderland";

#[test]
fn the_right_password_lets_in_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let server = launch().option("--users", &users_file(directory.path(), USERS)).start();
    server.put("file", &files::content("file", 10_000));
    for (user, password) in [("alice", ALICES), ("bob", "builder")] {
        let mut session = login(&server, user, password);
        files::assert_own("file", 10_000, &session.retr("file"));
    }
    for (user, password) in
        [("alice", "x"), ("alice", ""), ("bob", "Builder"), ("nobody", "x"), ("anonymous", "x")]
    {
        let (mut session, is_in) = try_login(1, server.control(), user, password);
        assert!(!is_in, "{user} {password}");
        session.expect("PASV", 530);
    }
}

#[test]
fn a_disabled_account_and_a_foreign_address_are_not_let_in() {
    let directory = tempfile::tempdir().unwrap();
    let server = launch().option("--users", &users_file(directory.path(), USERS)).start();
    assert!(!try_login(1, server.control(), "carol", "c").1);
    assert!(!try_login(1, server.control(), "dan", "d").1);
    assert!(try_login(2, server.control(), "dan", "d").1);
}

#[test]
fn anonymous_clients_come_beside_users_on_request() {
    let directory = tempfile::tempdir().unwrap();
    let users = users_file(directory.path(), USERS);
    let server = launch().option("--users", &users).flag("--anonymous").start();
    assert!(try_login(1, server.control(), "anonymous", "guest").1);
    assert!(try_login(1, server.control(), "bob", "builder").1);
    assert!(!try_login(1, server.control(), "bob", "guest").1);
}

/// `muxftpd --hash-password` makes what the users file wants.
#[test]
fn a_hash_made_here_is_known_here() {
    let mut muxftpd = Command::new(Muxftpd.path())
        .arg("--hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    muxftpd.stdin.take().unwrap().write_all("pä$$ word\n".as_bytes()).unwrap();
    let output = muxftpd.wait_with_output().unwrap();
    let hash = String::from_utf8(output.stdout).unwrap();
    let users = format!(r#"[{{"username": "eve", "password_hash": "{}"}}]"#, hash.trim_end());

    let directory = tempfile::tempdir().unwrap();
    let server = launch().option("--users", &users_file(directory.path(), &users)).start();
    assert!(try_login(1, server.control(), "eve", "pä$$ word").1);
    assert!(!try_login(1, server.control(), "eve", "pa$$ word").1);
}

/// Right passwords are right, also when more come at once than there may be wrong ones. Each hash
/// takes 19 MiB, which the allocator would keep for each of the threads that came to do one.
#[test]
fn many_log_in_at_once_and_leave_no_memory_behind() {
    // Of "secret", in one pass, so that it takes a moment only.
    const HASH: &str = "$argon2id$v=19$m=19456,t=1,p=1$neak19gcSrD8rxWL43tjkw$\
        0sCCS3kYn3KGfYAsAZC85jZZ9dOCbqOmMHQtnI/Qjh4";
    const LOGINS: usize = 16;
    const AT_MOST: u64 = 40 * 1024;

    let directory = tempfile::tempdir().unwrap();
    let users = format!(r#"[{{"username": "eve", "password_hash": "{HASH}"}}]"#);
    let users = users_file(directory.path(), &users);
    let server = launch().option("--users", &users).start();
    let before = server.process().memory();
    std::thread::scope(|threads| {
        for _ in 0..LOGINS {
            threads.spawn(|| assert!(try_login(1, server.control(), "eve", "secret").1));
        }
    });
    let kept = server.process().memory().saturating_sub(before);
    assert!(kept < AT_MOST, "{kept} KiB are kept after {LOGINS} logins");
}

#[test]
fn curl_logs_in_and_uploads() {
    needs!(Tool::Curl);
    let directory = tempfile::tempdir().unwrap();
    let users = users_file(directory.path(), USERS);
    let server =
        launch().option("--users", &users).flag("--writable").security(Security::Tls).start();
    let to = Endpoint::new(&server, Way::Ipv4Epsv, Security::Tls);
    let content = files::content("up", 100_000);
    let arguments = ["--user", "bob:builder", "--upload-file", "-", &to.url("up")];
    let _ = curl(&to, &arguments, &content).succeeded();
    assert_eq!(std::fs::read(server.root().join("up")).unwrap(), content);
    let refused = curl(&to, &["--user", "bob:wrong", &to.url("up")], b"");
    assert_eq!(refused.status.code(), Some(67), "CURLE_LOGIN_DENIED: {refused:?}");
}

#[test]
fn a_file_with_a_mistake_is_named_with_line_and_field() {
    let directory = tempfile::tempdir().unwrap();
    for (json, named) in [
        (
            "[\n {\"username\": \"a\",\n  \"pasword\": \"b\"}\n]",
            "line 3: [0].pasword: unknown field",
        ),
        ("[\n {\"username\": \"a\"}]", "line 2: [0]: the user \"a\" has no password"),
        ("[", "line 1: EOF"),
    ] {
        let failure = launch().option("--users", &users_file(directory.path(), json)).fail();
        assert_eq!(failure.status.code(), Some(1));
        assert_eq!(failure.stderr.lines().filter(|line| line.starts_with("muxftpd:")).count(), 1);
        assert!(failure.stderr.contains(named), "{}", failure.stderr);
    }
    let missing = directory.path().join("missing.json");
    let failure = launch().option("--users", missing.to_str().unwrap()).fail();
    assert!(failure.stderr.contains("missing.json: No such file"), "{}", failure.stderr);
}

#[test]
fn a_file_that_others_may_read_is_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let users = users_file(directory.path(), USERS);
    let server = launch().option("--users", &users).start();
    assert!(server.said().contains("is open to other users"), "{}", server.said());
}
