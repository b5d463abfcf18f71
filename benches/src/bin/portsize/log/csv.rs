//! Comma-separated values: a time and a client address in each line.
//!
//! With a header, the columns are those named `time` (or `timestamp`) and `client` (or `ip`,
//! `address`); without, the first two. A time is seconds since 1970, perhaps with a fraction, or
//! written like `2025-07-10T14:02:31Z` or `2025-07-10 14:02:31`.

use super::time::{iso, unix};
use super::{Entry, Line};

/// Where time and client stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Columns {
    time: usize,
    client: usize,
}

impl Columns {
    /// Without a header.
    pub(super) const FIRST: Self = Self { time: 0, client: 1 };

    /// What the header says, if it is one.
    pub(super) fn of_header(fields: &csv::StringRecord) -> Option<Self> {
        let position = |names: &[&str]| {
            fields
                .iter()
                .position(|field| names.iter().any(|name| field.trim().eq_ignore_ascii_case(name)))
        };
        Some(Self {
            time: position(&["time", "timestamp"])?,
            client: position(&["client", "ip", "address"])?,
        })
    }
}

pub(super) fn record<'a>(fields: &'a csv::StringRecord, columns: Columns) -> Line<'a> {
    let (Some(time), Some(client)) = (fields.get(columns.time), fields.get(columns.client)) else {
        return Line::Malformed;
    };
    let (time, client) = (time.trim(), client.trim());
    let Some(at) = unix(time).or_else(|| iso(time)) else { return Line::Malformed };
    if client.is_empty() || client.contains(char::is_whitespace) {
        return Line::Malformed;
    }
    // A fraction, even of zero, says that the moment is known.
    let fraction = time.contains('.') || time.contains(['e', 'E']);
    Line::Request(Entry { at, client, whole_second: !fraction })
}

/// Whether a line looks like this format.
pub(super) fn looks_like(text: &str) -> bool {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut fields = csv::StringRecord::new();
    reader.read_record(&mut fields).unwrap_or(false)
        && (Columns::of_header(&fields).is_some()
            || matches!(record(&fields, Columns::FIRST), Line::Request(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_every_way() {
        let at = |time: &str| {
            let fields = csv::StringRecord::from(vec![time, "192.0.2.7"]);
            match record(&fields, Columns::FIRST) {
                Line::Request(entry) => Some((entry.at, entry.whole_second)),
                _ => None,
            }
        };
        let second = 1_752_156_151_000_000_000;
        assert_eq!(at("1752156151"), Some((second, true)));
        assert_eq!(at("1752156151.5"), Some((second + 500_000_000, false)));
        assert_eq!(at("2025-07-10T14:02:31Z"), Some((second, true)));
        assert_eq!(at("2025-07-10T16:02:31+02:00"), Some((second, true)));
        assert_eq!(at(" 2025-07-10 14:02:31.250 "), Some((second + 250_000_000, false)));
        assert_eq!(at("noon"), None);
    }

    #[test]
    fn the_header_says_which_columns() {
        let header = csv::StringRecord::from(vec!["bytes", "IP", "Timestamp"]);
        let columns = Columns::of_header(&header);
        assert_eq!(columns, Some(Columns { time: 2, client: 1 }));
        let values = csv::StringRecord::from(vec!["17", "192.0.2.7"]);
        assert_eq!(Columns::of_header(&values), None);
        assert!(looks_like("time,client"));
        assert!(looks_like("17,192.0.2.7"));
        assert!(!looks_like("Hello, world"));
    }
}
