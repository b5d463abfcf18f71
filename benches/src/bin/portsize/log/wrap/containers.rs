//! What runs containers puts a time before each line, or the container's name.

use super::Off;
use crate::log::time::Times;

/// Both need a zone: a line of a server that begins with its local time is not wrapped.
pub(super) fn timestamp(text: &[u8], times: &mut Times) -> Option<Off> {
    let (at, rest) = times.iso(text)?;
    let rest = rest.strip_prefix(b" ")?;
    at.zoned.then(|| Off { at: Some(at), ..Off::end(text, rest) })
}

pub(super) fn cri(text: &[u8], times: &mut Times) -> Option<Off> {
    let (at, rest) = times.iso(text)?;
    let rest = rest.strip_prefix(b" stdout ").or_else(|| rest.strip_prefix(b" stderr "))?;
    let rest = rest.strip_prefix(b"F ").or_else(|| rest.strip_prefix(b"P "))?;
    Some(Off { at: Some(at), ..Off::end(text, rest) })
}

pub(super) fn compose(text: &[u8]) -> Option<Off> {
    let bar = memchr::memchr(b'|', text)?;
    let name = text[..bar].trim_ascii();
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || text[bar - 1] != b' ' || !name.iter().all(allowed) {
        return None;
    }
    let rest = &text[bar + 1..];
    Some(Off::end(text, rest.strip_prefix(b" ").unwrap_or(rest)))
}

pub(super) fn pod(text: &[u8]) -> Option<Off> {
    let rest = text.strip_prefix(b"[pod/")?;
    let end = memchr::memchr(b']', rest)?;
    Some(Off::end(text, rest[end + 1..].strip_prefix(b" ")?))
}

/// A stream's name never has a blank, and what follows is an object.
pub(super) fn stream(text: &[u8], times: &mut Times) -> Option<Off> {
    let (at, rest) = times.iso(text)?;
    let rest = rest.strip_prefix(b" ")?;
    let rest = &rest[memchr::memchr(b' ', rest)? + 1..];
    (rest.first() == Some(&b'{')).then(|| Off { at: Some(at), ..Off::end(text, rest) })
}
