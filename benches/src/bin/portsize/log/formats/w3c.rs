//! The W3C extended log format, as IIS and Pure-FTPd write it: `#Fields:` names the columns.
//!
//! ```text
//! #Fields: date time c-ip cs-username s-ip s-port cs-method cs-uri-stem sc-status x-session
//! 2025-07-10 14:02:31 192.0.2.7 bob 192.0.2.1 21 PASV - 227 4f1c
//! 2025-07-10 14:02:31 192.0.2.7 bob 192.0.2.1 5000 DataChannelOpened - - 4f1c
//! ```

use super::text::cut;
use crate::log::time::Times;
use crate::log::words::{code, event};
use crate::log::{Event, Outer, Said, What, session};

/// Where things stand, as the last `#Fields:` has said.
#[derive(Debug, Default)]
pub(in crate::log) struct W3c {
    date: Option<usize>,
    time: Option<usize>,
    client: Option<usize>,
    method: Option<usize>,
    status: Option<usize>,
    session: Option<usize>,
    fields: usize,
    /// The date of `#Date:`, for lines without one.
    day: [u8; 10],
}

impl W3c {
    pub(super) fn line<'a>(
        &mut self,
        text: &'a [u8],
        _outer: Outer,
        times: &mut Times,
    ) -> Said<'a> {
        if text.first() == Some(&b'#') {
            return self.directive(text);
        }
        self.entry(text, times).unwrap_or(Said::Unreadable)
    }

    fn directive<'a>(&mut self, text: &[u8]) -> Said<'a> {
        let Some((name, value)) = cut(text, b":") else { return Said::Unreadable };
        let value = value.trim_ascii();
        match name {
            b"#Fields" => {
                let names: Vec<&[u8]> = words(value).collect();
                let position = |name: &[u8]| names.iter().position(|field| *field == name);
                *self = Self {
                    date: position(b"date"),
                    time: position(b"time"),
                    client: position(b"c-ip"),
                    method: position(b"cs-method"),
                    status: position(b"sc-status"),
                    session: position(b"x-session"),
                    fields: names.len(),
                    day: self.day,
                };
            }
            b"#Date" => {
                if let Some(day) = value.first_chunk() {
                    self.day = *day;
                }
            }
            b"#Software" | b"#Version" | b"#Remark" | b"#Start-Date" | b"#End-Date" => {}
            _ => return Said::Unreadable,
        }
        Said::Other
    }

    fn entry<'a>(&self, text: &'a [u8], times: &mut Times) -> Option<Said<'a>> {
        let mut fields = [&b""[..]; 64];
        let mut count = 0;
        for (field, word) in fields.iter_mut().zip(words(text)) {
            *field = word;
            count += 1;
        }
        if count != self.fields {
            return None;
        }
        let field = |position: Option<usize>| fields.get(position?).copied();
        let date = match self.date {
            Some(_) => field(self.date)?,
            None => &self.day,
        };
        let time = field(self.time)?;
        let mut both = [0; 48];
        let length = date.len() + 1 + time.len();
        let both = both.get_mut(..length)?;
        both[..date.len()].copy_from_slice(date);
        both[date.len()] = b' ';
        both[date.len() + 1..].copy_from_slice(time);
        let (mut at, rest) = times.iso(both)?;
        // W3C times are in UTC.
        at.zoned = rest.is_empty();
        let what = match (event(field(self.method)?)?, field(self.status).and_then(code)) {
            (What::Asked, Some(code)) => What::AskedAndReplied(code),
            (What::Fetch, _) => What::Transferred { took: None },
            (what, _) => what,
        };
        let client = field(self.client);
        let session = field(self.session)
            .filter(|id| *id != b"-")
            .map(|id| session(&[id, client.unwrap_or_default()]));
        Some(Said::Event(Event { at, client, session, what }))
    }
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_where_the_last_directive_has_said() {
        let (mut w3c, mut times) = (W3c::default(), Times::default());
        let mut read = |text: &str| match w3c.line(text.as_bytes(), Outer::default(), &mut times) {
            Said::Event(event) => Some((event.at.at / 1_000_000_000, event.what)),
            _ => None,
        };
        assert_eq!(read("2025-07-10 14:02:31 192.0.2.7 PASV 227"), None);
        assert_eq!(read("#Fields: date time c-ip cs-method sc-status"), None);
        let asked = Some((1_752_156_151, What::AskedAndReplied(227)));
        assert_eq!(read("2025-07-10 14:02:31 192.0.2.7 PASV 227"), asked);
        assert_eq!(read("#Date: 2025-07-10 00:00:00"), None);
        assert_eq!(read("#Fields: time c-ip sc-status cs-method"), None);
        assert_eq!(read("14:02:31 192.0.2.7 227 [4]PASV"), asked);
        assert_eq!(read("14:02:31 192.0.2.7 227"), None);
    }
}
