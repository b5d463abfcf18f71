//! xferlog, as vsftpd, ProFTPD and wu-ftpd write it: one line at the end of each transfer.
//!
//! ```text
//! Thu Jul 10 14:02:31 2025 12 192.0.2.7 1048576 /pub/file b _ o a user@ ftp 0 * c
//! ```
//!
//! The time is that of the end, in whole seconds; the number after it is how many seconds the
//! transfer took.

use memchr::memrchr;

use super::text::{cut, number, took};
use crate::log::time::Times;
use crate::log::{Event, Outer, Said, What};

pub(super) fn line<'a>(text: &'a [u8], _outer: Outer, times: &mut Times) -> Said<'a> {
    parse(text, times).unwrap_or(Said::Unreadable)
}

fn parse<'a>(text: &'a [u8], times: &mut Times) -> Option<Said<'a>> {
    let (at, rest) = times.ctime(text)?;
    let (seconds, rest) = cut(rest.trim_ascii_start(), b" ")?;
    let (client, rest) = cut(rest.trim_ascii_start(), b" ")?;
    let (size, mut rest) = cut(rest, b" ")?;
    if size.is_empty() || !size.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let took = match seconds {
        // Mostly it takes no time to speak of.
        [digit @ b'0'..=b'9'] => i64::from(digit - b'0') * 1_000_000_000,
        _ => took(number(seconds)?)?,
    };
    // The file's name may have blanks in it. After it come: type, action, direction, access,
    // user, service, authentication, its user, completion.
    for _ in 0..6 {
        rest = &rest[..memrchr(b' ', rest)?];
    }
    let what = match rest {
        [.., b' ', b'i' | b'o'] => What::Transferred { took: Some(took) },
        // ProFTPD: a file was deleted, without a data connection.
        [.., b' ', b'd'] => What::Nothing,
        _ => return None,
    };
    Some(Said::Event(Event { at, client: Some(client), session: None, what }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(i64, String, What)> {
        match line(text.as_bytes(), Outer::default(), &mut Times::default()) {
            Said::Event(Event { at, client, what, .. }) => {
                Some((at.at, String::from_utf8(client.unwrap().to_vec()).unwrap(), what))
            }
            _ => None,
        }
    }

    #[test]
    fn a_transfer_its_duration_and_its_client() {
        let a = "Thu Jul 10 14:02:31 2025 12 192.0.2.7 1048576 /a b b _ o r bob ftp 0 * c";
        let b = "Thu Jul  3 14:02:31 2025 0 client.example.org 0 /a b _ i a x@ ftp 1 bob i";
        let took = |seconds: i64| What::Transferred { took: Some(seconds * 1_000_000_000) };
        let at = 1_752_156_151_000_000_000;
        assert_eq!(read(a), Some((at, "192.0.2.7".into(), took(12))));
        let week = 7 * 86_400 * 1_000_000_000;
        assert_eq!(read(b), Some((at - week, "client.example.org".into(), took(0))));
        let deleted = "Thu Jul 10 14:02:31 2025 0 192.0.2.7 9 /a b _ d r bob ftp 0 * c";
        assert_eq!(read(deleted), Some((at, "192.0.2.7".into(), What::Nothing)));
    }

    #[test]
    fn what_is_not_a_transfer() {
        for text in [
            "",
            "Thu Jul 10 14:02:31 2025",
            "Thu Jul 32 14:02:31 2025 12 192.0.2.7 9 /a b _ o r bob ftp 0 * c",
            "Thu Jul 10 14:02:31 2025 -1 192.0.2.7 9 /a b _ o r bob ftp 0 * c",
            "Thu Jul 10 14:02:31 2025 12 192.0.2.7 9 /a b _ x r bob ftp 0 * c",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
