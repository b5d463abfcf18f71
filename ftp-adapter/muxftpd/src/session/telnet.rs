//! What of Telnet there is in FTP: control connections follow it (RFC 959, section 4.1; RFC 1123,
//! section 4.1.2.12).

/// Interpret as command.
const IAC: u8 = 0xff;

/// WILL, WONT, DO and DONT, which an option follows.
const OPTIONS: std::ops::RangeInclusive<u8> = 0xfb..=0xfe;

/// The other commands, IP and DM among them, which clients send before `ABOR`.
const COMMANDS: std::ops::RangeInclusive<u8> = 0xf0..=0xfa;

/// A line as it was meant: without its end, and without the commands of Telnet.
///
/// No keyword begins with such a byte, so all of them are passed over at the start, also where the
/// escape before them was lost as urgent data. Behind that, an escape that escapes nothing is the
/// letter that it is in Latin-1. CR NUL is a CR.
pub fn line(bytes: &[u8]) -> Vec<u8> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let mut rest = &bytes[bytes.iter().take_while(|byte| **byte >= *COMMANDS.start()).count()..];
    let mut line = Vec::with_capacity(rest.len());
    while let Some(at) = memchr::memchr2(IAC, b'\r', rest) {
        line.extend_from_slice(&rest[..at]);
        let passed = match (rest[at], rest.get(at + 1)) {
            (IAC, Some(next)) if OPTIONS.contains(next) => 3,
            (IAC, Some(next)) if COMMANDS.contains(next) => 2,
            (IAC, Some(&IAC)) | (b'\r', Some(0)) => {
                line.push(rest[at]);
                2
            }
            (byte, _) => {
                line.push(byte);
                1
            }
        };
        rest = rest.get(at + passed..).unwrap_or_default();
    }
    line.extend_from_slice(rest);
    line
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn what_belongs_to_telnet_is_no_part_of_a_line() {
        for (sent, meant) in [
            (&b"NOOP\r\n"[..], &b"NOOP"[..]),
            (b"NOOP\n", b"NOOP"),
            (b"\r\n", b""),
            (b"\xff\xf4\xff\xf2ABOR\r\n", b"ABOR"),
            (b"\xff\xf4\xffABOR\r\n", b"ABOR"),
            (b"\xf2ABOR\r\n", b"ABOR"),
            (b"AB\xff\xf4\xff\xf2OR\r\n", b"ABOR"),
            (b"NO\xff\xfd\x06OP\r\n", b"NOOP"),
            (b"NOOP\xff\xfd\r\n", b"NOOP"),
            (b"STOR a\xff\xffb\r\n", b"STOR a\xffb"),
            (b"STOR a\xffb\r\n", b"STOR a\xffb"),
            (b"STOR a\xff\r\n", b"STOR a\xff"),
            (b"STOR a\r\0b\r\n", b"STOR a\rb"),
            (b"STOR M\xfcller\r\n", b"STOR M\xfcller"),
        ] {
            assert_eq!(line(sent), meant, "{sent:?}");
        }
    }
}
