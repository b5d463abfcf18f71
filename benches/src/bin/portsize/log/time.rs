//! Points in time as logs write them. Local times are taken as if they were UTC: only the time
//! from one line to the next counts.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Thu Jul 10 14:02:31 2025`, word by word, in nanoseconds since 1970.
pub(super) fn ctime<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<i64> {
    let _weekday = words.next()?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as i8 + 1;
    let day = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|number| number.parse::<i8>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let date = Date::new(words.next()?.parse().ok()?, month, day).ok()?;
    local(date.to_datetime(Time::new(hour, minute, second, 0).ok()?))
}

/// `2025-07-10T14:02:31.25Z`, the same with another offset, or without one.
pub(super) fn iso(text: &str) -> Option<i64> {
    match text.parse::<Timestamp>() {
        Ok(timestamp) => i64::try_from(timestamp.as_nanosecond()).ok(),
        Err(_) => local(text.parse().ok()?),
    }
}

/// Seconds since 1970, perhaps with a fraction.
pub(super) fn unix(text: &str) -> Option<i64> {
    let seconds: f64 = text.parse().ok()?;
    // Up to the year 2262, where nanoseconds end.
    (seconds.is_finite() && seconds.abs() < 9.2e9).then_some((seconds * 1e9) as i64)
}

fn local(time: DateTime) -> Option<i64> {
    let timestamp = TimeZone::UTC.to_timestamp(time).ok()?;
    i64::try_from(timestamp.as_nanosecond()).ok()
}
