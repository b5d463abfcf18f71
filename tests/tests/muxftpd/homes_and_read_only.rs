//! What a user sees, and who may change it.

use std::fs;

use mux_tests::{data, files};
use rstest::rstest;

use crate::{launch, login, users_file};

const USERS: &str = r#"[
  {"username": "alice", "password": "a", "root": "partners/alice"},
  {"username": "bob", "password": "b", "root": "partners/bob", "writable": true},
  {"username": "carol", "password": "c", "writable": false}
]"#;

#[test]
fn a_user_sees_the_own_directory_alone() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    for home in ["alice", "bob"] {
        fs::create_dir_all(root.join("partners").join(home)).unwrap();
        fs::write(root.join("partners").join(home).join("own"), home).unwrap();
    }
    let server =
        launch().root(&root).option("--users", &users_file(directory.path(), USERS)).start();
    for user in ["alice", "bob"] {
        let mut session = login(&server, user, &user[..1]);
        assert_eq!(session.retr("own"), user.as_bytes());
        assert_eq!(session.retr("/own"), user.as_bytes());
        assert!(session.list().trim_end().ends_with(" own"));
        // Above the own root there is nothing, so that is where it leads.
        for command in ["CWD ..", "CDUP", "CWD ../../bob"] {
            let _ = session.command(command);
            assert!(session.expect("PWD", 257).lines[0].starts_with("257 \"/\" "));
        }
        assert_eq!(session.retr("own"), user.as_bytes());
        for path in ["../bob/own", "/partners/bob/own", "/../alice/own", "../../../etc/passwd"] {
            session.expect(&format!("SIZE {path}"), 550);
        }
    }
    let mut carol = login(&server, "carol", "c");
    assert_eq!(carol.retr("partners/alice/own"), b"alice");
}

#[rstest]
fn who_may_write_is_said_for_all_and_for_each(#[values(false, true)] writable: bool) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    fs::create_dir_all(root.join("partners/alice")).unwrap();
    fs::create_dir_all(root.join("partners/bob")).unwrap();
    let users = users_file(directory.path(), USERS);
    let launch = launch().root(&root).option("--users", &users);
    let server = if writable { launch.flag("--writable") } else { launch }.start();
    for (user, may) in [("alice", writable), ("bob", true), ("carol", false)] {
        let mut session = login(&server, user, &user[..1]);
        assert_eq!(session.command("MKD new").code == 257, may, "{user}");
        if may {
            session.stor("up", &files::content(user, 5000));
            session.expect("RNFR up", 350);
            session.expect("RNTO down", 250);
            files::assert_own(user, 5000, &session.retr("down"));
            session.expect("DELE down", 250);
            session.expect("RMD new", 250);
        } else {
            let port = session.pasv();
            let data = session.open(port);
            session.expect("STOR up", 553);
            let _ = data::unserved(Ok(data));
        }
    }
    assert!(!root.join("up").exists() && !root.join("new").exists());
}

#[test]
fn a_home_that_is_not_there_is_named_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let failure = launch().option("--users", &users_file(directory.path(), USERS)).fail();
    assert!(failure.stderr.contains("the root of user "), "{}", failure.stderr);
    assert!(failure.stderr.contains("does not exist"), "{}", failure.stderr);
}
