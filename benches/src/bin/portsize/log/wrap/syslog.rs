//! What syslog and journald put before a message.

use super::Off;
use crate::log::session;
use crate::log::time::{Moment, Times};

/// `<134>` at the beginning, if it is there.
fn priority(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"<")?;
    let end = memchr::memchr(b'>', rest).filter(|end| (1..=3).contains(end))?;
    rest[..end].iter().all(u8::is_ascii_digit).then(|| &rest[end + 1..])
}

/// RFC 3164, with its time or another: a file that rsyslog has written, `journalctl -o short`,
/// `short-iso`, `short-full`, `short-unix`.
pub(super) fn rfc3164(text: &[u8], times: &mut Times) -> Option<Off> {
    let (at, rest) = moment(priority(text).unwrap_or(text), times)?;
    let (_host, rest) = word(rest.strip_prefix(b" ")?)?;
    let (tag, rest) = word(rest)?;
    let tag = tag.strip_suffix(b":")?;
    let (program, pid) = match memchr::memchr(b'[', tag) {
        Some(bracket) => (&tag[..bracket], Some(tag[bracket..].as_ref())),
        None => (tag, None),
    };
    Some(Off {
        at: Some(at),
        program: Some(program.into()),
        session: pid.map(|pid| session(&[pid])),
        ..Off::end(text, rest)
    })
}

fn moment<'a>(text: &'a [u8], times: &mut Times) -> Option<(Moment, &'a [u8])> {
    if let Some(found) = times.syslog(text).or_else(|| times.iso(text)) {
        return Some(found);
    }
    let (first, rest) = word(text)?;
    match Times::epoch(first) {
        Some(at) => Some((at, &text[first.len()..])),
        // `Thu 2025-07-10 14:02:31 UTC`
        None if first.len() == 3 => {
            let (at, left) = times.iso(rest)?;
            // Another zone's name is left.
            let blank = left.strip_prefix(b" ").and_then(|left| memchr::memchr(b' ', left));
            match blank {
                Some(end)
                    if !at.zoned && left[1..=end].iter().all(u8::is_ascii_uppercase) && end > 1 =>
                {
                    Some((at, &left[end + 1..]))
                }
                _ => Some((at, left)),
            }
        }
        None => None,
    }
}

pub(super) fn rfc5424(text: &[u8], times: &mut Times) -> Option<Off> {
    let rest = priority(text)?.strip_prefix(b"1 ")?;
    let (time, rest) = word(rest)?;
    let at = times.iso(time).map(|(at, _)| at);
    let (_host, rest) = word(rest)?;
    let (program, rest) = word(rest)?;
    let (pid, rest) = word(rest)?;
    let (_id, rest) = word(rest)?;
    let rest = structured(rest)?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let rest = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
    Some(Off {
        at,
        program: (program != b"-").then(|| program.into()),
        session: (pid != b"-").then(|| session(&[pid])),
        ..Off::end(text, rest)
    })
}

/// What follows structured data.
fn structured(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"-") {
        return Some(rest);
    }
    let mut rest = text;
    while rest.first() == Some(&b'[') {
        let (mut quoted, mut escaped) = (false, false);
        let end = rest.iter().position(|&byte| {
            let end = byte == b']' && !quoted;
            if byte == b'"' && !escaped {
                quoted = !quoted;
            }
            escaped = byte == b'\\' && !escaped;
            end
        })?;
        rest = &rest[end + 1..];
    }
    (rest.len() < text.len()).then_some(rest)
}

fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', text)?;
    (end > 0).then(|| (&text[..end], &text[end + 1..]))
}
