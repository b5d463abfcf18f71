//! Logs of every kind, with what is broken in them.

use super::{json, sample, succeeds};

/// What a log holds: (file, format, names requests, lines, malformed lines, clients).
const LOGS: [(&str, &str, bool, u64, u64, u64); 8] = [
    ("vsftpd.xferlog", "xferlog", false, 60, 0, 6),
    // A deletion, which takes no port, and two broken lines.
    ("proftpd.xferlog", "xferlog", false, 63, 2, 5),
    ("wu-ftpd.xferlog", "xferlog", false, 40, 0, 6),
    ("vsftpd.log", "vsftpd.log", false, 50, 0, 6),
    ("vsftpd-commands.log", "vsftpd.log", true, 125, 0, 6),
    ("muxftpd.json", "muxftpd JSON", true, 58, 1, 6),
    ("requests.csv", "CSV", true, 51, 0, 6),
    ("bare.csv", "CSV", true, 20, 0, 6),
];

#[test]
fn every_kind_is_recognised_and_answered() {
    for (file, format, exact, lines, malformed, clients) in LOGS {
        let json = json(&format!("--log {} --target 1% --requests 4000", sample(file)));
        assert_eq!(json["log"]["format"], format, "{file}");
        assert_eq!(json["log"]["names_requests"], exact, "{file}");
        assert_eq!(json["log"]["lines"], lines, "{file}");
        assert_eq!(json["log"]["malformed_lines"], malformed, "{file}");
        assert_eq!(json["workload"]["clients"], clients, "{file}");
        assert!(json["with_multiplexing"]["recommended"]["ports"].as_u64().unwrap() > 0, "{file}");
    }
}

/// The requests that a log tells of are the arrivals of each run.
#[test]
fn every_request_is_replayed() {
    for (file, requests) in [
        ("vsftpd.xferlog", 60),
        ("proftpd.xferlog", 60),
        ("vsftpd.log", 40),
        ("vsftpd-commands.log", 25),
        // Fifty that got a port, six that were refused one.
        ("muxftpd.json", 56),
        ("requests.csv", 50),
        ("bare.csv", 20),
    ] {
        let json = json(&format!("--log {} --target 1% --requests 4000", sample(file)));
        assert_eq!(json["simulation"]["requests_per_replication"], requests, "{file}");
    }
}

#[test]
fn broken_lines_are_counted_and_the_first_is_shown() {
    let text =
        succeeds(&format!("--log {} --target 1% --requests 4000", sample("proftpd.xferlog")));
    assert!(text.contains("2 of 63 lines skipped as malformed, first line 21: \"Jul 10"), "{text}");
}

/// The answer stands in the first line.
#[test]
fn a_log_is_all_that_is_needed() {
    let text = succeeds(&format!("--log {} --requests 20000", sample("vsftpd.xferlog")));
    let first = text.lines().next().unwrap();
    let (before, after) = first.split_once(" passive port").unwrap();
    assert!(before.starts_with("You need ") && after.contains("for the target"), "{text}");
    assert!(text.contains("The busiest client, 203.0.113.5, has"), "{text}");
}

#[test]
fn the_same_seed_gives_the_same_answer() {
    let arguments = format!("--log {} --requests 20000 --seed 7", sample("requests.csv"));
    assert_eq!(succeeds(&arguments), succeeds(&arguments));
}
