//! Version 1: a line of text.

use std::net::{IpAddr, SocketAddr};
use std::str::{FromStr, Split};

use super::header::{Header, HeaderError, Origin};

pub(super) const SIGNATURE: &[u8] = b"PROXY ";

/// The longest line, with its end.
const MAX_LENGTH: usize = 107;

/// Reads a line that starts as [`SIGNATURE`] does; `None` if its end is still to come.
pub(super) fn read(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let within = &bytes[..bytes.len().min(MAX_LENGTH)];
    let Some(end) = within.windows(2).position(|two| two == b"\r\n") else {
        return if within.len() < MAX_LENGTH { Ok(None) } else { Err(HeaderError::TooLong) };
    };
    let origin = read_line(&bytes[..end]).ok_or(HeaderError::Malformed)?;
    Ok(Some(Header { origin, length: end + 2 }))
}

/// Reads a line without its end.
fn read_line(line: &[u8]) -> Option<Origin> {
    let line = line.strip_prefix(SIGNATURE)?;
    // What follows this word is not looked at, not even whether it is text.
    if line == b"UNKNOWN" || line.starts_with(b"UNKNOWN ") {
        return Some(Origin::Unknown);
    }
    let mut words = str::from_utf8(line).ok()?.split(' ');
    let is_right: fn(&IpAddr) -> bool = match words.next()? {
        "TCP4" => IpAddr::is_ipv4,
        "TCP6" => IpAddr::is_ipv6,
        _ => return None,
    };
    let mut address = || words.next()?.parse().ok().filter(is_right);
    let (source, destination) = (address()?, address()?);
    let (from, to) = (port(&mut words)?, port(&mut words)?);
    words.next().is_none().then(|| Origin::Client {
        source: SocketAddr::new(source, from),
        destination: SocketAddr::new(destination, to),
    })
}

/// Digits without a sign, and without a zero before others.
fn port(words: &mut Split<'_, char>) -> Option<u16> {
    let word = words.next()?;
    let plain = word == "0" || !word.starts_with(['0', '+']);
    u16::from_str(word).ok().filter(|_| plain)
}
