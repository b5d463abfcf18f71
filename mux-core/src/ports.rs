//! The configured set of passive ports.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The passive ports: any non-empty set of TCP ports, with holes where wanted.
///
/// Written as ports and ranges separated by commas, `8192-8200,9000`. Ports keep a dense *index*
/// in ascending order, which is what the reservation table works with.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PortSet {
    /// Ascending, disjoint, with at least one port between any two of them.
    ranges: Box<[Range]>,
    len: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Range {
    first: u16,
    last: u16,
    /// How many ports of the set lie below `first`.
    index: u32,
}

impl PortSet {
    /// The set of all ports in `ranges`, which may overlap and come in any order.
    ///
    /// # Errors
    ///
    /// When no port is named, when port 0 is named, or when a range ends before it starts.
    pub fn new(
        ranges: impl IntoIterator<Item = RangeInclusive<u16>>,
    ) -> Result<Self, PortSetError> {
        let mut wanted: Vec<(u16, u16)> = Vec::new();
        for range in ranges {
            let (first, last) = (*range.start(), *range.end());
            if first > last {
                return Err(PortSetError::Backwards { part: format!("{first}-{last}") });
            }
            if first == 0 {
                return Err(PortSetError::Zero { part: format!("{first}-{last}") });
            }
            wanted.push((first, last));
        }
        wanted.sort_unstable();

        let mut ranges: Vec<Range> = Vec::new();
        for (first, last) in wanted {
            match ranges.last_mut() {
                Some(before) if u32::from(first) <= u32::from(before.last) + 1 => {
                    before.last = before.last.max(last);
                }
                _ => ranges.push(Range { first, last, index: 0 }),
            }
        }
        let mut len = 0;
        for range in &mut ranges {
            range.index = len;
            len += u32::from(range.last - range.first) + 1;
        }
        if len == 0 {
            return Err(PortSetError::Empty);
        }
        Ok(Self { ranges: ranges.into(), len })
    }

    /// How many ports there are; at least 1, at most 65,535.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a port set is never empty")]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// The position of `port` in the set, or `None` if it is not a passive port.
    #[must_use]
    pub fn index_of(&self, port: u16) -> Option<u16> {
        let after = self.ranges.partition_point(|range| range.first <= port);
        let range = self.ranges[..after].last()?;
        let index = range.index + u32::from(port - range.first);
        (port <= range.last).then_some(index as u16)
    }

    /// The port at position `index`, the inverse of [`index_of`](Self::index_of).
    #[must_use]
    pub fn port_at(&self, index: u16) -> Option<u16> {
        let index = u32::from(index);
        let after = self.ranges.partition_point(|range| range.index <= index);
        let range = self.ranges[..after].last()?;
        let offset = index - range.index;
        (offset <= u32::from(range.last - range.first)).then(|| range.first + offset as u16)
    }

    /// Whether `port` is a passive port.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.index_of(port).is_some()
    }

    /// The ports in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.ranges.iter().flat_map(|range| range.first..=range.last)
    }
}

impl FromStr for PortSet {
    type Err = PortSetError;

    fn from_str(text: &str) -> Result<Self, PortSetError> {
        let mut ranges = Vec::new();
        if text.trim().is_empty() {
            return Err(PortSetError::Empty);
        }
        for (before, part) in text.split(',').enumerate() {
            let part = part.trim();
            if part.is_empty() {
                return Err(PortSetError::EmptyPart { number: before + 1 });
            }
            let (first, last) = match part.split_once('-') {
                Some((first, last)) => (port(first, part)?, port(last, part)?),
                None => (port(part, part)?, port(part, part)?),
            };
            if first > last {
                return Err(PortSetError::Backwards { part: part.to_owned() });
            }
            ranges.push(first..=last);
        }
        Self::new(ranges)
    }
}

fn port(text: &str, part: &str) -> Result<u16, PortSetError> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(0) => Err(PortSetError::Zero { part: part.to_owned() }),
        Ok(port) if digits => Ok(port),
        _ => Err(PortSetError::NotAPort { text: text.to_owned(), part: part.to_owned() }),
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, range) in self.ranges.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            if range.first == range.last {
                write!(f, "{comma}{}", range.first)?;
            } else {
                write!(f, "{comma}{}-{}", range.first, range.last)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PortSet({self})")
    }
}

/// Why a text or a list of ranges is not a set of passive ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortSetError {
    /// No port was named.
    #[error("no port is given: give ports and ranges separated by commas, like 8192-8200,9000")]
    Empty,
    /// Nothing stands between two commas, or before the first or after the last.
    #[error("part {number} of the list is empty: give a port or a range between the commas")]
    EmptyPart {
        /// Which part of the list, counted from 1.
        number: usize,
    },
    /// Port 0 is not a port one can listen on.
    #[error("port 0 cannot be listened on, in {part:?}: give ports from 1 to 65535")]
    Zero {
        /// The part of the list it stands in.
        part: String,
    },
    /// A range ends before it starts.
    #[error("the range {part} ends before it starts: give the lower port first")]
    Backwards {
        /// The range as it was written.
        part: String,
    },
    /// Something that is not a number from 1 to 65535.
    #[error("{text:?} in {part:?} is not a port: give numbers from 1 to 65535")]
    NotAPort {
        /// The offending number.
        text: String,
        /// The part of the list it stands in.
        part: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn sets_with_holes_read_and_print() {
        let ports: PortSet = "9000, 8192-8200".parse().unwrap();
        assert_eq!(ports.len(), 10);
        assert_eq!(ports.to_string(), "8192-8200,9000");
        assert_eq!(ports.port_at(0), Some(8192));
        assert_eq!(ports.port_at(8), Some(8200));
        assert_eq!(ports.port_at(9), Some(9000));
        assert_eq!(ports.port_at(10), None);
        assert!(!ports.contains(8201));
    }

    #[test]
    fn neighbours_and_overlaps_melt_together() {
        let ports: PortSet = "10-12,13,12-20,65535".parse().unwrap();
        assert_eq!(ports.to_string(), "10-20,65535");
        let all: PortSet = "1-65535".parse().unwrap();
        assert_eq!(all.len(), 65_535);
        assert_eq!(all.port_at(65_534), Some(65_535));
    }

    #[test]
    fn errors_point_at_the_offending_part() {
        let error = |text: &str| text.parse::<PortSet>().unwrap_err();
        assert_eq!(error(""), PortSetError::Empty);
        assert_eq!(error(" "), PortSetError::Empty);
        assert_eq!(error("1,,2"), PortSetError::EmptyPart { number: 2 });
        assert_eq!(error("1,2,"), PortSetError::EmptyPart { number: 3 });
        assert_eq!(error("7,0-5"), PortSetError::Zero { part: "0-5".into() });
        assert_eq!(error("7,0"), PortSetError::Zero { part: "0".into() });
        assert_eq!(error("9-8"), PortSetError::Backwards { part: "9-8".into() });
        for (text, wrong, part) in [
            ("1,+2", "+2", "+2"),
            ("5,7-65536", "65536", "7-65536"),
            ("8192-", "", "8192-"),
            ("-5", "", "-5"),
            ("1-2-3", "2-3", "1-2-3"),
            ("ftp", "ftp", "ftp"),
        ] {
            let expected = PortSetError::NotAPort { text: wrong.into(), part: part.into() };
            assert_eq!(error(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn index_and_port_are_inverse(
            ranges in prop::collection::vec((1_u16.., 0_u16..400), 1..8)
        ) {
            let ranges = ranges.iter().map(|&(first, width)| first..=first.saturating_add(width));
            let expected: BTreeSet<u16> = ranges.clone().flatten().collect();
            let ports = PortSet::new(ranges).unwrap();
            prop_assert_eq!(ports.iter().collect::<Vec<_>>(),
                expected.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(ports.len(), expected.len());
            for (index, &port) in expected.iter().enumerate() {
                prop_assert_eq!(ports.index_of(port), Some(index as u16));
                prop_assert_eq!(ports.port_at(index as u16), Some(port));
                prop_assert_eq!(ports.contains(port - 1), expected.contains(&(port - 1)));
            }
            prop_assert_eq!(ports.port_at(ports.len().min(65_534) as u16).is_none(), ports.len() < 65_535);
            prop_assert_eq!(ports.to_string().parse::<PortSet>().unwrap(), ports);
        }
    }
}
