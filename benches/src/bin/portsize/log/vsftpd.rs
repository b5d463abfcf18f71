//! vsftpd's own log (`/var/log/vsftpd.log`).
//!
//! ```text
//! Thu Jul 10 14:02:31 2025 [pid 7] [bob] OK DOWNLOAD: Client "192.0.2.7", "/a", 2048 bytes, 512.00Kbyte/sec
//! Thu Jul 10 14:02:29 2025 [pid 7] [bob] FTP command: Client "192.0.2.7", "PASV"
//! ```
//!
//! Transfers are logged at their end; how long they took follows from size and speed. With
//! `log_ftp_protocol=YES`, the commands themselves are there.

use super::time::ctime;
use super::{Entry, Line};

pub(super) fn line(text: &str) -> Line<'_> {
    parse(text).unwrap_or(Line::Malformed)
}

fn parse(text: &str) -> Option<Line<'_>> {
    let (date, rest) = text.split_once(" [pid ")?;
    let at = ctime(&mut date.split_ascii_whitespace())?;
    // "7] [bob] OK DOWNLOAD", or "7] CONNECT" before somebody has logged in.
    let Some((head, rest)) = rest.split_once(": Client \"") else { return Some(Line::Other) };
    let (client, rest) = rest.split_once('"')?;
    let what = head.rsplit_once("] ")?.1;
    let entry = |at| Entry { at, client, whole_second: true };
    Some(match what {
        "OK DOWNLOAD" | "OK UPLOAD" | "FAIL DOWNLOAD" | "FAIL UPLOAD" => {
            Line::Transfer(entry(at - took(rest).unwrap_or(0)))
        }
        "FTP command" if matches!(rest, ", \"PASV\"" | ", \"EPSV\"") => Line::Request(entry(at)),
        _ => Line::Other,
    })
}

/// How long a transfer took, in nanoseconds, from `..., 2048 bytes, 512.00Kbyte/sec`.
fn took(text: &str) -> Option<i64> {
    let (text, speed) = text.rsplit_once(", ")?;
    let speed: f64 = speed.trim_end().strip_suffix("Kbyte/sec")?.parse().ok()?;
    let bytes: f64 = text.rsplit_once(", ")?.1.strip_suffix(" bytes")?.parse().ok()?;
    let seconds = bytes / (speed * 1024.0);
    (0.0..1e7).contains(&seconds).then_some((seconds * 1e9) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_began_before_its_end() {
        let text = "Thu Jul 10 14:02:31 2025 [pid 7] [bob] OK DOWNLOAD: Client \
                    \"::ffff:192.0.2.7\", \"/a, b\", 2048 bytes, 0.50Kbyte/sec";
        let Line::Transfer(entry) = line(text) else { panic!() };
        assert_eq!(entry.client, "::ffff:192.0.2.7");
        assert_eq!(entry.at, 1_752_156_151_000_000_000 - 4_000_000_000);
        let failed = "Thu Jul 10 14:02:31 2025 [pid 7] [bob] FAIL UPLOAD: Client \
                      \"192.0.2.7\", \"/a\", 0.00Kbyte/sec";
        assert!(matches!(line(failed), Line::Transfer(entry) if entry.at % 1_000_000_000 == 0));
    }

    #[test]
    fn commands_are_requests_and_the_rest_is_something_else() {
        let about =
            |text| format!("Thu Jul 10 14:02:31 2025 [pid 7] [bob] {text}: Client \"192.0.2.7\"");
        for command in ["PASV", "EPSV"] {
            let text = format!("{}, \"{command}\"", about("FTP command"));
            assert!(matches!(line(&text), Line::Request(_)), "{text}");
        }
        for text in [
            format!("{}, \"RETR a\"", about("FTP command")),
            format!("{}, \"227 Entering Passive Mode (192,0,2,1,32,0).\"", about("FTP response")),
            about("OK LOGIN"),
            about("OK MKDIR"),
            "Thu Jul 10 14:02:31 2025 [pid 2] CONNECT: Client \"192.0.2.7\"".to_owned(),
        ] {
            assert_eq!(line(&text), Line::Other, "{text}");
        }
        for text in ["", "Thu Jul 10 14:02:31 2025", "yesterday [pid 2] CONNECT: Client \"a\""] {
            assert_eq!(line(text), Line::Malformed, "{text}");
        }
    }
}
