//! The common log format, as ProFTPD's ExtendedLog and Pure-FTPd write it: a line when a command
//! has ended.
//!
//! ```text
//! 192.0.2.7 UNKNOWN bob [10/Jul/2025:14:02:31 +0000] "EPSV" 229 62
//! 192.0.2.7 - bob [10/Jul/2025:14:02:31 -0000] "GET /pub/file" 200 2048
//! ```

use memchr::memmem;

use super::text::cut;
use crate::log::time::Times;
use crate::log::words::{code, event};
use crate::log::{Event, Outer, Said, What};

pub(super) fn line<'a>(text: &'a [u8], _outer: Outer, times: &mut Times) -> Said<'a> {
    parse(text, times).unwrap_or(Said::Unreadable)
}

fn parse<'a>(text: &'a [u8], times: &mut Times) -> Option<Said<'a>> {
    let (client, rest) = cut(text, b" ")?;
    let (_who, rest) = cut(rest, b" [")?;
    let (at, rest) = times.clf(rest)?;
    let rest = rest.strip_prefix(b"] \"")?;
    let (request, after) =
        cut(rest, b"\" ").or_else(|| Some((rest.strip_suffix(b"\"")?, &b""[..])))?;
    // A web server's.
    if memmem::find(request, b" HTTP/").is_some() {
        return None;
    }
    let code = code(after);
    // Pure-FTPd calls transfers as the web does.
    let transfers = request.starts_with(b"GET ") || request.starts_with(b"PUT ");
    let said = if transfers { What::Fetch } else { event(request)? };
    let what = match (said, code) {
        (What::Asked, Some(code)) => What::AskedAndReplied(code),
        // The command has ended, and the transfer with it.
        (What::Fetch, _) => What::Transferred { took: None },
        (what, _) => what,
    };
    Some(Said::Event(Event { at, client: Some(client), session: None, what }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ftp_commands_but_not_those_of_the_web() {
        let mut times = Times::default();
        let mut what = |text: &str| match line(text.as_bytes(), Outer::default(), &mut times) {
            Said::Event(event) => Some(event.what),
            _ => None,
        };
        let took = What::Transferred { took: None };
        for (request, expected) in [
            ("\"EPSV\" 229 62", Some(What::AskedAndReplied(229))),
            ("\"PASV\" - -", Some(What::Asked)),
            ("\"RETR a \"b\"\" 226 2048", Some(took)),
            ("\"GET /pub/file\" 200 2048", Some(took)),
            ("\"USER bob\" 331 33", Some(What::Nothing)),
            ("\"GET /pub/file HTTP/1.1\" 200 2048", None),
            ("\"FROB\" 200 1", None),
        ] {
            let text = format!("192.0.2.7 UNKNOWN bob b [10/Jul/2025:14:02:31 +0000] {request}");
            assert_eq!(what(&text), expected, "{text}");
        }
    }
}
