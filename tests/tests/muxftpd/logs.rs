//! The log in JSON, as `portsize --log` reads it.

use mux_tests::guard::obtained;
use mux_tests::{Server, files};
use serde_json::Value;

use crate::{launch, login, try_login, users_file};

/// Waits for a line with this message; returns its fields.
#[track_caller]
fn fields(server: &Server, message: &str, number: usize) -> Value {
    obtained("the log has the line", || {
        let said = server.said();
        let (_, stderr) = said.split_once("stderr:\n").unwrap();
        let lines = stderr.lines().map(|line| match serde_json::from_str::<Value>(line) {
            Ok(value) => value,
            Err(error) => panic!("{error}: {line}"),
        });
        let mut found = lines.filter(|line| line["fields"]["message"] == message);
        found.nth(number).map(|line| {
            assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
            assert_eq!(line["target"], "muxftpd", "{line}");
            line["fields"].clone()
        })
    })
}

#[test]
fn transfers_sessions_and_wrong_logins_are_a_line_each() {
    let directory = tempfile::tempdir().unwrap();
    let users = users_file(directory.path(), r#"[{"username": "alice", "password": "a"}]"#);
    let server = launch()
        .option("--log-format", "json")
        .option("--users", &users)
        .flag("--writable")
        .start();
    server.put("fi \"le", &files::content("file", 10_000));
    let mut session = login(&server, "alice", "a");
    let _ = session.retr("fi \"le");
    session.stor("up", &files::content("up", 500));
    session.list();
    session.quit();
    drop(try_login(2, server.control(), "bob\"", "x"));

    let retr = fields(&server, "transfer", 0);
    assert_eq!(retr["client"], "127.1.0.1");
    assert_eq!(retr["user"], "alice");
    assert_eq!(retr["command"], "RETR");
    assert_eq!(retr["path"], "/fi \"le");
    assert_eq!(retr["bytes"], 10_000);
    assert_eq!(retr["completed"], true);
    assert!(retr["seconds"].as_f64().unwrap() >= 0.0);
    let stor = fields(&server, "transfer", 1);
    assert_eq!((&stor["command"], &stor["bytes"]), (&"STOR".into(), &500.into()));
    assert_eq!(fields(&server, "transfer", 2)["command"], "LIST");

    let over = fields(&server, "session", 0);
    assert_eq!((&over["client"], &over["user"]), (&"127.1.0.1".into(), &"alice".into()));
    assert_eq!(over["how"], "over");
    assert!(over["seconds"].as_f64().unwrap() > 0.0);
    let wrong = fields(&server, "login refused", 0);
    assert_eq!((&wrong["client"], &wrong["user"]), (&"127.1.0.2".into(), &"bob\"".into()));
}

/// Terminals obey some characters that JSON lets through.
#[test]
fn a_name_cannot_talk_to_the_terminal() {
    let server = launch().option("--log-format", "json").start();
    drop(try_login(1, server.control(), "x\u{9b}31m\u{202e}forged", "y"));
    let line = fields(&server, "login refused", 0);
    assert_eq!(line["user"], "x\\u{9b}31m\\u{202e}forged");
}

#[test]
fn a_login_or_a_path_cannot_forge_a_line() {
    let server = launch().start();
    drop(try_login(1, server.control(), "x\u{1b}[31m2026 INFO forged", "y"));
    let line = obtained("the log has the line", || {
        let said = server.said();
        said.lines().find(|line| line.contains("forged")).map(str::to_owned)
    });
    assert!(!line.contains('\u{1b}'), "{line:?}");
    assert!(line.contains("login refused"), "{line}");
}
