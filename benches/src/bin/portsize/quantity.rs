//! What an operator writes on the command line, and how numbers are written back.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How often something happens, written like `6/min`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    pub(crate) per_second: f64,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a rate: write rates like 6/min, 0.5/s or 20/h");
        let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
        let seconds = match unit.trim() {
            "s" => 1.0,
            "min" | "m" => 60.0,
            "h" => 3600.0,
            "d" | "day" => 86_400.0,
            _ => return Err(wrong()),
        };
        let number: f64 = number.trim().parse().map_err(|_| wrong())?;
        if !(number > 0.0 && number <= 1e6) {
            return Err(format!("{text:?} is not a rate: it must be above 0, at most 1000000"));
        }
        Ok(Self { per_second: number / seconds })
    }
}

/// A part of a whole, written like `0.1%` or `0.001`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Share(pub(crate) f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a share: write shares like 0.1% or 0.001");
        let (number, whole) = match text.trim().strip_suffix('%') {
            Some(number) => (number.trim_end(), 100.0),
            None => (text.trim(), 1.0),
        };
        let share = number.parse::<f64>().map_err(|_| wrong())? / whole;
        if (0.0..1.0).contains(&share) {
            Ok(Self(share))
        } else {
            Err(format!("{text:?} is not a share from 0% to below 100%"))
        }
    }
}

impl fmt::Display for Share {
    /// With two digits where there is something to see.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        if percent == 0.0 {
            return f.write_str("0 %");
        }
        if percent < 1e-6 {
            return f.write_str("< 0.000001 %");
        }
        write!(f, "{} %", significant(percent))
    }
}

/// A number with two digits that matter, or all of them before the point.
pub(crate) fn significant(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    // The power of ten is that of the rounded number: 0.0998 has that of 0.10.
    let rounded = format!("{number:.1e}");
    let power: i32 = rounded.rsplit('e').next().and_then(|power| power.parse().ok()).unwrap_or(0);
    let digits = (1 - power).clamp(0, 12) as usize;
    format!("{number:.digits$}")
}

/// An offered load, to three digits where there is something to see.
pub(crate) fn load(load: f64) -> String {
    let digits = if load < 1e-9 { 0 } else { (2 - load.log10().floor() as i32).clamp(0, 4) };
    format!("{load:.*}", digits as usize)
}

/// Some client addresses with many sessions behind each, written like `3x400`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nat {
    pub(crate) addresses: u32,
    pub(crate) sessions: u32,
}

impl FromStr for Nat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a number of addresses and of sessions behind each: write 3x400 \
                 for three addresses with 400 sessions each"
            )
        };
        let (addresses, sessions) = text.split_once('x').ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse().ok().filter(|n| (1..=1_000_000).contains(n));
        Ok(Self {
            addresses: number(addresses).ok_or_else(wrong)?,
            sessions: number(sessions).ok_or_else(wrong)?,
        })
    }
}

/// Candidate widths, written like `9`, `5,9,20` or `1-12`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Widths(pub(crate) Vec<u16>);

impl FromStr for Widths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?} does not say how many ports: write numbers like 9, 5,9,20 or 1-12")
        };
        let number = |text: &str| match text.trim().parse::<u16>() {
            Ok(0) => Err("0 ports serve nobody: give numbers from 1 to 65535".to_owned()),
            number => number.map_err(|_| wrong()),
        };
        let mut widths = Vec::new();
        for part in text.split(',') {
            match part.split_once('-') {
                Some((first, last)) => {
                    let (first, last) = (number(first)?, number(last)?);
                    if first > last {
                        return Err(format!("{part} ends before it starts"));
                    }
                    widths.extend(first..=last);
                }
                None => widths.push(number(part)?),
            }
        }
        widths.sort_unstable();
        widths.dedup();
        if widths.len() > 100 {
            return Err(format!("{text:?} names {} widths: give at most 100", widths.len()));
        }
        Ok(Self(widths))
    }
}

/// Longer ones are slips of the pen.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration > LONGEST => Err("at most 7d is allowed".to_owned()),
        Ok(duration) => Ok(duration),
        Err(_) => Err("write durations like 500ms, 15s or 2m".to_owned()),
    }
}

pub(crate) fn positive(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it must be longer than 0s".to_owned()),
        duration => Ok(duration),
    }
}

/// A duration as one number with a unit.
pub(crate) fn written(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        0.0 => "0 ms".to_owned(),
        _ if seconds < 0.9995 => format!("{} ms", significant(seconds * 1e3)),
        _ if seconds < 120.0 => format!("{} s", trimmed(seconds)),
        _ if seconds < 7200.0 => format!("{} min", trimmed(seconds / 60.0)),
        _ if seconds < 2.0 * 86_400.0 => format!("{} h", trimmed(seconds / 3600.0)),
        _ => format!("{} days", trimmed(seconds / 86_400.0)),
    }
}

fn trimmed(number: f64) -> String {
    let text = significant(number);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A factor as somebody would say it: `2`, `1.5`.
pub(crate) fn plain(number: f64) -> String {
    trimmed(number)
}

/// A count with commas between the thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 port`, `2 ports`.
pub(crate) fn of(number: u64, thing: &str) -> String {
    let plural = match thing {
        _ if number == 1 => "",
        _ if thing.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {thing}{plural}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_shares_nats_and_widths_are_read() {
        assert_eq!("6/min".parse::<Rate>().unwrap().per_second, 0.1);
        assert_eq!("0.1%".parse::<Share>().unwrap(), Share(0.001));
        assert_eq!("0.001".parse::<Share>().unwrap(), Share(0.001));
        assert_eq!("3x400".parse::<Nat>().unwrap(), Nat { addresses: 3, sessions: 400 });
        assert_eq!("9,1-3,2".parse::<Widths>().unwrap().0, [1, 2, 3, 9]);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "6", "6/fortnight", "-1/s", "0/s", "nan/s", "inf/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        for text in ["", "%", "100%", "-1%", "1", "nan"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        for text in ["", "3", "x", "0x5", "5x0", "3x400x2", "9999999x1"] {
            assert!(text.parse::<Nat>().is_err(), "{text}");
        }
        for text in ["", "0", "9-5", "65536", "1-200", "a"] {
            assert!(text.parse::<Widths>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(Share(0.01234).to_string(), "1.2 %");
        assert_eq!(Share(0.000_998).to_string(), "0.10 %");
        assert_eq!(Share(0.000_123).to_string(), "0.012 %");
        assert_eq!(Share(0.5).to_string(), "50 %");
        assert_eq!(Share(0.0).to_string(), "0 %");
        assert_eq!(Share(1e-20).to_string(), "< 0.000001 %");
        assert_eq!(written(Duration::from_millis(161)), "161 ms");
        assert_eq!(written(Duration::from_nanos(999_999_990)), "1 s");
        assert_eq!(written(Duration::from_secs(15)), "15 s");
        assert_eq!(written(Duration::from_secs(3600)), "60 min");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(of(1, "port"), "1 port");
    }
}
