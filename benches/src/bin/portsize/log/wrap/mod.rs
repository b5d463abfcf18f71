//! What collectors put around the lines of a server, and taking it off.

mod containers;
mod json;
mod syslog;

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use super::Outer;
use super::time::{Moment, Times};

/// One kind of wrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wrap {
    /// A JSON object with the line as its message: docker's json-file, journald's export, and
    /// others.
    Json,
    /// `2025-07-10T14:02:31.123456789Z stdout F line`
    Cri,
    /// `2025-07-10T14:02:31.123456789Z line`: `kubectl logs --timestamps`, `docker logs -t`
    Timestamp,
    /// `ftp-1  | line`
    Compose,
    /// `[pod/ftp-0/ftp] line`
    Pod,
    /// `2025-07-10T14:02:31+00:00 stream {...}`: `aws logs tail`
    Stream,
    /// RFC 3164 and what resembles it: a time, the host, the program and its process, a colon
    Syslog,
    /// RFC 5424
    Syslog5424,
}

pub(super) const ALL: [Wrap; 8] = [
    Wrap::Json,
    Wrap::Cri,
    Wrap::Timestamp,
    Wrap::Compose,
    Wrap::Pod,
    Wrap::Stream,
    Wrap::Syslog,
    Wrap::Syslog5424,
];

impl Wrap {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON messages",
            Self::Cri => "CRI",
            Self::Timestamp => "timestamps",
            Self::Compose => "compose",
            Self::Pod => "pod names",
            Self::Stream => "log streams",
            Self::Syslog => "syslog",
            Self::Syslog5424 => "syslog (RFC 5424)",
        }
    }

    fn take_off(self, text: &[u8], times: &mut Times) -> Option<Off> {
        match self {
            Self::Json => json::message(text, times),
            Self::Cri => containers::cri(text, times),
            Self::Timestamp => containers::timestamp(text, times),
            Self::Compose => containers::compose(text),
            Self::Pod => containers::pod(text),
            Self::Stream => containers::stream(text, times),
            Self::Syslog => syslog::rfc3164(text, times),
            Self::Syslog5424 => syslog::rfc5424(text, times),
        }
    }
}

/// What is left when one wrapping is taken off, and what the wrapping has told.
struct Off {
    rest: Rest,
    at: Option<Moment>,
    program: Option<Box<[u8]>>,
    session: Option<u64>,
}

enum Rest {
    Part(Range<usize>),
    Text(Vec<u8>),
}

impl Off {
    /// The end of `text` that is `rest`.
    fn end(text: &[u8], rest: &[u8]) -> Self {
        let rest = Rest::Part(text.len() - rest.len()..text.len());
        Self { rest, at: None, program: None, session: None }
    }
}

/// A line with everything taken off.
pub(super) struct Bare<'a> {
    pub(super) text: Cow<'a, [u8]>,
    pub(super) outer: Outer,
    /// Which program has said it.
    pub(super) program: Option<Box<[u8]>>,
}

/// Takes off one wrapping after the other; `None` if one is not there. The innermost time counts.
pub(super) fn bare<'a>(text: &'a [u8], wraps: &[Wrap], times: &mut Times) -> Option<Bare<'a>> {
    let mut bare = Bare { text: without_colours(text), outer: Outer::default(), program: None };
    for wrap in wraps {
        let off = wrap.take_off(&bare.text, times)?;
        bare.outer.at = off.at.or(bare.outer.at);
        bare.outer.session = off.session.or(bare.outer.session);
        bare.program = off.program.or(bare.program);
        bare.text = match (off.rest, bare.text) {
            (Rest::Part(range), Cow::Borrowed(text)) => Cow::Borrowed(&text[range]),
            (Rest::Part(range), Cow::Owned(text)) => Cow::Owned(text[range].to_vec()),
            (Rest::Text(text), _) => Cow::Owned(text),
        };
    }
    Some(bare)
}

/// The same without the escapes that colour it.
fn without_colours(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(0x1b, text).is_none() {
        return Cow::Borrowed(text);
    }
    let (mut plain, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(escape) = memmem::find(rest, b"\x1b[") {
        plain.extend_from_slice(&rest[..escape]);
        rest = &rest[escape + 2..];
        let end = rest.iter().position(|byte| (b'@'..=b'~').contains(byte));
        rest = &rest[end.map_or(rest.len(), |end| end + 1)..];
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrapping_comes_off() {
        let mut times = Times::default();
        for (wrap, text, program) in [
            (
                Wrap::Json,
                r#"{"log":"say \"x\"\n","stream":"stdout","time":"2025-07-10T14:02:31Z"}"#,
                "",
            ),
            (
                Wrap::Json,
                r#"{"__REALTIME_TIMESTAMP":"1752156151000000","SYSLOG_IDENTIFIER":"ftpd","_PID":"7","MESSAGE":"say \"x\""}"#,
                "ftpd",
            ),
            (Wrap::Json, r#"{"timestamp":1752156151000,"message":"say \"x\"","id":3}"#, ""),
            (Wrap::Cri, "2025-07-10T14:02:31.000000000Z stdout F say \"x\"", ""),
            (Wrap::Timestamp, "2025-07-10T14:02:31.000000000Z say \"x\"", ""),
            (Wrap::Syslog, "Jul 10 14:02:31 host ftpd[7]: say \"x\"", "ftpd"),
            (Wrap::Syslog, "<134>Jul 10 14:02:31 host ftpd: say \"x\"", "ftpd"),
            (Wrap::Syslog, "2025-07-10T14:02:31.000+00:00 host ftpd[7]: say \"x\"", "ftpd"),
            (Wrap::Syslog, "Thu 2025-07-10 14:02:31 UTC host ftpd[7]: say \"x\"", "ftpd"),
            (Wrap::Syslog, "1752156151.000000 host ftpd[7]: say \"x\"", "ftpd"),
            (Wrap::Syslog5424, "<134>1 2025-07-10T14:02:31Z host ftpd 7 - - say \"x\"", "ftpd"),
            (
                Wrap::Syslog5424,
                "<134>1 2025-07-10T14:02:31Z host ftpd 7 id [a b=\"]\\\"\"][c d=\"e\"] say \"x\"",
                "ftpd",
            ),
        ] {
            let bare = bare(text.as_bytes(), &[wrap], &mut times).expect(text);
            assert_eq!(&*bare.text, b"say \"x\"", "{text}");
            let at = bare.outer.at.unwrap().at;
            let year = 366 * 86_400_000_000_000;
            assert_eq!(
                at % year,
                (1_752_156_151_000_000_000
                    + if at > 1_730_000_000_000_000_000 { 0 } else { -31_536_000_000_000_000 })
                    % year,
                "{text}"
            );
            assert_eq!(bare.program.as_deref().unwrap_or_default(), program.as_bytes(), "{text}");
        }
        for (wrap, text) in [
            (Wrap::Compose, "ftp-1  | say \"x\""),
            (Wrap::Compose, "ftp_1 | say \"x\""),
            (Wrap::Pod, "[pod/ftp-0/ftp] say \"x\""),
        ] {
            let bare = bare(text.as_bytes(), &[wrap], &mut times).expect(text);
            assert_eq!(&*bare.text, b"say \"x\"", "{text}");
        }
    }

    #[test]
    fn they_come_off_one_after_the_other_and_the_innermost_time_counts() {
        let text = "ftp-1 | 2025-07-10T14:02:33Z Jul 10 14:02:31 host ftpd[7]: x";
        let wraps = [Wrap::Compose, Wrap::Timestamp, Wrap::Syslog];
        let bare = bare(text.as_bytes(), &wraps, &mut Times::default()).unwrap();
        assert_eq!(&*bare.text, b"x");
        assert!(!bare.outer.at.unwrap().zoned);
    }

    #[test]
    fn colours_are_taken_off() {
        assert_eq!(&*without_colours(b"\x1b[2ma\x1b[0m \x1b[32mb"), b"a b");
    }
}
