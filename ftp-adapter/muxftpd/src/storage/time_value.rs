//! Times as RFC 3659 writes them (section 2.3): `YYYYMMDDHHMMSS`, in UTC, perhaps with a fraction.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::storage::decimal;

/// Reads a time, to the second or to a fraction of it. Second 60 is a leap second.
pub fn parse(text: &[u8]) -> Option<SystemTime> {
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(dot) => (&text[..dot], Some(&text[dot + 1..])),
        None => (text, None),
    };
    if whole.len() != 14 || !whole.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| {
        digits.iter().fold(0_i32, |number, digit| number * 10 + i32::from(digit - b'0'))
    };
    let nanoseconds = fraction.map_or(Some(0), nanoseconds)?;
    let field = |at: usize| number(&whole[at..at + 2]) as i8;
    // The system's clock has no leap seconds: it shows the last second of the minute twice.
    let second = if field(12) == 60 { 59 } else { field(12) };
    let year = number(&whole[..4]) as i16;
    let time =
        DateTime::new(year, field(4), field(6), field(8), field(10), second, nanoseconds).ok()?;
    let since = time.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    let distance = since.unsigned_abs();
    if since.is_negative() {
        UNIX_EPOCH.checked_sub(distance)
    } else {
        UNIX_EPOCH.checked_add(distance)
    }
}

/// Reads the argument of `MFMT`: a time, a space, and a path.
pub fn parse_with_path(argument: &[u8]) -> Option<(SystemTime, &[u8])> {
    let space = argument.iter().position(|byte| *byte == b' ')?;
    let path = &argument[space + 1..];
    if path.is_empty() {
        return None;
    }
    Some((parse(&argument[..space])?, path))
}

/// Appends a time, in seconds since 1970.
pub(crate) fn push(into: &mut Vec<u8>, seconds: i64) {
    let time = civil(seconds);
    decimal::push_zeroed(into, time.year().unsigned_abs().into(), 4);
    for field in [time.month(), time.day(), time.hour(), time.minute(), time.second()] {
        decimal::push_zeroed(into, field.unsigned_abs().into(), 2);
    }
}

/// A time in seconds since 1970 as date and time of day in UTC, none before the year 0.
pub(crate) fn civil(seconds: i64) -> DateTime {
    let year_zero = DateTime::constant(0, 1, 1, 0, 0, 0, 0);
    let timestamp = Timestamp::from_second(seconds).unwrap_or(if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    });
    Offset::UTC.to_datetime(timestamp).max(year_zero)
}

/// The digits behind the decimal point. More than nine say nothing that a file system can keep.
fn nanoseconds(digits: &[u8]) -> Option<i32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = digits.iter().map(|digit| i32::from(digit - b'0'));
    Some(digits.chain(std::iter::repeat(0)).take(9).fold(0, |number, digit| number * 10 + digit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn text(seconds: i64) -> String {
        let mut text = Vec::new();
        push(&mut text, seconds);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn times_are_read_as_the_rfc_writes_them() {
        let at = |text: &str| {
            parse(text.as_bytes()).map(|time| time.duration_since(UNIX_EPOCH).unwrap())
        };
        assert_eq!(at("19700101000000"), Some(Duration::ZERO));
        assert_eq!(at("20260131235959"), Some(Duration::from_secs(1_769_903_999)));
        assert_eq!(at("20260131235959.25"), Some(Duration::from_millis(1_769_903_999_250)));
        assert_eq!(at("20161231235960"), at("20161231235959"));
        assert_eq!(at("20240229000000"), Some(Duration::from_secs(1_709_164_800)));
        for wrong in [
            "",
            "2026013123595",
            "202601312359590",
            "20260131235959.",
            "20260131235959.x",
            "2026013123595x",
            "20261301000000",
            "20260230000000",
            "20260131240000",
            "20260131235961",
            "+2026013123595",
            " 20260131235959",
        ] {
            assert_eq!(at(wrong), None, "{wrong:?}");
        }
        assert!(parse(b"19691231235959").unwrap() < UNIX_EPOCH);
        let (_, path) = parse_with_path(b"20260131235959  a b").unwrap();
        assert_eq!(path, b" a b");
        assert_eq!(parse_with_path(b"20260131235959 "), None);
        assert_eq!(parse_with_path(b"20260131235959"), None);
    }

    #[test]
    fn no_time_of_a_file_system_is_too_much() {
        assert_eq!(text(i64::MIN), "00000101000000");
        assert!(text(i64::MAX).starts_with("9999"));
    }

    proptest! {
        #[test]
        fn a_time_that_is_shown_is_read_again(seconds in 0..253_402_000_000_i64) {
            let time = UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs());
            prop_assert_eq!(parse(text(seconds).as_bytes()), Some(time));
        }
    }
}
