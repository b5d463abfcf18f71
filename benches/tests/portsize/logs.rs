//! Logs of every kind, with what is broken in them.

use std::fs;
use std::io::Write as _;

use serde_json::Value;

use super::{json, portsize_with, sample, succeeds};

/// A log, and what it holds.
struct Holds {
    file: &'static str,
    format: &'static str,
    names_requests: bool,
    requests: u64,
    clients: u64,
    lines: u64,
    unreadable: u64,
    /// The mean time from reply to connection, if it can be told, in milliseconds.
    measured: Option<f64>,
}

const fn holds(
    file: &'static str,
    format: &'static str,
    requests: u64,
    clients: u64,
    lines: u64,
) -> Holds {
    let (names_requests, unreadable, measured) = (true, 0, None);
    Holds { file, format, names_requests, requests, clients, lines, unreadable, measured }
}

impl Holds {
    const fn transfers(self) -> Self {
        Self { names_requests: false, ..self }
    }

    const fn unreadable(self, unreadable: u64) -> Self {
        Self { unreadable, ..self }
    }

    const fn measured(self, milliseconds: f64) -> Self {
        Self { measured: Some(milliseconds), ..self }
    }
}

/// Of whole seconds, only that it is far less than one.
const LESS: f64 = 40.0;

/// In most of them, four clients ask 24 times, and connect after a quarter of a second.
const LOGS: [Holds; 33] = [
    holds("vsftpd.xferlog", "xferlog", 60, 6, 60).transfers(),
    // A deletion, which takes no port, and two broken lines.
    holds("proftpd.xferlog", "xferlog", 60, 5, 63).transfers().unreadable(2),
    holds("vsftpd.log", "vsftpd.log", 40, 6, 50).transfers(),
    holds("vsftpd-commands.log", "vsftpd.log", 25, 6, 125).measured(38.0),
    // Fifty that got a port, six that were refused one.
    holds("muxftpd.json", "muxftpd", 56, 6, 58).unreadable(1),
    holds("requests.csv", "CSV", 50, 6, 51),
    holds("bare.csv", "CSV", 20, 6, 20),
    holds("muxftpd.log", "muxftpd", 24, 4, 49).measured(250.0),
    holds("muxftpd.kubectl", "muxftpd in timestamps", 24, 4, 49).measured(250.0),
    holds("muxftpd.docker", "muxftpd in JSON messages", 24, 4, 49).measured(250.0),
    holds("filezilla.log", "FileZilla Server", 24, 4, 169).measured(250.0),
    holds("filezilla-0.9.log", "FileZilla Server", 24, 4, 120).measured(LESS),
    // A request before the login, which is not allowed, does not count.
    holds("iis.log", "W3C extended", 24, 4, 105).measured(LESS),
    // A kind of address that is not known does not count either.
    holds("proftpd-extended.log", "common log format", 24, 4, 57),
    holds("proftpd-system.log", "ProFTPD SystemLog", 24, 4, 145).measured(250.0),
    holds("proftpd.rfc3164", "ProFTPD SystemLog in syslog", 24, 4, 48),
    holds("pure-ftpd-clf.log", "common log format", 24, 4, 24).transfers(),
    holds("pure-ftpd-stats.log", "Pure-FTPd", 24, 4, 24).transfers(),
    holds("pure-ftpd-w3c.log", "W3C extended", 24, 4, 28).transfers(),
    holds("pure-ftpd.rfc5424", "Pure-FTPd in syslog (RFC 5424)", 24, 4, 28).transfers(),
    // Two are of SFTP.
    holds("sftpgo.json", "SFTPGo", 24, 4, 26).transfers(),
    holds("sftpgo.cri", "SFTPGo in CRI", 24, 4, 26).transfers(),
    holds("pyftpdlib.log", "pyftpdlib", 24, 4, 30).transfers(),
    holds("pyftpdlib-debug.compose", "pyftpdlib in compose", 24, 4, 144).measured(LESS),
    holds("aws-transfer.log", "AWS Transfer in timestamps", 24, 4, 53).transfers(),
    holds("aws-transfer.csv", "CSV", 24, 4, 54).transfers(),
    // Lines of another program stand between.
    holds("vsftpd.journal", "vsftpd.log in syslog", 24, 4, 169).measured(LESS),
    holds("vsftpd.journal.json", "vsftpd.log in JSON messages", 24, 4, 144).measured(250.0),
    holds("requests.tsv", "CSV", 24, 4, 25),
    holds("day-first.csv", "CSV", 24, 4, 73),
    holds("american.csv", "CSV", 24, 4, 25),
    holds("requests.json", "JSON", 24, 4, 24),
    holds("wu-ftpd.xferlog --client-names", "xferlog", 40, 6, 40).transfers(),
];

/// What it says about a log, in little time.
fn quickly(arguments: &str) -> Value {
    json(&format!("{arguments} --target 1% --requests 1000"))
}

#[test]
fn every_kind_is_recognised_and_answered() {
    for log in LOGS {
        let file = log.file;
        let told = quickly(&format!("--log {}", sample(file)));
        assert_eq!(told["log"]["format"], log.format, "{file}");
        assert_eq!(told["log"]["names_requests"], log.names_requests, "{file}");
        assert_eq!(told["log"]["requests"], log.requests, "{file}");
        assert_eq!(told["simulation"]["requests_per_replication"], log.requests, "{file}");
        assert_eq!(told["log"]["lines"], log.lines, "{file}");
        assert_eq!(told["log"]["unreadable_lines"], log.unreadable, "{file}");
        assert_eq!(told["workload"]["clients"], log.clients, "{file}");
        let mean = told["log"]["measured"]["mean_seconds"].as_f64().map(|s| (s * 1e3).round());
        assert_eq!(mean, log.measured, "{file}");
        assert!(told["with_multiplexing"]["recommended"]["ports"].as_u64().unwrap() > 0, "{file}");
    }
}

/// The requests are the same, whichever collector put the lines together.
#[test]
fn packed_and_piped_and_in_parts_it_is_the_same_log() {
    let directory = tempfile::tempdir().unwrap();
    let content = fs::read(sample("filezilla.log")).unwrap();
    let whole = quickly(&format!("--log {}", sample("filezilla.log")));
    let write = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let gzip = |content: &[u8]| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(content).unwrap();
        packed.finish().unwrap()
    };
    let half = content.iter().skip(content.len() / 2).position(|byte| *byte == b'\n').unwrap();
    let (first, second) = content.split_at(content.len() / 2 + half + 1);
    let packed = write("log.gz", &gzip(&content));
    // The parts of one log, packed one by one and put together.
    let members = write("members.gz", &[gzip(first), gzip(second)].concat());
    let zst = write("log.zst", &zstd::encode_all(&content[..], 0).unwrap());
    let (one, two) = (write("log.1", first), write("log.2", second));
    let windows = String::from_utf8(content.clone()).unwrap().replace('\n', "\r\n");
    let windows = write("windows", &[b"\xef\xbb\xbf", windows.as_bytes()].concat());
    for arguments in [packed, members, zst, format!("{one} {two}"), format!("{two} {one}"), windows]
    {
        let told = quickly(&format!("--log {arguments}"));
        assert_eq!(told["with_multiplexing"], whole["with_multiplexing"], "{arguments}");
        assert_eq!(told["log"]["requests"], 24, "{arguments}");
    }
    let piped = portsize_with("--log - --target 1% --requests 1000 --json", &content);
    let piped: Value = serde_json::from_slice(&piped.stdout).unwrap();
    assert_eq!(piped["with_multiplexing"], whole["with_multiplexing"]);
}

#[test]
fn broken_lines_are_counted_and_the_first_is_shown() {
    let text =
        succeeds(&format!("--log {} --target 1% --requests 1000", sample("proftpd.xferlog")));
    assert!(text.contains("2 of 63 lines could not be read, first line 21: \"Jul 10"), "{text}");
}

/// The answer stands in the first line.
#[test]
fn a_log_is_all_that_is_needed() {
    let text = succeeds(&format!("--log {} --requests 20000", sample("vsftpd.xferlog")));
    let first = text.lines().next().unwrap();
    let (before, after) = first.split_once(" passive port").unwrap();
    assert!(before.starts_with("You need ") && after.contains("for the target"), "{text}");
    assert!(text.contains("The busiest client, 203.0.113.5, has"), "{text}");
    assert!(text.contains("203.0.113.5 decides: on 2 ports,"), "{text}");
}

#[test]
fn the_same_seed_gives_the_same_answer() {
    let arguments = format!("--log {} --requests 20000 --seed 7", sample("requests.csv"));
    assert_eq!(succeeds(&arguments), succeeds(&arguments));
}

/// Three ports at the same moment, every minute, and nobody waits: that takes three.
#[test]
fn answers_are_those_that_a_person_would_find() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let ports = |rows: &str, more: &str| {
        fs::write(&path, rows).unwrap();
        let told = json(&format!(
            "--log {} --never 0 --wait 0s --target 1% --requests 20000 {more}",
            path.display()
        ));
        let recommended = |side: &str| told[side]["recommended"]["ports"].as_u64().unwrap();
        (recommended("with_multiplexing"), recommended("without_multiplexing"))
    };
    let mut together = String::from("time,client\n");
    for minute in 0..60 {
        for client in ["192.0.2.7:1", "192.0.2.7:2", "192.0.2.7:3", "198.51.100.1", "198.51.100.2"]
        {
            let at = 1_752_156_000 + 60 * minute;
            together.push_str(&format!("{at}.500,{client}{minute}\n"));
        }
    }
    // The others are 120 clients of one request each: with the port taken off, 192.0.2.7 is one.
    let together = together.replace("192.0.2.7:", "192.0.2.7:1").replace("198.51.100.1", "10.0.1.");
    let together = together.replace("198.51.100.2", "10.0.2.");
    assert_eq!(ports(&together, "--connect 1s"), (3, 5));
    // Two minutes apart, and held for a minute and a half: one after the other, in twice the
    // time they would be two.
    let mut slow = String::from("time,client\n");
    for number in 0..60 {
        slow.push_str(&format!("{}.500,192.0.2.7\n", 1_752_156_000 + 120 * number));
    }
    assert_eq!(ports(&slow, "--connect 90s --ttl 100s"), (1, 1));
    assert_eq!(ports(&slow, "--connect 90s --ttl 100s --times 2"), (2, 2));
    // Ten clients at the same moment need one each, and ten behind one address.
    let mut ten = String::from("time,client\n");
    for minute in 0..30 {
        for client in 0..10 {
            ten.push_str(&format!("{}.500,192.0.2.{client}\n", 1_752_156_000 + 60 * minute));
        }
    }
    assert_eq!(ports(&ten, "--connect 1s"), (1, 10));
    assert_eq!(ports(&ten, "--connect 1s --behind-one"), (10, 10));
    assert_eq!(ports(&ten, "--connect 1s --behind-one 4"), (4, 10));
}
