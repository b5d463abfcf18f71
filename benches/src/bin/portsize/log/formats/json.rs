//! One JSON object a line: SFTPGo's log, AWS Transfer's, and any with fields of known names.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::text::took;
use crate::log::client::Client;
use crate::log::columns::{self, portless};
use crate::log::time::Times;
use crate::log::words::event;
use crate::log::{Event, Outer, Said, What, session};

#[derive(Deserialize)]
struct Sftpgo<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    sender: Cow<'a, str>,
    #[serde(borrow)]
    connection_id: Option<Cow<'a, str>>,
    remote_addr: Option<&'a str>,
    client_ip: Option<&'a str>,
    protocol: Option<&'a str>,
    ftp_mode: Option<&'a str>,
    elapsed_ms: Option<f64>,
}

/// `{"level":"info","time":"2025-07-10T14:02:31.123","sender":"Download","elapsed_ms":4,...}`
pub(super) fn sftpgo<'a>(text: &'a [u8], _outer: Outer, times: &mut Times) -> Said<'a> {
    let read = |times: &mut Times| {
        let line: Sftpgo<'_> = serde_json::from_slice(text).ok()?;
        let (at, _) = times.iso(line.time.as_bytes())?;
        let client = line.remote_addr.or(line.client_ip).filter(|text| !text.is_empty());
        let what = match &*line.sender {
            "Download" | "Upload" => {
                let passive = line.ftp_mode != Some("active");
                if passive && !line.protocol.is_some_and(|name| portless(name.as_bytes())) {
                    What::Transferred { took: line.elapsed_ms.and_then(|ms| took(ms / 1e3)) }
                } else {
                    What::Portless
                }
            }
            _ => What::Nothing,
        };
        let session = line.connection_id.map(|id| session(&[connection(&id).as_bytes()]));
        if what == What::Nothing && (client.is_none() || session.is_none()) {
            return Some(Said::Other);
        }
        Some(Said::Event(Event { at, client: client.map(str::as_bytes), session, what }))
    };
    read(times).unwrap_or(Said::Unreadable)
}

/// A connection's name, without the number of the transfer.
fn connection(id: &str) -> &str {
    match id.rmatch_indices('_').next() {
        Some((at, _)) if id.matches('_').count() > 1 => &id[..at],
        _ => id,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct AwsTransfer<'a> {
    activity_type: &'a str,
    session_id: &'a str,
    source_ip: Option<&'a str>,
    #[serde(alias = "@timestamp")]
    timestamp: Option<Value>,
    start_time: Option<Value>,
}

/// `{"activity-type":"OPEN","session-id":"0123","source-ip":"192.0.2.7","path":"/a",...}`: only
/// `CONNECTED` is sure to say whose the session is.
pub(super) fn aws_transfer<'a>(text: &'a [u8], outer: Outer, times: &mut Times) -> Said<'a> {
    let read = |times: &mut Times| {
        let line: AwsTransfer<'_> = serde_json::from_slice(text).ok()?;
        let own = line.timestamp.as_ref().or(line.start_time.as_ref());
        let at = own.and_then(|value| columns::moment(value, times)).or(outer.at)?;
        let what = event(line.activity_type.as_bytes()).unwrap_or(What::Nothing);
        let client = line.source_ip.map(str::as_bytes);
        let session = Some(session(&[line.session_id.as_bytes()]));
        Some(Said::Event(Event { at, client, session, what }))
    };
    read(times).unwrap_or(Said::Unreadable)
}

/// Any object whose fields have names that are known.
#[derive(Debug, Default)]
pub(in crate::log) struct Named {
    client: Vec<u8>,
}

impl Named {
    pub(super) fn line<'a>(&'a mut self, text: &[u8], outer: Outer, times: &mut Times) -> Said<'a> {
        self.read(text, outer, times).unwrap_or(Said::Unreadable)
    }

    fn read<'a>(&'a mut self, text: &[u8], outer: Outer, times: &mut Times) -> Option<Said<'a>> {
        let object: Map<String, Value> = serde_json::from_slice(text).ok()?;
        let mut fields: Vec<(String, &Value)> = Vec::new();
        for (name, value) in &object {
            match value {
                Value::Object(inner) => {
                    fields.extend(inner.iter().map(|(of, value)| (format!("{name}.{of}"), value)));
                }
                _ => fields.push((name.clone(), value)),
            }
        }
        let named = columns::Named::of(fields.iter().map(|(name, _)| &**name));
        let text_of = |position: usize| match fields[position].1 {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let at = named.times.iter().find_map(|&at| columns::moment(fields[at].1, times));
        let at = at.or_else(|| {
            let (date, clock) = named.date_and_clock?;
            times.any(format!("{} {}", text_of(date)?, text_of(clock)?).as_bytes())
        });
        let at = at.or(outer.at)?;
        let texts = || named.clients.iter().filter_map(|&at| text_of(at));
        let client = texts()
            .find(|text| Client::is_address(text.as_bytes()))
            .or_else(|| texts().find(|text| Client::read(text.as_bytes()).is_some()));
        let session = named.session.and_then(text_of).map(|id| session(&[id.as_bytes()]));
        let what = match named.event.and_then(text_of) {
            Some(word) => {
                let status = named.status.and_then(text_of);
                columns::what(word.as_bytes(), status.as_deref().map(str::as_bytes))?
            }
            None => What::Asked,
        };
        let protocol = named.protocol.and_then(text_of);
        let what = match protocol {
            Some(name) if portless(name.as_bytes()) && what != What::Nothing => What::Portless,
            _ => what,
        };
        self.client.clear();
        let client = match client {
            Some(client) => {
                self.client.extend_from_slice(client.as_bytes());
                Some(&self.client[..])
            }
            None if session.is_some() || what == What::Nothing => None,
            None => return None,
        };
        Some(Said::Event(Event { at, client, session, what }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event<'a>(said: Said<'a>, text: &str) -> Event<'a> {
        let Said::Event(event) = said else { panic!("{text}") };
        event
    }

    #[test]
    fn sftpgo_tells_of_transfers_by_any_protocol() {
        let mut times = Times::default();
        let head = r#""level":"info","time":"2025-07-10T14:02:31.250""#;
        for (rest, what) in [
            (
                r#""sender":"Upload","elapsed_ms":250,"connection_id":"FTP_2_abc_1","protocol":"FTP","remote_addr":"192.0.2.7:40123","ftp_mode":"passive""#,
                What::Transferred { took: Some(250_000_000) },
            ),
            (
                r#""sender":"Download","connection_id":"SFTP_ab_1","protocol":"SFTP","remote_addr":"192.0.2.7""#,
                What::Portless,
            ),
            (
                r#""sender":"Download","connection_id":"FTP_ab_1","protocol":"FTP","remote_addr":"192.0.2.7","ftp_mode":"active""#,
                What::Portless,
            ),
            (r#""sender":"login","connection_id":"FTP_1","client_ip":"192.0.2.7""#, What::Nothing),
        ] {
            let text = format!("{{{head},{rest}}}");
            let said = sftpgo(text.as_bytes(), Outer::default(), &mut times);
            let event = event(said, &text);
            assert_eq!(event.what, what, "{text}");
            assert!(event.client.unwrap().starts_with(b"192.0.2.7"));
        }
        let text = format!(r#"{{{head},"sender":"service","message":"started"}}"#);
        assert_eq!(sftpgo(text.as_bytes(), Outer::default(), &mut times), Said::Other);
    }

    #[test]
    fn the_session_of_aws_transfer_is_known_by_its_number() {
        let mut times = Times::default();
        let outer = Outer { at: Times::epoch(b"1752156151"), session: None };
        let connected = br#"{"activity-type":"CONNECTED","source-ip":"192.0.2.7","session-id":"a1","client":"SSH-2.0-x"}"#;
        let open = br#"{"activity-type":"OPEN","mode":"READ","path":"/a","session-id":"a1"}"#;
        let first = event(aws_transfer(connected, outer, &mut times), "");
        assert_eq!((first.what, first.client), (What::Nothing, Some(&b"192.0.2.7"[..])));
        let then = event(aws_transfer(open, outer, &mut times), "");
        assert_eq!(then.what, What::Transferred { took: None });
        assert_eq!((then.session, then.client), (first.session, None));
        assert_eq!(aws_transfer(open, Outer::default(), &mut times), Said::Unreadable);
    }

    #[test]
    fn fields_of_known_names_will_do() {
        let (mut named, mut times) = (Named::default(), Times::default());
        for (text, what) in [
            (r#"{"ts":1752156151.5,"client":"192.0.2.7:40123"}"#, What::Asked),
            (r#"{"@timestamp":"2025-07-10T14:02:31Z","source":{"ip":"192.0.2.7"}}"#, What::Asked),
            (r#"{"time":"2025-07-10T14:02:31Z","ip":"192.0.2.7","cmd":"CWD"}"#, What::Nothing),
            (
                r#"{"time":"2025-07-10T14:02:31Z","client":"curl","remote_ip":"192.0.2.7","cmd":"PASV","code":425}"#,
                What::AskedAndReplied(425),
            ),
        ] {
            let said = named.line(text.as_bytes(), Outer::default(), &mut times);
            let event = event(said, text);
            assert_eq!(event.what, what, "{text}");
            assert!(event.client.unwrap().starts_with(b"192.0.2.7"), "{text}");
        }
        let unknown = br#"{"moment":1752156151,"who":"192.0.2.7"}"#;
        assert_eq!(named.line(unknown, Outer::default(), &mut times), Said::Unreadable);
    }
}
