//! Any bytes, read as the start of a connection that a proxy passes on.

use std::net::{IpAddr, SocketAddr};

use mux_core::proxy::{Header, MAX_HEADER_LENGTH, Origin, Progress, read};

/// Reads a header from the bytes as they come, and compares it with a plainer reading of all.
///
/// # Panics
///
/// If the two disagree, or the verdict changes when more bytes come.
pub fn run(bytes: &[u8]) {
    let mut verdict = Progress::More;
    for length in 0..=bytes.len().min(MAX_HEADER_LENGTH + 1) {
        let now = read(&bytes[..length]);
        assert!(verdict == Progress::More || verdict == now, "{verdict:?}, then {now:?}");
        verdict = now;
    }
    assert_eq!(read(bytes), verdict);
    match verdict {
        Progress::More => assert!(bytes.len() < MAX_HEADER_LENGTH),
        Progress::Refused(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(plain(bytes), None, "{error}");
        }
        Progress::Header(header) => {
            assert!(header.length <= MAX_HEADER_LENGTH);
            assert_eq!(read(&bytes[..header.length]), verdict);
            assert_eq!(plain(bytes), Some(header));
        }
    }
}

/// The header at the start of the bytes, if there is a whole one.
fn plain(bytes: &[u8]) -> Option<Header> {
    if let Some(rest) = bytes.strip_prefix(b"PROXY ") {
        let end = (0..rest.len()).find(|&at| rest[at..].starts_with(b"\r\n"))?;
        let length = 6 + end + 2;
        let origin = line(&rest[..end])?;
        return (length <= 107).then_some(Header { origin, length });
    }
    let rest = bytes.strip_prefix(b"\r\n\r\n\x00\r\nQUIT\n")?;
    let length = usize::from(*rest.get(2)?) * 256 + usize::from(*rest.get(3)?);
    let body = rest.get(4..4 + length)?;
    let (half, is_ours) = match rest[1] {
        0x00 => (0, true),
        0x11 => (4, true),
        0x21 => (16, true),
        _ => (0, false),
    };
    let addresses = if half == 0 { 0 } else { 2 * half + 4 };
    let is_good = 16 + length <= MAX_HEADER_LENGTH && {
        // A family that is not known, or addresses that are left out, hide what comes after.
        let hidden = !is_ours || length < addresses;
        hidden || extensions_are_good(&bytes[..16 + length], 16 + addresses)
    };
    let origin = match rest[0] {
        0x20 => Origin::Local,
        0x21 if is_ours && length >= addresses => match half {
            0 => Origin::Unknown,
            _ => Origin::Client {
                source: SocketAddr::new(ip(&body[..half]), number(&body[2 * half..])),
                destination: SocketAddr::new(
                    ip(&body[half..2 * half]),
                    number(&body[2 * half + 2..]),
                ),
            },
        },
        _ => return None,
    };
    is_good.then_some(Header { origin, length: 16 + length })
}

fn line(text: &[u8]) -> Option<Origin> {
    if text == b"UNKNOWN" || text.starts_with(b"UNKNOWN ") {
        return Some(Origin::Unknown);
    }
    let words: Vec<&str> = str::from_utf8(text).ok()?.split(' ').collect();
    let [family, source, destination, from, to] = words[..] else { return None };
    let address = |ip: &str, port: &str| {
        let ip: IpAddr = ip.parse().ok()?;
        let number: u32 = port.parse().ok().filter(|&port| port < 65_536)?;
        let is_right = number.to_string() == port && ip.is_ipv4() == (family == "TCP4");
        is_right.then(|| SocketAddr::new(ip, number as u16))
    };
    let origin =
        Origin::Client { source: address(source, from)?, destination: address(destination, to)? };
    ["TCP4", "TCP6"].contains(&family).then_some(origin)
}

fn ip(bytes: &[u8]) -> IpAddr {
    match <[u8; 4]>::try_from(bytes) {
        Ok(ipv4) => ipv4.into(),
        Err(_) => <[u8; 16]>::try_from(bytes).expect("4 or 16 bytes").into(),
    }
}

fn number(bytes: &[u8]) -> u16 {
    u16::from(bytes[0]) << 8 | u16::from(bytes[1])
}

fn extensions_are_good(header: &[u8], start: usize) -> bool {
    let mut rest = &header[start..];
    let mut sums = Vec::new();
    while let [kind, high, low, value @ ..] = rest {
        let length = usize::from(*high) * 256 + usize::from(*low);
        if value.len() < length {
            return false;
        }
        if *kind == 3 {
            sums.push((header.len() - value.len(), length));
        }
        rest = &value[length..];
    }
    let sum_is_good = match sums[..] {
        [] => true,
        [(at, 4)] => {
            let mut whole = header.to_vec();
            whole[at..at + 4].fill(0);
            sum(&whole).to_be_bytes() == header[at..at + 4]
        }
        _ => false,
    };
    rest.is_empty() && sum_is_good
}

/// CRC-32C by long division.
fn sum(bytes: &[u8]) -> u32 {
    let mut remainder = u32::MAX;
    for byte in bytes {
        remainder ^= u32::from(*byte);
        for _ in 0..8 {
            remainder = remainder >> 1 ^ if remainder & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    !remainder
}
