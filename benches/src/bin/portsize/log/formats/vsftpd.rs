//! vsftpd's own log (`/var/log/vsftpd.log`), and what it gives to syslog, without the time.
//!
//! ```text
//! Thu Jul 10 14:02:31 2025 [pid 7] [bob] OK DOWNLOAD: Client "192.0.2.7", "/a", 2048 bytes, 512.00Kbyte/sec
//! Thu Jul 10 14:02:29 2025 [pid 7] [bob] FTP command: Client "192.0.2.7", "PASV"
//! ```
//!
//! Transfers are logged at their end; how long they took follows from size and speed. With
//! `log_ftp_protocol=YES`, the commands themselves and their replies are there.

use super::text::{cut, cut_last, number, took};
use crate::log::time::Times;
use crate::log::words::control;
use crate::log::{Event, Outer, Said, What, session};

pub(super) fn line<'a>(text: &'a [u8], outer: Outer, times: &mut Times) -> Said<'a> {
    parse(text, outer, times).unwrap_or(Said::Unreadable)
}

fn parse<'a>(text: &'a [u8], outer: Outer, times: &mut Times) -> Option<Said<'a>> {
    let (at, rest) = match times.ctime(text) {
        Some((at, rest)) => (at, rest.strip_prefix(b" ")?),
        None => (outer.at?, text),
    };
    let (pid, rest) = match rest.strip_prefix(b"[pid ") {
        Some(rest) => cut(rest, b"] ")?,
        None => (&b""[..], rest),
    };
    // "[bob] OK DOWNLOAD", or "CONNECT" before somebody has logged in.
    let Some((head, rest)) = cut(rest, b": Client \"") else {
        return (!pid.is_empty()).then_some(Said::Other);
    };
    let (client, rest) = cut(rest, b"\"")?;
    let what = cut_last(head, b"] ").map_or(head, |(_, what)| what);
    let said = || rest.strip_prefix(b", \"")?.strip_suffix(b"\"");
    let what = match what {
        b"FTP command" | b"FTP response" => control(said()?).unwrap_or(What::Nothing),
        b"OK DOWNLOAD" | b"OK UPLOAD" | b"FAIL DOWNLOAD" | b"FAIL UPLOAD" | b"OK APPEND"
        | b"FAIL APPEND" => What::Transferred { took: duration(rest) },
        b"CONNECT" => What::Nothing,
        _ if [b"OK".as_slice(), b"FAIL", b"DEBUG"].iter().any(|word| what.starts_with(word)) => {
            What::Nothing
        }
        _ => return None,
    };
    let session = match (pid, outer.session) {
        (b"", None) => None,
        (b"", Some(outer)) => Some(outer),
        (pid, _) => Some(session(&[pid, client])),
    };
    Some(Said::Event(Event { at, client: Some(client), session, what }))
}

/// How long a transfer took, in nanoseconds, from `..., 2048 bytes, 512.00Kbyte/sec`.
fn duration(text: &[u8]) -> Option<i64> {
    let (text, speed) = cut_last(text, b", ")?;
    let speed = number(speed.trim_ascii().strip_suffix(b"Kbyte/sec")?)?;
    let bytes = number(cut_last(text, b", ")?.1.strip_suffix(b" bytes")?)?;
    took(bytes / (speed * 1024.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn read(text: &str) -> Said<'_> {
        line(text.as_bytes(), Outer::default(), &mut Times::default())
    }

    fn what(text: &str) -> What {
        let Said::Event(event) = read(text) else { panic!("{text}") };
        event.what
    }

    #[test]
    fn a_transfer_and_how_long_it_took() {
        let text = "Thu Jul 10 14:02:31 2025 [pid 7] [bob] OK DOWNLOAD: Client \
                    \"::ffff:192.0.2.7\", \"/a, b\", 2048 bytes, 0.50Kbyte/sec";
        let Said::Event(event) = read(text) else { panic!() };
        assert_eq!(event.client, Some(&b"::ffff:192.0.2.7"[..]));
        assert_eq!(event.at.at, 1_752_156_151 * SECOND);
        assert_eq!(event.what, What::Transferred { took: Some(4 * SECOND) });
        let failed = "Thu Jul 10 14:02:31 2025 [pid 7] [bob] FAIL UPLOAD: Client \
                      \"192.0.2.7\", \"/a\", 0.00Kbyte/sec";
        assert_eq!(what(failed), What::Transferred { took: None });
    }

    #[test]
    fn commands_replies_and_the_rest() {
        let about =
            |text| format!("Thu Jul 10 14:02:31 2025 [pid 7] [bob] {text}: Client \"192.0.2.7\"");
        for (text, expected) in [
            (format!("{}, \"PASV\"", about("FTP command")), What::Asked),
            (format!("{}, \"RETR a\"", about("FTP command")), What::Fetch),
            (
                format!("{}, \"227 Entering Passive Mode (1,2,3,4,32,0).\"", about("FTP response")),
                What::Replied(227),
            ),
            (about("OK LOGIN"), What::Nothing),
            (about("OK MKDIR"), What::Nothing),
            (
                "Thu Jul 10 14:02:31 2025 [pid 2] CONNECT: Client \"192.0.2.7\"".to_owned(),
                What::Nothing,
            ),
        ] {
            assert_eq!(what(&text), expected, "{text}");
        }
        for text in ["", "Thu Jul 10 14:02:31 2025", "yesterday [pid 2] CONNECT: Client \"a\""] {
            assert_eq!(read(text), Said::Unreadable, "{text}");
        }
    }
}
