//! Points in time as logs write them, read from bytes.
//!
//! A time without a zone is taken as if it were UTC: only the time from one line to the next
//! counts. The last date is remembered, so most lines cost only their clock.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::recording::{Grain, SECOND};

/// A moment that a log names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Nanoseconds since 1970.
    pub(crate) at: i64,
    /// How exactly it is known.
    pub(crate) grain: Grain,
    /// Whether its zone is named.
    pub(crate) zoned: bool,
}

/// In what order a date of three numbers stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DateOrder {
    /// 31/12/2026
    Dmy,
    /// 12/31/2026
    Mdy,
}

/// Reads times, and remembers what it needs for the next one.
#[derive(Debug, Default)]
pub(crate) struct Times {
    /// The last date (year, month, day) and its midnight.
    day: Option<((i16, i8, i8), i64)>,
    /// Dates of three numbers, in the order of their first appearance.
    numbered: Vec<(u8, u8, i16)>,
    /// The year and the month of the last time without a year.
    yearless: Option<(i16, i8)>,
    /// Whether a year had to be supposed to end.
    pub(crate) years_passed: u32,
}

const NANOS: i64 = SECOND as i64;
const DAY: i64 = 86_400 * NANOS;
/// Dates whose order is not known yet stand so far apart that no transfer reaches from one to
/// the next.
const APART: i64 = 16 * DAY;
/// They begin here, far before every date that a log knows.
const UNRESOLVED: i64 = -4_600_000_000 * NANOS;
const MOST_NUMBERED: usize = 3000;
const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];
const WEEKDAYS: [&[u8; 3]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];

/// Why dates of three numbers cannot be understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DateTrouble {
    /// Both orders are possible, and they differ.
    Ambiguous { example: String },
    /// Some are possible in one order only, some in the other only.
    Contradictory { one: String, other: String },
}

impl Times {
    /// `2025-07-10T14:02:31.25Z`, with a blank for the T, slashes for the dashes, a comma for the
    /// point, another offset or none; what follows is left.
    pub(crate) fn iso<'a>(&mut self, text: &'a [u8]) -> Option<(Moment, &'a [u8])> {
        let (year, rest) = digits(text, 4, 4)?;
        let dash = *rest.first().filter(|byte| matches!(byte, b'-' | b'/'))?;
        let (month, rest) = digits(&rest[1..], 1, 2)?;
        let (day, rest) = digits(rest.strip_prefix(&[dash])?, 1, 2)?;
        let (_, rest) =
            rest.split_first().filter(|(byte, _)| matches!(byte, b'T' | b't' | b' '))?;
        let (clock, grain, rest) = clock(rest)?;
        let (offset, rest) = zone(rest);
        let midnight = self.midnight(year as i16, month as i8, day as i8)?;
        Some((moment(midnight + clock, grain, offset), rest))
    }

    /// `Thu Jul 10 14:02:31 2025`; the zone's name may stand before the year.
    pub(crate) fn ctime<'a>(&mut self, text: &'a [u8]) -> Option<(Moment, &'a [u8])> {
        let (month, day, rest) = month_and_day(weekday(text)?)?;
        let (clock, grain, rest) = clock(rest)?;
        let rest = rest.strip_prefix(b" ")?;
        let (year, offset, rest) = match digits(rest, 4, 4) {
            Some((year, rest)) => (year, None, rest),
            None => {
                let blank = memchr::memchr(b' ', rest)?;
                let (offset, left) = zone(&rest[..blank]);
                if !left.is_empty() && !left.iter().all(u8::is_ascii_uppercase) {
                    return None;
                }
                let (year, rest) = digits(&rest[blank + 1..], 4, 4)?;
                (year, offset, rest)
            }
        };
        let midnight = self.midnight(year as i16, month, day)?;
        Some((moment(midnight + clock, grain, offset), rest))
    }

    /// `Jul 10 14:02:31`, as syslog writes it: the year is supposed, and one more whenever
    /// December is followed by January.
    pub(crate) fn syslog<'a>(&mut self, text: &'a [u8]) -> Option<(Moment, &'a [u8])> {
        let (month, day, rest) = month_and_day(text)?;
        let (clock, grain, rest) = clock(rest)?;
        // A leap year, so that every date is one.
        let (mut year, last) = self.yearless.unwrap_or((2024, month));
        if last >= 11 && month <= 2 {
            year += 1;
            self.years_passed += 1;
        } else if last <= 2 && month >= 11 && year > 2024 {
            year -= 1;
        }
        self.yearless = Some((year, month));
        let midnight = self.midnight(year, month, day)?;
        Some((moment(midnight + clock, grain, None), rest))
    }

    /// `10/Jul/2025:14:02:31 +0000`, as web servers write it.
    pub(crate) fn clf<'a>(&mut self, text: &'a [u8]) -> Option<(Moment, &'a [u8])> {
        let (day, rest) = digits(text, 1, 2)?;
        let (month, rest) = month(rest.strip_prefix(b"/")?)?;
        let (year, rest) = digits(rest.strip_prefix(b"/")?, 4, 4)?;
        let (clock, grain, rest) = clock(rest.strip_prefix(b":")?)?;
        let (offset, rest) = zone(rest);
        let midnight = self.midnight(year as i16, month, day as i8)?;
        Some((moment(midnight + clock, grain, offset), rest))
    }

    /// `Thu, 10 Jul 2025 14:02:31 +0000`, `10-Jul-2025 14:02:31`, `Jul 10, 2025 2:02:31 PM`.
    fn named<'a>(&mut self, text: &'a [u8]) -> Option<(Moment, &'a [u8])> {
        let text = weekday(text).unwrap_or(text);
        let gap = |rest: &'a [u8]| {
            rest.split_first()
                .filter(|(byte, _)| matches!(byte, b' ' | b'-' | b'/'))
                .map(|(_, r)| r)
        };
        let (day, month, rest) = match digits(text, 1, 2) {
            Some((day, rest)) => {
                let (month, rest) = month(gap(rest)?)?;
                (day as i8, month, rest)
            }
            None => {
                let (month, day, rest) = month_and_day_only(text)?;
                (day, month, rest)
            }
        };
        let rest = rest.strip_prefix(b",").unwrap_or(rest);
        let (year, rest) = digits(gap(rest)?, 4, 4)?;
        let rest = rest.strip_prefix(b",").unwrap_or(rest);
        let (_, rest) =
            rest.split_first().filter(|(byte, _)| matches!(byte, b' ' | b':' | b'T'))?;
        let (clock, grain, rest) = clock(rest)?;
        let (offset, rest) = zone(rest);
        let midnight = self.midnight(year as i16, month, day)?;
        Some((moment(midnight + clock, grain, offset), rest))
    }

    /// `10/07/2025 14:02:31`, `7/10/2025 2:02:31 PM`, `10.07.2025 14:02`: in what order stands
    /// only when all dates are known, see [`Self::resolve`].
    pub(crate) fn numbered<'a>(&mut self, text: &'a [u8]) -> Option<(Moment, &'a [u8])> {
        let (one, rest) = digits(text, 1, 2)?;
        let mark = *rest.first().filter(|byte| matches!(byte, b'/' | b'.' | b'-'))?;
        let (other, rest) = digits(&rest[1..], 1, 2)?;
        let (year, rest) = digits(rest.strip_prefix(&[mark])?, 4, 4)?;
        let rest = rest.strip_prefix(b",").unwrap_or(rest);
        let (_, rest) = rest.split_first().filter(|(byte, _)| matches!(byte, b' ' | b'T'))?;
        let (clock, grain, rest) = clock(rest)?;
        let (offset, rest) = zone(rest);
        let fits = |day: u32, month: u32| {
            (1..=12).contains(&month) && Date::new(year as i16, month as i8, day as i8).is_ok()
        };
        // Where points stand between the numbers, the day is always first.
        let possible = fits(one, other) || (mark != b'.' && fits(other, one));
        if !possible || !(1900..=2200).contains(&year) {
            return None;
        }
        if mark == b'.' {
            let midnight = self.midnight(year as i16, other as i8, one as i8)?;
            return Some((moment(midnight + clock, grain, offset), rest));
        }
        let date = (one as u8, other as u8, year as i16);
        // Mostly the last one.
        let number = match self.numbered.iter().rposition(|known| *known == date) {
            Some(number) => number,
            None if self.numbered.len() < MOST_NUMBERED => {
                self.numbered.push(date);
                self.numbered.len() - 1
            }
            None => return None,
        };
        Some((moment(UNRESOLVED + number as i64 * APART + clock, grain, offset), rest))
    }

    /// Whether times are such that [`Self::resolve`] must have its say.
    pub(crate) fn has_numbered(&self) -> bool {
        !self.numbered.is_empty()
    }

    /// What to make of the times that [`Self::numbered`] has given out, and in what order the
    /// dates stand, if that makes a difference.
    pub(crate) fn resolve(
        &self,
        told: Option<DateOrder>,
    ) -> Result<(impl Fn(i64) -> i64 + use<>, Option<DateOrder>), DateTrouble> {
        let date = |&(one, other, year): &(u8, u8, i16), order| {
            let (day, month) = if order == DateOrder::Dmy { (one, other) } else { (other, one) };
            Date::new(year, month as i8, day as i8).ok().and_then(midnight)
        };
        let written = |&(one, other, year): &(u8, u8, i16)| format!("{one:02}/{other:02}/{year}");
        let all = |order| -> Option<Vec<i64>> {
            self.numbered.iter().map(|numbers| date(numbers, order)).collect()
        };
        let (dmy, mdy) = (all(DateOrder::Dmy), all(DateOrder::Mdy));
        let impossible =
            |order| self.numbered.iter().find(|numbers| date(numbers, order).is_none());
        let (days, order) = match (dmy, mdy, told) {
            (Some(days), _, Some(DateOrder::Dmy)) => (days, Some(DateOrder::Dmy)),
            (_, Some(days), Some(DateOrder::Mdy)) => (days, Some(DateOrder::Mdy)),
            (Some(dmy), Some(mdy), None) => {
                // Where all dates lie equally far apart, there is nothing to decide.
                if dmy.iter().zip(&mdy).all(|(a, b)| a - dmy[0] == b - mdy[0]) {
                    (dmy, None)
                } else {
                    return Err(DateTrouble::Ambiguous { example: written(&self.numbered[0]) });
                }
            }
            (Some(days), None, None) => (days, Some(DateOrder::Dmy)),
            (None, Some(days), None) => (days, Some(DateOrder::Mdy)),
            (None, _, Some(DateOrder::Dmy))
            | (_, None, Some(DateOrder::Mdy))
            | (None, None, None) => {
                let shown = |order| impossible(order).map(written).unwrap_or_default();
                return Err(DateTrouble::Contradictory {
                    one: shown(DateOrder::Dmy),
                    other: shown(DateOrder::Mdy),
                });
            }
        };
        let resolve = move |at: i64| {
            // A transfer may have begun before its day, but not by half of what lies between.
            let number = (at - UNRESOLVED + APART / 2).div_euclid(APART);
            match usize::try_from(number).ok().and_then(|number| days.get(number)) {
                Some(day) => day + (at - UNRESOLVED - number * APART),
                None => at,
            }
        };
        Ok((resolve, order))
    }

    /// Seconds since 1970, perhaps with a fraction, or milli-, micro- or nanoseconds: their size
    /// tells which.
    pub(crate) fn epoch(text: &[u8]) -> Option<Moment> {
        let (whole, fraction) = match memchr::memchr(b'.', text) {
            Some(point) => (&text[..point], Some(&text[point + 1..])),
            None => (text, None),
        };
        if whole.is_empty() || whole.len() > 19 || !whole.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = whole.iter().try_fold(0_i64, |sum, byte| {
            sum.checked_mul(10)?.checked_add(i64::from(byte - b'0'))
        })?;
        // From 1990 to 2100.
        let (unit, grain) = [(NANOS, Grain::Second), (1_000_000, Grain::Fine), (1000, Grain::Fine)]
            .into_iter()
            .chain([(1, Grain::Fine)])
            .find(|(unit, _)| (631_152_000..4_102_444_800).contains(&(number / (NANOS / unit))))?;
        let (part, grain) = match fraction {
            None => (0, grain),
            Some(digits) if digits.iter().all(u8::is_ascii_digit) && !digits.is_empty() => {
                (billionths(digits) / (NANOS / unit), Grain::Fine)
            }
            Some(_) => return None,
        };
        Some(Moment { at: number * unit + part, grain, zoned: true })
    }

    /// A whole field in whatever way: this is for tables.
    pub(crate) fn any(&mut self, text: &[u8]) -> Option<Moment> {
        let text = text.trim_ascii();
        if let Some(moment) = Self::epoch(text) {
            return Some(moment);
        }
        let whole = |read: Option<(Moment, &[u8])>| {
            let (moment, rest) = read?;
            let rest = rest.trim_ascii();
            // The name of a zone.
            let name = rest.len() <= 5 && rest.iter().all(u8::is_ascii_alphabetic);
            (rest.is_empty() || name).then_some(moment)
        };
        let bare = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")).unwrap_or(text);
        whole(self.iso(bare))
            .or_else(|| whole(self.clf(bare)))
            .or_else(|| whole(self.numbered(bare)))
            .or_else(|| whole(self.ctime(bare)))
            .or_else(|| whole(self.named(bare)))
    }

    fn midnight(&mut self, year: i16, month: i8, day: i8) -> Option<i64> {
        let key = (year, month, day);
        if let Some((known, midnight)) = self.day
            && known == key
        {
            return Some(midnight);
        }
        let midnight = midnight(Date::new(year, month, day).ok()?)?;
        self.day = Some((key, midnight));
        Some(midnight)
    }
}

fn moment(at: i64, grain: Grain, offset: Option<i64>) -> Moment {
    Moment { at: at - offset.unwrap_or(0) * NANOS, grain, zoned: offset.is_some() }
}

fn midnight(date: Date) -> Option<i64> {
    let timestamp = TimeZone::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight()));
    i64::try_from(timestamp.ok()?.as_nanosecond()).ok()
}

/// A number of so many digits, and what follows.
fn digits(text: &[u8], fewest: usize, most: usize) -> Option<(u32, &[u8])> {
    let count = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    if count < fewest || text.get(count).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let (number, rest) = text.split_at(count);
    Some((number.iter().fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0')), rest))
}

fn billionths(digits: &[u8]) -> i64 {
    let mut sum = 0;
    for place in 0..9 {
        sum = sum * 10 + digits.get(place).map_or(0, |byte| i64::from(byte - b'0'));
    }
    sum
}

/// `14:02:31.25`, `14:02`, `2:02:31 PM`, in nanoseconds since midnight.
fn clock(text: &[u8]) -> Option<(i64, Grain, &[u8])> {
    let (mut hour, rest) = digits(text, 1, 2)?;
    let (minute, mut rest) = digits(rest.strip_prefix(b":")?, 2, 2)?;
    let (mut second, mut nanos, mut grain) = (0, 0, Grain::Minute);
    if let Some(seconds) = rest.strip_prefix(b":") {
        (second, rest) = digits(seconds, 2, 2)?;
        grain = Grain::Second;
        let fraction = match rest {
            [b'.' | b',', fraction @ ..] => fraction,
            _ => &[],
        };
        let count = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count > 0 {
            nanos = billionths(&fraction[..count]);
            grain = Grain::Fine;
            rest = &fraction[count..];
        }
    }
    let half = rest.strip_prefix(b" ").unwrap_or(rest);
    if let [half @ (b'A' | b'a' | b'P' | b'p'), b'M' | b'm', after @ ..] = half
        && !after.first().is_some_and(u8::is_ascii_alphanumeric)
    {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if matches!(half, b'P' | b'p') { 12 } else { 0 };
        rest = after;
    }
    // A leap second is the next minute's first.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Some((seconds * NANOS + nanos, grain, rest))
}

/// An offset in seconds, if one is named: `Z`, `+0200`, `+02:00`, ` +0200`, ` UTC`.
fn zone(text: &[u8]) -> (Option<i64>, &[u8]) {
    let rest = text.strip_prefix(b" ").unwrap_or(text);
    for name in [&b"Z"[..], b"z", b"UTC", b"GMT"] {
        if let Some(after) = rest.strip_prefix(name)
            && !after.first().is_some_and(u8::is_ascii_alphanumeric)
        {
            return (Some(0), after);
        }
    }
    match offset(rest) {
        Some((offset, after)) => (Some(offset), after),
        None => (None, text),
    }
}

/// `+0200`, `+02:00`, `+02`, in seconds.
fn offset(text: &[u8]) -> Option<(i64, &[u8])> {
    let (sign, rest) = match text {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes, rest) = match digits(rest, 4, 4) {
        Some((both, rest)) => (both / 100, both % 100, rest),
        None => {
            let (hours, rest) = digits(rest, 2, 2)?;
            match rest.strip_prefix(b":") {
                Some(rest) => {
                    let (minutes, rest) = digits(rest, 2, 2)?;
                    (hours, minutes, rest)
                }
                None => (hours, 0, rest),
            }
        }
    };
    (hours <= 14 && minutes < 60).then_some((sign * i64::from(hours * 3600 + minutes * 60), rest))
}

fn name_of<const N: usize>(text: &[u8], names: [&[u8; 3]; N]) -> Option<usize> {
    let word = text.get(..3)?;
    names.iter().position(|name| word.eq_ignore_ascii_case(&name[..]))
}

/// `Thu ` or `Thu, `.
fn weekday(text: &[u8]) -> Option<&[u8]> {
    name_of(text, WEEKDAYS)?;
    let rest = text[3..].strip_prefix(b",").unwrap_or(&text[3..]);
    rest.strip_prefix(b" ")
}

fn month(text: &[u8]) -> Option<(i8, &[u8])> {
    Some((name_of(text, MONTHS)? as i8 + 1, &text[3..]))
}

/// `Jul 10` or `Jul  3`.
fn month_and_day_only(text: &[u8]) -> Option<(i8, i8, &[u8])> {
    let (month, rest) = month(text)?;
    let rest = rest.strip_prefix(b" ")?;
    let (day, rest) = digits(rest.strip_prefix(b" ").unwrap_or(rest), 1, 2)?;
    (1..=31).contains(&day).then_some((month, day as i8, rest))
}

/// The same with the blank before the clock.
fn month_and_day(text: &[u8]) -> Option<(i8, i8, &[u8])> {
    let (month, day, rest) = month_and_day_only(text)?;
    Some((month, day, rest.strip_prefix(b" ")?))
}

#[cfg(test)]
mod tests;
