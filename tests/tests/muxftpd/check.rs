//! `--check`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use mux_tests::Program::Muxftpd;
use mux_tests::certificate::Certificate;

use crate::{launch, users_file};

fn check(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut muxftpd = Command::new(Muxftpd.path());
    muxftpd.arg("--check").args(arguments).current_dir(directory).env_remove("RUST_LOG");
    let Output { status, stdout, stderr } = muxftpd.output().unwrap();
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

/// The example in the documents is one that works.
#[test]
fn the_example_is_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations/muxftpd.toml");
    let (code, said) = check(directory.path(), &["--config", example]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with("ok\n"), "{said}");
    assert!(said.contains("ports        not tried"), "{said}");
}

#[test]
fn who_counts_as_one_client_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (code, said) = check(directory.path(), &["--client-prefix", "24"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("clients      one for all addresses with the same /24 of IPv4"),
        "{said}"
    );
}

#[test]
fn everything_that_a_start_reads_is_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let certificate = Certificate::in_directory(directory.path());
    fs::create_dir(at("root")).unwrap();
    fs::write(at("muxftpd.toml"), "root = \"root\"\n").unwrap();
    let users = users_file(
        directory.path(),
        r#"[{"username": "alice", "password": "a", "root": "alice"}]"#,
    );
    let anonymous = at("anonymous.json");
    fs::write(&anonymous, r#"[{"username": "ftp", "password": "a"}]"#).unwrap();
    let tls = ["--tls-cert", certificate.certificate.to_str().unwrap(), "--tls-key"];
    let key = certificate.key.to_str().unwrap();
    let config = ["--config", "muxftpd.toml"];
    let checked = |more: &[&str]| check(directory.path(), &[&config[..], more].concat());

    for (more, named) in [
        (vec!["--users", &users], "the root of user alice"),
        (vec!["--users", "missing"], "cannot use the users file missing"),
        (vec!["--users", &anonymous, "--anonymous"], "leave out that user, or --anonymous"),
        (vec!["--root", "missing"], "does not exist"),
        (vec!["--listen", "127.0.0.1:8192"], "port 8192 is one of the passive ports"),
        (vec!["--metrics", "8192"], "port 8192 is one of the passive ports; change --metrics"),
        (vec!["--metrics", "2121"], "--listen 127.0.0.1:2121 takes that port already"),
        (
            vec!["--listen", "0.0.0.0:2121,127.0.0.1:2121"],
            "--listen 0.0.0.0:2121 takes that port already",
        ),
        (vec!["--anonymous=false"], "nobody can log in: give --users"),
        (vec!["--passive-host", "does-not-exist.invalid"], "does-not-exist.invalid"),
        ([&tls[..], &["muxftpd.toml"]].concat(), "there is no private key in muxftpd.toml"),
    ] {
        let (code, said) = checked(&more);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(named), "{named}: {said}");
    }
    fs::write(at("wrong.toml"), "wait = 1\n").unwrap();
    let (code, said) = check(directory.path(), &["--config", "wrong.toml"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("wrong.toml, line 1"), "{said}");

    fs::create_dir(at("root/alice")).unwrap();
    let (code, said) = checked(&[&tls[..], &[key, "--users", &users]].concat());
    assert_eq!(code, Some(0), "{said}");
    for named in ["users        1 in", "TLS          ", "ok\n"] {
        assert!(said.contains(named), "{named}: {said}");
    }
}

/// What would start, and serve nobody or not as it seems.
#[test]
fn what_is_hardly_meant_is_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let users = users_file(directory.path(), "[]");
    let (code, said) = check(directory.path(), &["--users", &users]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("  warning      nobody can log in: "), "{said}");
    let server = launch().option("--users", &users).start();
    assert!(server.said().contains("  warning      nobody can log in: "), "{}", server.said());
}

/// A server that runs is not disturbed, and does not disturb.
#[test]
fn a_server_that_runs_does_not_matter() {
    let server = launch().start();
    let ports = server.ports().spec();
    let control = server.control().to_string();
    let root = server.root().to_str().unwrap();
    let arguments = ["--root", root, "--listen", &control, "--passive-ports", &ports];
    let (code, said) = check(server.root(), &arguments);
    assert_eq!(code, Some(0), "{said}");
    mux_tests::Client::login(mux_tests::address::client(1), server.control()).list();
}
