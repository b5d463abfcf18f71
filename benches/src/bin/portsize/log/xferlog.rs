//! xferlog, as vsftpd, ProFTPD and wu-ftpd write it: one line at the end of each transfer.
//!
//! ```text
//! Thu Jul 10 14:02:31 2025 12 192.0.2.7 1048576 /pub/file b _ o a user@ ftp 0 * c
//! ```
//!
//! The time is that of the end, in whole seconds; the number after it is how many seconds the
//! transfer took.

use super::time::ctime;
use super::{Entry, Line};

pub(super) fn line(text: &str) -> Line<'_> {
    parse(text).unwrap_or(Line::Malformed)
}

fn parse(text: &str) -> Option<Line<'_>> {
    let mut words = text.split_ascii_whitespace();
    let end = ctime(&mut words)?;
    let seconds: f64 = words.next()?.parse().ok().filter(|s| (0.0..1e7).contains(s))?;
    let client = words.next()?;
    let _size: u64 = words.next()?.parse().ok()?;
    // The file's name may have blanks in it. After it come: type, action, direction, access,
    // user, service, authentication, its user, completion.
    let direction = text.split_ascii_whitespace().rev().nth(6)?;
    match direction {
        "i" | "o" => Some(Line::Transfer(Entry {
            at: end - (seconds * 1e9) as i64,
            client,
            whole_second: true,
        })),
        // ProFTPD: a file was deleted, without a data connection.
        "d" => Some(Line::Other),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_began_its_duration_before_its_end() {
        let a = "Thu Jul 10 14:02:31 2025 12 192.0.2.7 1048576 /a b b _ o r bob ftp 0 * c";
        let b = "Thu Jul  3 14:02:31 2025 0 client.example.org 0 /a b _ i a x@ ftp 1 bob i";
        let (Line::Transfer(a), Line::Transfer(b)) = (line(a), line(b)) else { panic!() };
        assert_eq!((a.client, b.client), ("192.0.2.7", "client.example.org"));
        assert_eq!(a.at, 1_752_156_139_000_000_000);
        assert_eq!((a.at - b.at) / 1_000_000_000, 7 * 86_400 - 12);
    }

    #[test]
    fn what_is_not_a_transfer() {
        let deleted = "Thu Jul 10 14:02:31 2025 0 192.0.2.7 9 /a b _ d r bob ftp 0 * c";
        assert_eq!(line(deleted), Line::Other);
        for text in [
            "",
            "Thu Jul 10 14:02:31 2025",
            "Thu Jul 32 14:02:31 2025 12 192.0.2.7 9 /a b _ o r bob ftp 0 * c",
            "Thu Jul 10 14:02:31 2025 -1 192.0.2.7 9 /a b _ o r bob ftp 0 * c",
            "Thu Jul 10 14:02:31 2025 12 192.0.2.7 9 /a b _ x r bob ftp 0 * c",
        ] {
            assert_eq!(line(text), Line::Malformed, "{text}");
        }
    }
}
