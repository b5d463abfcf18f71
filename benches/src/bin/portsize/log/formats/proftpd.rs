//! ProFTPD's SystemLog, and what it gives to syslog. What it was asked, it tells from
//! `DebugLevel 5` on.
//!
//! ```text
//! 2025-07-10 14:02:31,123 host proftpd[7] server (client[192.0.2.7]): dispatching CMD command 'PASV' to mod_core
//! ```

use super::text::{cut, cut_last};
use crate::log::client::Client;
use crate::log::time::Times;
use crate::log::words::event;
use crate::log::{Event, Outer, Said, What, session};

pub(super) fn line<'a>(text: &'a [u8], outer: Outer, times: &mut Times) -> Said<'a> {
    parse(text, outer, times).unwrap_or(Said::Unreadable)
}

fn parse<'a>(text: &'a [u8], outer: Outer, times: &mut Times) -> Option<Said<'a>> {
    let (at, pid, rest) = match times.iso(text).or_else(|| times.syslog(text)) {
        Some((at, rest)) => {
            let (_host, rest) = cut(rest, b" proftpd[")?;
            let (pid, rest) = cut(rest, b"]")?;
            (at, Some(pid), rest.strip_prefix(b":").unwrap_or(rest))
        }
        None => (outer.at?, None, text),
    };
    let who = cut(rest, b"]): ").or_else(|| cut(rest, b"]) - ")).and_then(|(who, said)| {
        let (_, client) = cut_last(who, b"[")?;
        Client::is_address(client).then_some((client, said))
    });
    let Some((client, said)) = who else {
        // About the server itself. Without its name, it could be anybody's line.
        return pid.map(|_| Said::Other);
    };
    let what = if let Some(command) = said.strip_prefix(b"dispatching CMD command '") {
        let (command, module) = cut_last(command, b"' to mod_")?;
        match (event(command).unwrap_or(What::Nothing), module) {
            (What::Asked, b"core") | (What::Fetch, b"xfer" | b"ls" | b"facts") => {
                event(command).unwrap_or(What::Nothing)
            }
            _ => What::Nothing,
        }
    } else if said.starts_with(b"Entering Passive Mode") {
        What::Replied(227)
    } else if said.starts_with(b"Entering Extended Passive Mode") {
        What::Replied(229)
    } else if said.starts_with(b"passive data connection opened") {
        What::Opened
    } else if said.starts_with(b"FTP session closed") {
        What::Over
    } else {
        What::Nothing
    };
    let session = pid.map(|pid| session(&[pid, client])).or(outer.session);
    Some(Said::Event(Event { at, client: Some(client), session, what }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_done_counts_not_who_was_asked_before() {
        let mut times = Times::default();
        for (said, what) in [
            ("dispatching PRE_CMD command 'PASV' to mod_core", What::Nothing),
            ("dispatching CMD command 'PASV' to mod_core", What::Asked),
            ("Entering Passive Mode (192,0,2,1,32,0).", What::Replied(227)),
            ("dispatching CMD command 'RETR a' to mod_xfer", What::Fetch),
            ("dispatching CMD command 'RETR a' to mod_rewrite", What::Nothing),
            ("passive data connection opened - local  : 192.0.2.1:8192", What::Opened),
            ("FTP session closed.", What::Over),
        ] {
            for head in [
                "2025-07-10 14:02:31,123 host proftpd[7] server (a[192.0.2.7]): ",
                "Jul 10 14:02:31 host proftpd[7] server (a[192.0.2.7]): ",
                "Jul 10 14:02:31 host proftpd[7]: server (a[192.0.2.7]) - ",
            ] {
                let text = format!("{head}{said}");
                let Said::Event(event) = line(text.as_bytes(), Outer::default(), &mut times) else {
                    panic!("{text}")
                };
                assert_eq!((event.what, event.client), (what, Some(&b"192.0.2.7"[..])), "{text}");
            }
        }
        let about = b"2025-07-10 14:02:31,123 host proftpd[7] server: ProFTPD killed (signal 15)";
        assert_eq!(line(about, Outer::default(), &mut times), Said::Other);
    }
}
