//! muxftpd's log in JSON: one object a line.
//!
//! ```text
//! {"timestamp":"2025-07-10T14:02:31.250000Z","level":"INFO","fields":{"message":"transfer","client":"192.0.2.7","command":"RETR","path":"/a","bytes":2048,"seconds":0.4},"target":"muxftpd"}
//! {"timestamp":"2025-07-10T14:02:30.800000Z","level":"DEBUG","fields":{"message":"reserved","client":"192.0.2.7","port":8192},"target":"mux_core::mux::core"}
//! ```
//!
//! A transfer is logged at its end. With `mux_core=debug`, every reservation is logged when it is
//! made or refused, which is exact but for the time that it waited.

use serde::Deserialize;

use super::time::iso;
use super::{Entry, Line};

#[derive(Deserialize)]
struct Event<'a> {
    timestamp: &'a str,
    #[serde(borrow)]
    fields: Fields<'a>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    message: std::borrow::Cow<'a, str>,
    client: Option<&'a str>,
    seconds: Option<f64>,
}

pub(super) fn line(text: &str) -> Line<'_> {
    let Ok(Event { timestamp, fields }) = serde_json::from_str(text) else {
        return Line::Malformed;
    };
    let (Some(at), client) = (iso(timestamp), fields.client) else { return Line::Malformed };
    let entry = |at, client| Entry { at, client, whole_second: false };
    match (&*fields.message, client) {
        ("reserved" | "reservation refused", Some(client)) => Line::Request(entry(at, client)),
        ("transfer", Some(client)) => {
            let seconds = fields.seconds.filter(|s| (0.0..1e7).contains(s)).unwrap_or(0.0);
            Line::Transfer(entry(at - (seconds * 1e9) as i64, client))
        }
        ("reserved" | "reservation refused" | "transfer", None) => Line::Malformed,
        _ => Line::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(fields: &str) -> String {
        format!(
            r#"{{"timestamp":"2025-07-10T14:02:31.250000Z","level":"INFO","fields":{{{fields}}},"target":"x"}}"#
        )
    }

    #[test]
    fn reservations_and_transfers() {
        let reserved = event(r#""message":"reserved","client":"192.0.2.7","port":8192"#);
        let Line::Request(reserved) = line(&reserved) else { panic!() };
        assert_eq!((reserved.at, reserved.client), (1_752_156_151_250_000_000, "192.0.2.7"));
        let transfer = event(
            r#""message":"transfer","client":"2001:db8::1","path":"/\"a\"","bytes":1,"seconds":0.25"#,
        );
        let Line::Transfer(transfer) = line(&transfer) else { panic!() };
        assert_eq!((reserved.at - transfer.at, transfer.client), (250_000_000, "2001:db8::1"));
    }

    #[test]
    fn the_rest() {
        for fields in [r#""message":"a \"b\"","port":1"#, ""] {
            assert_eq!(line(&event(fields)), Line::Other, "{fields}");
        }
        for text in ["", "ready", "{}", &event(r#""message":"reserved""#)] {
            assert_eq!(line(text), Line::Malformed, "{text}");
        }
    }
}
