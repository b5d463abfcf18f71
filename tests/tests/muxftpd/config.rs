//! The configuration file.

use std::fs;
use std::path::Path;

use mux_tests::Program::Muxftpd;
use mux_tests::launch::refuses;
use mux_tests::{Client, address};

use crate::launch;

fn file(directory: &Path, text: &str) -> String {
    let path = directory.join("muxftpd.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_file_is_followed_and_the_command_line_wins() {
    let directory = tempfile::tempdir().unwrap();
    let config = file(
        directory.path(),
        "root = \"/nowhere\"\nwritable = true\nmax-sessions-per-client = 1\nwait = \"7s\"\n",
    );
    // The harness gives --root, --listen and --passive-ports.
    let server = launch().option("--config", &config).option("--wait", "0s").start();
    assert!(server.said().contains("(writable)"), "{}", server.said());
    assert!(server.said().contains("wait         none"), "{}", server.said());
    let mut client = Client::login(address::client(1), server.control());
    client.expect("MKD new", 257);
    let mut another = Client::connect_silently(address::client(1), server.control()).unwrap();
    another.expect_reply(421);
}

#[test]
fn what_is_wrong_in_it_is_named_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    for (text, named) in [
        (
            "\nmax-sesions = 1",
            "line 2: there is no option \"max-sesions\"; is it \"max-sessions\"?",
        ),
        ("check = true", "line 1: check may stand on the command line only"),
        ("wait = \"1s\"\nlisten = 5\n", "line 2: listen cannot be \"5\": write an IP address"),
        ("\ntls-cert = \"a\"", "line 2: tls-cert needs tls-key too"),
        ("writable = 1", "line 1: writable must be true or false"),
        ("root = \"/\"\n\npassive-ports = \"9-1\"", "line 3: passive-ports cannot be \"9-1\": "),
        ("root", "line 1: "),
    ] {
        let config = file(directory.path(), text);
        let failure = refuses(Muxftpd, &["--config", &config]);
        assert_eq!(failure.status.code(), Some(2), "{}", failure.stderr);
        assert!(failure.stderr.contains(named), "{named}: {}", failure.stderr);
        let begins = format!("muxftpd: cannot use the configuration file {config}, line ");
        assert!(failure.stderr.starts_with(&begins), "{}", failure.stderr);
        // One sentence, which does not send to the command line.
        assert_eq!(failure.stderr.lines().count(), 1, "{}", failure.stderr);
        assert!(!failure.stderr.contains("error:"), "{}", failure.stderr);
    }
    let failure = refuses(Muxftpd, &["--config", "/nowhere/muxftpd.toml"]);
    assert!(failure.stderr.contains("/nowhere/muxftpd.toml: No such file"), "{}", failure.stderr);
}
