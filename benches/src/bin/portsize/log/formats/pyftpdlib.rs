//! pyftpdlib's log; with the level DEBUG, it has the commands and their replies.
//!
//! ```text
//! [I 2025-07-10 14:02:31] 192.0.2.7:40123-[bob] RETR /a completed=1 bytes=2048 seconds=0.004
//! [D 2025-07-10 14:02:31] 192.0.2.7:40123-[bob] <- PASV
//! ```

use super::text::{cut, cut_last, number, took};
use crate::log::client::Client;
use crate::log::time::Times;
use crate::log::words::{control, event};
use crate::log::{Event, Outer, Said, What, session};

pub(super) fn line<'a>(text: &'a [u8], _outer: Outer, times: &mut Times) -> Said<'a> {
    parse(text, times).unwrap_or(Said::Unreadable)
}

fn parse<'a>(text: &'a [u8], times: &mut Times) -> Option<Said<'a>> {
    let (at, rest) = match text {
        [b'[', b'A'..=b'Z', b' ', rest @ ..] => {
            let (date, rest) = cut(rest, b"] ")?;
            (moment(date, times)?, rest)
        }
        _ => times.iso(text)?,
    };
    let Some((before, rest)) = cut(rest, b"-[") else {
        // About the server itself, if it is pyftpdlib's.
        return (text.first() == Some(&b'[')).then_some(Said::Other);
    };
    let client = before.rsplit(|byte| *byte == b' ').next()?;
    let (_user, said) = cut(rest, b"]")?;
    let key = Some(session(&[client]));
    // A port always follows, also without brackets.
    let (client, _port) = cut_last(client, b":")?;
    Client::read(client)?;
    let said = said.trim_ascii();
    let what = if let Some(text) = said.strip_prefix(b"<- ").or_else(|| said.strip_prefix(b"-> ")) {
        control(text).unwrap_or(What::Nothing)
    } else if let Some((command, seconds)) = cut_last(said, b" seconds=") {
        match event(command) {
            Some(What::Fetch) => What::Transferred { took: number(seconds).and_then(took) },
            _ => What::Nothing,
        }
    } else if said.starts_with(b"FTP session closed") {
        What::Over
    } else {
        What::Nothing
    };
    Some(Said::Event(Event { at, client: Some(client), session: key, what }))
}

/// `2025-07-10 14:02:31`; older versions leave the century out.
fn moment(date: &[u8], times: &mut Times) -> Option<crate::log::Moment> {
    if let Some((at, rest)) = times.iso(date) {
        return rest.is_empty().then_some(at);
    }
    let mut full = [0; 24];
    let full = full.get_mut(..date.len() + 2)?;
    full[..2].copy_from_slice(b"20");
    full[2..].copy_from_slice(date);
    Some(times.iso(full)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_commands_and_replies() {
        let mut times = Times::default();
        let took = What::Transferred { took: Some(250_000_000) };
        for (text, what) in [
            ("RETR /a b completed=1 bytes=2048 seconds=0.25", took),
            ("<- EPSV", What::Asked),
            ("-> 229 Entering extended passive mode (|||8192|).", What::Replied(229)),
            ("USER 'bob' logged in.", What::Nothing),
            ("FTP session closed (disconnect).", What::Over),
        ] {
            for date in ["[I 2025-07-10 14:02:31]", "[I 25-07-10 14:02:31]"] {
                let text = format!("{date} 2001:db8::7:40123-[bob] {text}");
                let Said::Event(event) = line(text.as_bytes(), Outer::default(), &mut times) else {
                    panic!("{text}")
                };
                assert_eq!((event.what, event.client), (what, Some(&b"2001:db8::7"[..])), "{text}");
                assert_eq!(event.at.at, 1_752_156_151_000_000_000);
            }
        }
        let ready = b"[I 2025-07-10 14:02:31] >>> starting FTP server on 0.0.0.0:2121 <<<";
        assert_eq!(line(ready, Outer::default(), &mut times), Said::Other);
    }
}
