//! Any bytes as arguments of `OPTS MLST` and of `MFMT`.

use muxftpd::storage::{Facts, time_value};

const NAMES: [&str; 6] = ["type", "size", "modify", "perm", "unix.mode", "unique"];

/// Reads the bytes as both, and compares with plainer readings.
///
/// # Panics
///
/// If they differ.
pub fn run(bytes: &[u8]) {
    let facts = Facts::parse(bytes);
    let given: Vec<String> = bytes
        .split(|byte| *byte == b';')
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
        .collect();
    let chosen = NAMES.iter().filter(|name| given.iter().any(|given| given == *name));
    let expected: String = chosen.map(|name| format!("{name};")).collect();
    assert_eq!(facts.to_string(), expected);
    assert_eq!(Facts::parse(expected.as_bytes()), facts);
    assert_eq!(facts.feature().matches('*').count(), expected.matches(';').count());

    let space = bytes.iter().position(|byte| *byte == b' ');
    let time = &bytes[..space.unwrap_or(bytes.len())];
    let path = space.map(|space| &bytes[space + 1..]).filter(|path| !path.is_empty());
    let read = time_value::parse(time);
    assert_eq!(time_value::parse_with_path(bytes), read.zip(path));
    let text = String::from_utf8_lossy(time);
    let shape = text.bytes().enumerate().all(|(at, byte)| match at {
        14 => byte == b'.',
        _ => byte.is_ascii_digit(),
    });
    if !shape || text.len() < 14 || text.len() == 15 {
        assert_eq!(read, None, "{text}");
        return;
    }
    // Nanoseconds are the most that the other reading knows, and 1970 the earliest.
    let fraction = &text[14..text.len().min(24)];
    let (date, clock) = text[..14].split_at(8);
    let other = humantime::parse_rfc3339(&format!(
        "{}-{}-{}T{}:{}:{}{fraction}Z",
        &date[..4],
        &date[4..6],
        &date[6..],
        &clock[..2],
        &clock[2..4],
        &clock[4..]
    ));
    if &date[..4] >= "1970" {
        assert_eq!(read, other.ok(), "{text}");
    }
}
