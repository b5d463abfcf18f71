//! FileZilla Server's log, of version 1 and of the versions before it.
//!
//! ```text
//! 2025-07-10T14:02:29.480Z >> [FTP Session 12 192.0.2.7 bob] PASV
//! (000012)10.07.2025 14:02:29 - bob (192.0.2.7)> PASV
//! ```

use super::text::{cut, cut_last};
use crate::log::time::Times;
use crate::log::words::control;
use crate::log::{Event, Outer, Said, What, session};

pub(super) fn line<'a>(text: &'a [u8], outer: Outer, times: &mut Times) -> Said<'a> {
    let said = if text.first() == Some(&b'(') { old(text, times) } else { new(text, outer, times) };
    said.unwrap_or(Said::Unreadable)
}

fn new<'a>(text: &'a [u8], outer: Outer, times: &mut Times) -> Option<Said<'a>> {
    let (at, rest) = match times.iso(text) {
        Some((at, rest)) => (at, rest.strip_prefix(b" ")?),
        None => (outer.at?, text),
    };
    let rest = [b">> [".as_slice(), b"<< [", b"== [", b"!! [", b":: ["]
        .iter()
        .find_map(|mark| rest.strip_prefix(*mark))?;
    let Some(rest) =
        rest.strip_prefix(b"FTP Session ").or_else(|| rest.strip_prefix(b"FTPS Session "))
    else {
        return Some(Said::Other);
    };
    let (who, said) = cut(rest, b"] ")?;
    let (number, who) = cut(who, b" ")?;
    let client = cut(who, b" ").map_or(who, |(client, _)| client);
    let what = control(said).unwrap_or(What::Nothing);
    let session = Some(session(&[number, client]));
    Some(Said::Event(Event { at, client: Some(client), session, what }))
}

fn old<'a>(text: &'a [u8], times: &mut Times) -> Option<Said<'a>> {
    let (number, rest) = cut(&text[1..], b")")?;
    if number.is_empty() || !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (date, rest) = cut(rest, b" - ")?;
    let at = times.any(date)?;
    let (who, said) = cut(rest, b")> ")?;
    let (_, client) = cut_last(who, b"(")?;
    let what = control(said).unwrap_or(What::Nothing);
    let session = Some(session(&[number, client]));
    Some(Said::Event(Event { at, client: Some(client), session, what }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_say_the_same() {
        let mut times = Times::default();
        for (text, what) in [
            ("2025-07-10T14:02:29Z >> [FTP Session 12 192.0.2.7 bob] PASV", What::Asked),
            ("2025-07-10T14:02:29Z << [FTP Session 12 192.0.2.7] 530 no", What::Replied(530)),
            ("(000012)10.07.2025 14:02:29 - bob (x) (192.0.2.7)> RETR a", What::Fetch),
            ("(000012) 2025-07-10 14:02:29 - (not logged in) (192.0.2.7)> USER b", What::Nothing),
        ] {
            let Said::Event(event) = line(text.as_bytes(), Outer::default(), &mut times) else {
                panic!("{text}")
            };
            assert_eq!((event.what, event.client), (what, Some(&b"192.0.2.7"[..])), "{text}");
            assert_eq!(event.at.at, 1_752_156_149_000_000_000);
        }
        let server = "2025-07-10T14:02:29Z == [FTP Server] Started";
        assert_eq!(line(server.as_bytes(), Outer::default(), &mut times), Said::Other);
        for text in ["", "2025-07-10T14:02:29Z INFO a: b", "(1) now - bob (192.0.2.7)> PASV"] {
            assert_eq!(line(text.as_bytes(), Outer::default(), &mut times), Said::Unreadable);
        }
    }
}
