//! What names mean: the columns of tables, and the fields of objects.

use serde_json::Value;

use super::What;
use super::time::{Moment, Times};
use super::words::{code, event};

/// Where things may stand, the likeliest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Named {
    pub(super) times: Vec<usize>,
    /// Date and clock in two.
    pub(super) date_and_clock: Option<(usize, usize)>,
    pub(super) clients: Vec<usize>,
    pub(super) event: Option<usize>,
    pub(super) status: Option<usize>,
    pub(super) session: Option<usize>,
    pub(super) protocol: Option<usize>,
}

/// Names of the time, without case and punctuation.
const TIMES: &[&str] = &[
    "time",
    "timestamp",
    "datetime",
    "ts",
    "start",
    "started",
    "starttime",
    "startedat",
    "begin",
    "when",
    "dateandtime",
    "datetimeutc",
    "timeutc",
    "utctime",
    "utc",
    "timestamputc",
    "timelocal",
    "eventtime",
    "eventdate",
    "logtime",
    "logdate",
    "requesttime",
    "timegenerated",
    "epoch",
    "unixtime",
    "epochtime",
    "epochms",
    "timestampms",
    "realtimetimestamp",
    "created",
    "createdat",
    "date",
];
const DATES: &[&str] = &["date", "day", "logdate", "eventdate", "dateutc", "startdate"];
const CLOCKS: &[&str] =
    &["time", "clock", "timeofday", "logtime", "eventtime", "timeutc", "starttime"];
const CLIENTS: &[&str] = &[
    "client",
    "clientip",
    "clientaddress",
    "clientaddr",
    "ip",
    "ipaddress",
    "address",
    "addr",
    "cip",
    "sourceip",
    "sourceaddress",
    "sourceaddr",
    "source",
    "src",
    "srcip",
    "srcaddr",
    "remote",
    "remoteip",
    "remoteaddr",
    "remoteaddress",
    "remotehost",
    "peer",
    "peerip",
    "peeraddr",
    "peeraddress",
    "callerip",
    "userip",
];
const EVENTS: &[&str] = &[
    "command",
    "cmd",
    "verb",
    "method",
    "csmethod",
    "activitytype",
    "activity",
    "operation",
    "op",
    "action",
    "event",
    "eventtype",
    "eventname",
    "ftpcommand",
    "ftpcommandname",
    "request",
];
const STATUSES: &[&str] = &[
    "status",
    "scstatus",
    "statuscode",
    "code",
    "reply",
    "replycode",
    "response",
    "responsecode",
    "ftpresponsecode",
    "ftpstatus",
    "returncode",
];
const SESSIONS: &[&str] =
    &["session", "sessionid", "sessionuuid", "connection", "connectionid", "sid", "xsession"];
const PROTOCOLS: &[&str] = &["protocol", "proto"];

impl Named {
    /// What names say.
    pub(super) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<String> = names.into_iter().map(plain).collect();
        let all = |known: &[&str]| -> Vec<usize> {
            known.iter().filter_map(|known| names.iter().position(|name| name == known)).collect()
        };
        let first = |known: &[&str]| all(known).first().copied();
        let date_and_clock = first(DATES).zip(first(CLOCKS)).filter(|(date, clock)| date != clock);
        Self {
            times: all(TIMES),
            date_and_clock,
            clients: all(CLIENTS),
            event: first(EVENTS),
            status: first(STATUSES),
            session: first(SESSIONS),
            protocol: first(PROTOCOLS),
        }
    }

    /// Whether it is enough to tell who asked when.
    pub(super) fn suffices(&self) -> bool {
        !self.clients.is_empty() && (!self.times.is_empty() || self.date_and_clock.is_some())
    }
}

/// What there is to read, in words.
pub(super) fn known_names() -> String {
    format!(
        "a time may be called {}, or be in two columns, date and time; a client may be called {}",
        TIMES[..9].join(", "),
        CLIENTS[..16].join(", ")
    )
}

/// Whether a field of that name is a time.
pub(super) fn is_time(name: &str) -> bool {
    let name = plain(name);
    TIMES.iter().any(|known| *known == name)
}

/// What an event means, with the reply to it, for what is logged when it has ended.
pub(super) fn what(word: &[u8], status: Option<&[u8]>) -> Option<What> {
    Some(match (event(word)?, status.and_then(code)) {
        (What::Asked, Some(code)) => What::AskedAndReplied(code),
        (What::Fetch, _) => What::Transferred { took: None },
        (what, _) => what,
    })
}

/// Whether a protocol has no passive ports.
pub(super) fn portless(protocol: &[u8]) -> bool {
    let known =
        ["SFTP", "SSH", "SSH2", "SCP", "HTTP", "HTTPS", "DAV", "WEBDAV", "HTTPSHARE", "S3", "AS2"];
    known.iter().any(|known| protocol.eq_ignore_ascii_case(known.as_bytes()))
}

/// A time as an object holds it.
pub(super) fn moment(value: &Value, times: &mut Times) -> Option<Moment> {
    match value {
        Value::String(text) => times.any(text.as_bytes()),
        Value::Number(number) => times.any(number.to_string().as_bytes()),
        _ => None,
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_whatever_way_they_are_written() {
        let named = Named::of(["@timestamp", "activity-type", "source-ip", "path", "Session_ID"]);
        assert_eq!((named.times, named.clients), (vec![0], vec![2]));
        assert_eq!((named.event, named.session), (Some(1), Some(4)));
        let two = Named::of(["Date", "Time", "IP Address"]);
        assert_eq!(two.date_and_clock, Some((0, 1)));
        assert!(two.suffices());
        assert!(!Named::of(["when it was", "who it was"]).suffices());
    }
}
