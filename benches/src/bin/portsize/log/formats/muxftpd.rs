//! muxftpd's log, as text and in JSON.
//!
//! ```text
//! 2025-07-10T14:02:31.250000Z  INFO muxftpd: transfer client=192.0.2.7 user="bob" command="RETR" path=/a bytes=2048 seconds=0.4 completed=true
//! {"timestamp":"2025-07-10T14:02:30.800000Z","level":"DEBUG","fields":{"message":"reserved","client":"192.0.2.7","port":8192},"target":"mux_core::mux::core"}
//! ```
//!
//! A transfer is logged at its end. With `mux_core=debug`, every reservation is logged when it is
//! made or refused, which is exact but for the time that it waited.

use std::borrow::Cow;

use serde::Deserialize;

use super::text::{cut, cut_last, number, took};
use crate::log::time::{Moment, Times};
use crate::log::{Event, Outer, Said, What};

#[derive(Deserialize)]
struct Line<'a> {
    timestamp: &'a str,
    target: &'a str,
    #[serde(borrow)]
    fields: Fields<'a>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    client: Option<&'a str>,
    seconds: Option<f64>,
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
    count: Option<u64>,
}

/// What the server says in place of the lines that it left out, and which of those were transfers.
const LEFT_OUT: &[u8] = b"log lines left out";
const LEFT_OUT_TRANSFERS: [&[u8]; 2] = [b"anonymous transfers", b"failed transfers"];

pub(super) fn line<'a>(text: &'a [u8], outer: Outer, times: &mut Times) -> Said<'a> {
    let said =
        if text.first() == Some(&b'{') { json(text, times) } else { plain(text, outer, times) };
    said.unwrap_or(Said::Unreadable)
}

fn json<'a>(text: &'a [u8], times: &mut Times) -> Option<Said<'a>> {
    let line: Line<'_> = serde_json::from_slice(text).ok()?;
    if !ours(line.target.as_bytes()) {
        return Some(Said::Other);
    }
    let (at, _) = times.iso(line.timestamp.as_bytes())?;
    if line.fields.message.as_bytes().starts_with(LEFT_OUT) {
        let kind = line.fields.kind.as_deref().unwrap_or_default();
        return Some(left_out(at, kind.as_bytes(), line.fields.count));
    }
    let client = line.fields.client.map(str::as_bytes);
    said(at, line.fields.message.as_bytes(), client, line.fields.seconds)
}

fn plain<'a>(text: &'a [u8], outer: Outer, times: &mut Times) -> Option<Said<'a>> {
    let (at, rest) = match times.iso(text) {
        Some((at, rest)) => (at, rest),
        None => (outer.at?, text),
    };
    let (level, rest) = cut(rest.trim_ascii_start(), b" ")?;
    if !matches!(level, b"TRACE" | b"DEBUG" | b"INFO" | b"WARN" | b"ERROR") {
        return None;
    }
    // Before the target, there may be spans.
    let (target, rest) = cut(rest, b": ")?;
    let (mut target, mut rest) = (target, rest);
    while !ours(target) && (target.ends_with(b"}") || target.contains(&b'{')) {
        (target, rest) = cut(rest, b": ")?;
    }
    if !ours(target.rsplit(|byte| *byte == b' ').next()?) {
        return None;
    }
    if let Some(rest) = rest.strip_prefix(LEFT_OUT) {
        let kind =
            cut(rest, b"kind=\"").and_then(|(_, rest)| cut(rest, b"\"")).unwrap_or_default().0;
        let count = cut_last(rest, b" count=").and_then(|(_, count)| number(count));
        return Some(left_out(at, kind, count.map(|count: f64| count as u64)));
    }
    let Some((message, fields)) = cut(rest, b" client=") else { return Some(Said::Other) };
    let client = cut(fields, b" ").map_or(fields, |(client, _)| client);
    let seconds = cut_last(fields, b" seconds=")
        .and_then(|(_, rest)| number(cut(rest, b" ").map_or(rest, |(number, _)| number)));
    said(at, message, Some(client), seconds)
}

fn ours(target: &[u8]) -> bool {
    [b"muxftpd".as_slice(), b"mux_core", b"ftp_adapter"].iter().any(|name| target.starts_with(name))
}

fn left_out<'a>(at: Moment, kind: &[u8], count: Option<u64>) -> Said<'a> {
    match count {
        Some(count) if LEFT_OUT_TRANSFERS.contains(&kind) => {
            Said::Event(Event { at, client: None, session: None, what: What::LeftOut(count) })
        }
        _ => Said::Other,
    }
}

fn said<'a>(
    at: Moment,
    message: &[u8],
    client: Option<&'a [u8]>,
    seconds: Option<f64>,
) -> Option<Said<'a>> {
    let what = match message {
        b"reserved" => What::AskedAndReplied(227),
        b"reservation refused" => What::AskedAndReplied(425),
        b"transfer" => What::Transferred { took: seconds.and_then(took) },
        _ => return Some(Said::Other),
    };
    Some(Said::Event(Event { at, client: Some(client?), session: None, what }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Option<i64>, What)> {
        match line(text.as_bytes(), Outer::default(), &mut Times::default()) {
            Said::Event(event) => {
                assert_eq!(event.client, Some(&b"192.0.2.7"[..]), "{text}");
                Some((Some(event.at.at), event.what))
            }
            Said::Other => Some((None, What::Nothing)),
            Said::Unreadable => None,
        }
    }

    fn object(fields: &str) -> String {
        format!(
            r#"{{"timestamp":"2025-07-10T14:02:31.250000Z","level":"INFO","fields":{{{fields}}},"target":"muxftpd"}}"#
        )
    }

    const AT: Option<i64> = Some(1_752_156_151_250_000_000);

    #[test]
    fn reservations_and_transfers() {
        let took = What::Transferred { took: Some(250_000_000) };
        for (text, what) in [
            (
                object(r#""message":"reserved","client":"192.0.2.7","port":8192"#),
                What::AskedAndReplied(227),
            ),
            (
                object(r#""message":"transfer","client":"192.0.2.7","path":"/\"a\"","seconds":0.25"#),
                took,
            ),
            (
                "2025-07-10T14:02:31.250000Z DEBUG mux_core::mux::core: reserved client=192.0.2.7 \
                 port=8192"
                    .to_owned(),
                What::AskedAndReplied(227),
            ),
            (
                "2025-07-10T14:02:31.250000Z  INFO muxftpd: transfer client=192.0.2.7 user=\"bob\" \
                 command=\"RETR\" path=/a seconds=9 b bytes=2048 seconds=0.25 completed=true"
                    .to_owned(),
                took,
            ),
        ] {
            assert_eq!(read(&text), Some((AT, what)), "{text}");
        }
    }

    #[test]
    fn what_the_server_left_out() {
        let text = |kind: &str| {
            [
                object(&format!(
                    r#""message":"log lines left out, there were too many","kind":"{kind}","count":150"#
                )),
                format!(
                    "2025-07-10T14:02:31.250000Z  WARN muxftpd: log lines left out, there were too \
                     many kind=\"{kind}\" count=150"
                ),
            ]
        };
        let said = |text: &str| match line(text.as_bytes(), Outer::default(), &mut Times::default())
        {
            Said::Event(event) => Some((event.at.at, event.what)),
            _ => None,
        };
        for text in ["anonymous transfers", "failed transfers"].iter().flat_map(|kind| text(kind)) {
            assert_eq!(said(&text), Some((AT.unwrap(), What::LeftOut(150))), "{text}");
        }
        for text in text("refused logins") {
            assert_eq!(said(&text), None, "{text}");
        }
    }

    #[test]
    fn the_rest() {
        for text in [
            object(r#""message":"a \"b\"","port":1"#),
            object(""),
            "2025-07-10T14:02:31Z  INFO muxftpd: ready addresses=[0.0.0.0:21]".to_owned(),
        ] {
            assert_eq!(read(&text), Some((None, What::Nothing)), "{text}");
        }
        for text in [
            "",
            "ready",
            "{}",
            &object(r#""message":"reserved""#),
            "2025-07-10T14:02:31Z  INFO other: reserved client=192.0.2.7",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
