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
    let sentence = "muxftpd: MUXFTPD_WAIT in the environment cannot be \"soon\": write durations \
                    like 500ms, 15s or 2m\n";
    assert_eq!(failure.stderr, sentence);
    // The command line's own fault is its own.
    let failure = launch().env("MUXFTPD_WAIT", "5s").option("--wait", "soon").fail();
    assert!(failure.stderr.contains("'soon' for '--wait"), "{}", failure.stderr);
    let failure = launch().env("MUXFTPD_TLS_REQUIRED", "true").fail();
    let sentence =
        "muxftpd: MUXFTPD_TLS_REQUIRED in the environment needs --tls-cert and --tls-key too\n";
    assert_eq!(failure.stderr, sentence);
}

#[test]
fn an_empty_variable_is_none_and_one_that_is_no_option_is_told() {
    let server = launch()
        .env("MUXFTPD_WAIT", "")
        .env("MUXFTPD_WRITABLE", "")
        .env("MUXFTPD_USERS", "")
        .env("MUXFTPD_CONFIG", "")
        .env("MUXFTPD_METRICS", "")
        .env("MUXFTPD_PASIVE_PORTS", "9000")
        .env("MUXFTPD_PORT_21_TCP_ADDR", "10.0.0.7")
        .start();
    let said = server.said();
    assert!(said.contains("wait         up to 2s"), "{said}");
    assert!(said.contains("(read-only)"), "{said}");
    let warnings: Vec<_> = said.lines().filter(|line| line.contains(" warning ")).collect();
    let unknown = "  warning      MUXFTPD_PASIVE_PORTS in the environment is no option; is it \
                   MUXFTPD_PASSIVE_PORTS?";
    assert!(warnings.contains(&unknown), "{warnings:?}");
    assert!(!said.contains("10.0.0.7") && !said.contains("21_TCP"), "{said}");
}

#[test]
fn a_switch_is_true_or_false() {
    for wrong in ["1", "yes"] {
        let failure = launch().env("MUXFTPD_TLS_REQUIRED", wrong).fail();
        assert_eq!(failure.status.code(), Some(2));
        assert!(failure.stderr.ends_with(": write true or false\n"), "{}", failure.stderr);
    }
    let failure = launch().env("MUXFTPD_LOG_LEVEL", "a=b=c").fail();
    let sentence = "muxftpd: MUXFTPD_LOG_LEVEL in the environment cannot be \"a=b=c\": it is not a";
    assert!(failure.stderr.starts_with(sentence), "{}", failure.stderr);
}
