//! Options by environment variables.

use std::fs;

use mux_tests::{Client, address};

use crate::launch;

#[test]
fn the_environment_beats_the_file_and_the_command_line_beats_both() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("muxftpd.toml");
    let text =
        "writable = false\nmax-sessions-per-client = 1\nwait = \"7s\"\ndrain-timeout = \"9s\"\n";
    fs::write(&config, text).unwrap();
    let server = launch()
        .env("MUXFTPD_CONFIG", config.to_str().unwrap())
        .env("MUXFTPD_WRITABLE", "true")
        .env("MUXFTPD_WAIT", "5s")
        .env("MUXFTPD_DRAIN_TIMEOUT", "8s")
        .env("MUXFTPD_LISTEN", "127.0.0.1:1")
        .option("--wait", "0s")
        .start();
    let said = server.said();
    assert!(said.contains("(writable)"), "the environment beats the file: {said}");
    assert!(said.contains("wait         none"), "the command line beats the environment: {said}");
    assert!(said.contains("up to 8s to finish"), "{said}");
    assert!(!said.contains("127.0.0.1:1\n"), "a list is replaced as a whole: {said}");
    let mut client = Client::login(address::client(1), server.control());
    client.expect("MKD new", 257);
    let mut another = Client::connect_silently(address::client(1), server.control()).unwrap();
    another.expect_reply(421);
}

#[test]
fn a_list_has_commas_and_what_is_wrong_is_refused() {
    let server = launch().env("MUXFTPD_LISTEN", "127.0.0.1:0,127.0.0.2:0").without_listen().start();
    assert_eq!(server.controls().len(), 2, "{}", server.said());
    let failure = launch().env("MUXFTPD_WAIT", "soon").fail();
    assert_eq!(failure.status.code(), Some(2));
    assert!(failure.stderr.contains("'soon' for '--wait"), "{}", failure.stderr);
}
