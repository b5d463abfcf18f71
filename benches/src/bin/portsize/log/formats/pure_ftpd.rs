//! Pure-FTPd's messages, which syslog keeps, and its stats.
//!
//! ```text
//! (bob@192.0.2.7) [NOTICE] /home/bob//a uploaded  (2048 bytes, 512.00KB/sec)
//! 1752156151 686fc7b7.1f bob 192.0.2.7 U 2048 4 /home/bob/a
//! ```

use super::text::{cut, cut_last, number, took};
use crate::log::client::Client;
use crate::log::time::Times;
use crate::log::words::{control, event};
use crate::log::{Event, Outer, Said, What};

pub(super) fn line<'a>(text: &'a [u8], outer: Outer, _times: &mut Times) -> Said<'a> {
    let said = if text.first() == Some(&b'(') { message(text, outer) } else { stats(text) };
    said.unwrap_or(Said::Unreadable)
}

fn message(text: &[u8], outer: Outer) -> Option<Said<'_>> {
    let at = outer.at?;
    let (who, rest) = cut(&text[1..], b") [")?;
    let (_, client) = cut_last(who, b"@")?;
    let (level, said) = cut(rest, b"] ")?;
    let what = match level {
        b"NOTICE" => match cut_last(said, b" (") {
            Some((done, size)) if done.trim_ascii().ends_with(b" uploaded") => {
                What::Transferred { took: duration(size) }
            }
            Some((done, size)) if done.trim_ascii().ends_with(b" downloaded") => {
                What::Transferred { took: duration(size) }
            }
            _ => What::Nothing,
        },
        b"DEBUG" => match said.strip_prefix(b"Command [") {
            Some(command) => event(cut(command, b"]")?.0).unwrap_or(What::Nothing),
            None => control(said).unwrap_or(What::Nothing),
        },
        b"INFO" if said.starts_with(b"Logout") => What::Over,
        b"INFO" | b"WARNING" | b"ERROR" => What::Nothing,
        _ => return None,
    };
    Some(Said::Event(Event { at, client: Some(client), session: outer.session, what }))
}

/// From `2048 bytes, 512.00KB/sec)`.
fn duration(text: &[u8]) -> Option<i64> {
    let (bytes, speed) = cut(text, b" bytes, ")?;
    let speed = number(cut(speed, b"KB/sec")?.0)?;
    took(number(bytes)? / (speed * 1024.0))
}

fn stats(text: &[u8]) -> Option<Said<'_>> {
    let mut words = text.splitn(8, |byte| *byte == b' ');
    let at = Times::epoch(words.next()?)?;
    let (_session, _user, client) = (words.next()?, words.next()?, words.next()?);
    let direction = words.next()?;
    let (_size, seconds, _file) = (number(words.next()?)?, number(words.next()?)?, words.next()?);
    if !matches!(direction, b"U" | b"D") || Client::read(client).is_none() {
        return None;
    }
    let what = What::Transferred { took: took(seconds) };
    Some(Said::Event(Event { at, client: Some(client), session: None, what }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_stats() {
        let mut times = Times::default();
        let at = Times::epoch(b"1752156151");
        let outer = Outer { at, session: None };
        let took = |seconds: i64| What::Transferred { took: Some(seconds * 1_000_000_000) };
        for (text, what) in [
            ("(bob@192.0.2.7) [NOTICE] /a b//c uploaded  (2048 bytes, 0.50KB/sec)", took(4)),
            ("(bob@192.0.2.7) [DEBUG] Command [pasv] []", What::Asked),
            ("(?@192.0.2.7) [INFO] New connection from 192.0.2.7", What::Nothing),
            ("1752156151 686fc7b7.1f bob 192.0.2.7 U 2048 4 /home/bob/a b", took(4)),
        ] {
            let Said::Event(event) = line(text.as_bytes(), outer, &mut times) else {
                panic!("{text}")
            };
            assert_eq!((event.what, event.client), (what, Some(&b"192.0.2.7"[..])), "{text}");
            assert_eq!(Some(event.at), at);
        }
        for text in ["", "1752156151 a bob 192.0.2.7 X 1 1 /a", "(bob@192.0.2.7) PASV"] {
            assert_eq!(line(text.as_bytes(), outer, &mut times), Said::Unreadable, "{text}");
        }
    }
}
