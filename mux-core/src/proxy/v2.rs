//! Version 2: binary, with a length.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::checksum;
use super::header::{Header, HeaderError, MAX_HEADER_LENGTH, Origin};

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The signature, the version with the command, the family with the protocol, and the length of
/// what follows.
const FIXED: usize = 16;

/// The type of the extension that holds a checksum.
const CRC32C: u8 = 3;

/// Reads a header that starts as [`SIGNATURE`] does; `None` if not all of it is there.
pub(super) fn read(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let rest = &bytes[bytes.len().min(SIGNATURE.len())..];
    // What is wrong is said as early as it is known.
    let &[version_and_command, ref rest @ ..] = rest else { return Ok(None) };
    if version_and_command >> 4 != 2 {
        return Err(HeaderError::Version);
    }
    let is_local = match version_and_command & 15 {
        0 => true,
        1 => false,
        _ => return Err(HeaderError::Malformed),
    };
    let &[family, ref rest @ ..] = rest else { return Ok(None) };
    // A health check may say anything here.
    let addresses = match family {
        _ if is_local => 0,
        0x00 => 0,
        0x11 => 12,
        0x21 => 36,
        _ => return Err(HeaderError::Family),
    };
    let &[high, low, ..] = rest else { return Ok(None) };
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > MAX_HEADER_LENGTH {
        return Err(HeaderError::TooLong);
    }
    if length < FIXED + addresses {
        return Err(HeaderError::Malformed);
    }
    let Some(header) = bytes.get(..length) else { return Ok(None) };

    // Nobody knows where the extensions of a family begin that is not known.
    match family {
        0x00 => extensions(header, FIXED)?,
        0x11 if length >= FIXED + 12 => extensions(header, FIXED + 12)?,
        0x21 if length >= FIXED + 36 => extensions(header, FIXED + 36)?,
        _ => {}
    }
    let origin = match family {
        _ if is_local => Origin::Local,
        0x11 => pair(&header[FIXED..], |ip: [u8; 4]| Ipv4Addr::from(ip).into()),
        0x21 => pair(&header[FIXED..], |ip: [u8; 16]| Ipv6Addr::from(ip).into()),
        _ => Origin::Unknown,
    };
    Ok(Some(Header { origin, length }))
}

/// Two addresses of `N` bytes, and two ports. The caller has seen that they are there.
fn pair<const N: usize>(bytes: &[u8], address: impl Fn([u8; N]) -> IpAddr) -> Origin {
    let at = |start: usize| {
        let mut ip = [0; N];
        ip.copy_from_slice(&bytes[start * N..][..N]);
        let port = &bytes[2 * N + 2 * start..];
        SocketAddr::new(address(ip), u16::from_be_bytes([port[0], port[1]]))
    };
    Origin::Client { source: at(0), destination: at(1) }
}

/// Goes over the extensions from `start` to the end of the header, and verifies the checksum where
/// there is one.
fn extensions(header: &[u8], start: usize) -> Result<(), HeaderError> {
    let mut at = start;
    let mut checksum = None;
    while at < header.len() {
        let [kind, high, low] = *header.get(at..at + 3).ok_or(HeaderError::Malformed)? else {
            return Err(HeaderError::Malformed);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let value = at + 3..at + 3 + length;
        if value.end > header.len() {
            return Err(HeaderError::Malformed);
        }
        at = value.end;
        if kind == CRC32C && (length != 4 || checksum.replace(value).is_some()) {
            return Err(HeaderError::Malformed);
        }
    }
    let Some(value) = checksum else { return Ok(()) };
    // It is that of the header with zeros in its own place.
    let parts = [&header[..value.start], &[0; 4], &header[value.end..]];
    if header[value] == checksum::crc32c(parts).to_be_bytes() {
        Ok(())
    } else {
        Err(HeaderError::Checksum)
    }
}
