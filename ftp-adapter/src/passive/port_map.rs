//! The ports that clients are told, where they are not those that are listened on.

use mux_core::PortSet;
use mux_core::PortSetError;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The ports that replies name, and the ports that are listened on: for a NAT that forwards the
/// one to the other.
///
/// Written as `30000-30008=8192-8200`, exposed ports first. Several parts are separated by
/// commas, and a part without `=` is forwarded as it is: `8192-8200` maps each port to itself.
/// Every port of a range is mapped to the one in the same place of the other range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMap {
    /// In ascending order of the listened ports.
    parts: Vec<Part>,
    listened: PortSet,
}

/// Two ranges of the same width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    exposed: u16,
    listened: u16,
    /// One less than the number of ports.
    last: u16,
    /// Where it stood in the text, counted from 1.
    number: usize,
}

impl PortMap {
    /// The ports to listen on.
    #[must_use]
    pub fn listened(&self) -> &PortSet {
        &self.listened
    }

    /// The port that clients are told for one that is listened on; `None` for any other port.
    #[must_use]
    pub fn exposed(&self, listened: u16) -> Option<u16> {
        let part = self.parts.iter().find(|part| part.listened().contains(&listened))?;
        Some(part.exposed + (listened - part.listened))
    }

    /// Whether clients are told the ports as they are listened on.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.parts.iter().all(|part| part.exposed == part.listened)
    }

    pub(super) fn covers(&self, ports: &PortSet) -> Result<(), NotMapped> {
        match ports.iter().find(|port| self.exposed(*port).is_none()) {
            Some(port) => Err(NotMapped { port }),
            None => Ok(()),
        }
    }
}

impl Part {
    fn exposed(&self) -> RangeInclusive<u16> {
        self.exposed..=self.exposed + self.last
    }

    fn listened(&self) -> RangeInclusive<u16> {
        self.listened..=self.listened + self.last
    }

    fn read(text: &str, number: usize) -> Result<Self, Wrong> {
        let (exposed, listened) = match text.split_once('=') {
            Some((exposed, listened)) => (range(exposed)?, range(listened)?),
            None => (range(text)?, range(text)?),
        };
        if exposed.len() != listened.len() {
            return Err(Wrong::Widths(exposed.len(), listened.len()));
        }
        let last = exposed.end() - exposed.start();
        Ok(Self { exposed: *exposed.start(), listened: *listened.start(), last, number })
    }
}

/// One port or one range. There is no comma in `text`, so the set has no holes.
fn range(text: &str) -> Result<RangeInclusive<u16>, Wrong> {
    let ports: PortSet = text.parse().map_err(Wrong::Ports)?;
    let last = ports.port_at((ports.len() - 1) as u16).expect("the last index is a port's");
    Ok(ports.port_at(0).expect("a port set is never empty")..=last)
}

/// The lowest port that both have.
fn common(one: &RangeInclusive<u16>, other: &RangeInclusive<u16>) -> Option<u16> {
    let first = *one.start().max(other.start());
    (one.contains(&first) && other.contains(&first)).then_some(first)
}

impl FromStr for PortMap {
    type Err = PortMapError;

    fn from_str(text: &str) -> Result<Self, PortMapError> {
        let mut parts: Vec<Part> = Vec::new();
        for (before, written) in text.split(',').map(str::trim).enumerate() {
            let number = before + 1;
            let wrong = |wrong| PortMapError { number, part: written.to_owned(), wrong };
            let part = Part::read(written, number).map_err(wrong)?;
            for other in &parts {
                if let Some(port) = common(&part.exposed(), &other.exposed()) {
                    return Err(wrong(Wrong::ExposedTwice(port, other.number)));
                }
                if let Some(port) = common(&part.listened(), &other.listened()) {
                    return Err(wrong(Wrong::ListenedTwice(port, other.number)));
                }
            }
            parts.push(part);
        }
        parts.sort_unstable_by_key(|part| part.listened);
        let listened = PortSet::new(parts.iter().map(Part::listened));
        Ok(Self { parts, listened: listened.expect("every part names ports from 1 up") })
    }
}

impl fmt::Display for PortMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |first: u16, last: u16| match last {
            0 => first.to_string(),
            _ => format!("{first}-{}", first + last),
        };
        for (position, part) in self.parts.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            if part.exposed != part.listened {
                write!(f, "{}=", range(part.exposed, part.last))?;
            }
            f.write_str(&range(part.listened, part.last))?;
        }
        Ok(())
    }
}

/// Why a text is not a [`PortMap`]. It names the part of the text that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("part {number}, {part:?}: {wrong}")]
pub struct PortMapError {
    number: usize,
    part: String,
    wrong: Wrong,
}

impl PortMapError {
    /// Which part of the text is wrong, counted from 1.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// That part.
    #[must_use]
    pub fn part(&self) -> &str {
        &self.part
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Wrong {
    #[error(transparent)]
    Ports(PortSetError),
    #[error("{0} ports are exposed and {1} listened on: give ranges of the same width")]
    Widths(usize, usize),
    #[error("port {0} is exposed by part {1} already")]
    ExposedTwice(u16, usize),
    #[error("port {0} is listened on by part {1} already")]
    ListenedTwice(u16, usize),
}

/// A port is listened on that a [`PortMap`] leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("port {port} is listened on, but the port map does not say how clients reach it")]
pub struct NotMapped {
    /// The port that is left out, the lowest one.
    pub port: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> PortMap {
        text.parse().unwrap()
    }

    #[test]
    fn every_port_is_told_as_its_counterpart() {
        let ports = map("30000-30008=8192-8200");
        assert_eq!(ports.listened().to_string(), "8192-8200");
        assert_eq!(ports.exposed(8192), Some(30_000));
        assert_eq!(ports.exposed(8196), Some(30_004));
        assert_eq!(ports.exposed(8200), Some(30_008));
        assert_eq!(ports.exposed(8191), None);
        assert_eq!(ports.exposed(8201), None);
        assert_eq!(ports.exposed(30_000), None);
        assert!(!ports.is_plain());
    }

    #[test]
    fn parts_may_have_holes_between_them_cross_and_touch() {
        let ports = map("65535=9000, 1-3=8193-8195, 8192, 8193=1");
        assert_eq!(ports.listened().to_string(), "1,8192-8195,9000");
        for (listened, exposed) in [(9000, 65_535), (8193, 1), (8195, 3), (8192, 8192), (1, 8193)] {
            assert_eq!(ports.exposed(listened), Some(exposed), "{listened}");
        }
        assert_eq!(ports.to_string(), "8193=1,8192,1-3=8193-8195,65535=9000");
        let again = map(&ports.to_string());
        assert!(ports.listened().iter().all(|port| ports.exposed(port) == again.exposed(port)));
    }

    #[test]
    fn plain_ports_map_to_themselves() {
        let ports = map("8192-8200,9000");
        assert!(ports.is_plain());
        assert!(ports.listened().iter().all(|port| ports.exposed(port) == Some(port)));
        assert!(map("1-65535").is_plain());
        assert!(map("5=5").is_plain());
    }

    #[test]
    fn errors_point_at_the_offending_part() {
        for (text, expected) in [
            ("", "part 1, \"\": no port is given"),
            ("1,,2", "part 2, \"\": no port is given"),
            (
                "1,30000-30008=8192-8199",
                "part 2, \"30000-30008=8192-8199\": 9 ports are exposed and 8",
            ),
            ("1-5,9=0", "part 2, \"9=0\": port 0 cannot be listened on, in \"0\""),
            ("0=9", "part 1, \"0=9\": port 0"),
            ("70000=9", "part 1, \"70000=9\": \"70000\" in \"70000\" is not a port"),
            ("1=9-8", "part 1, \"1=9-8\": the range 9-8 ends before it starts"),
            ("1=2=3", "part 1, \"1=2=3\": \"2=3\" in \"2=3\" is not a port"),
            ("1=", "part 1, \"1=\": no port is given"),
            ("10-19=110-119,15-16=1-2", "part 2, \"15-16=1-2\": port 15 is exposed by part 1"),
            ("10-19=110-119,5,1=119", "part 3, \"1=119\": port 119 is listened on by part 1"),
            ("10-12,12", "part 2, \"12\": port 12 is exposed by part 1"),
        ] {
            let error = text.parse::<PortMap>().unwrap_err();
            assert!(error.to_string().starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_map_that_leaves_out_a_port_is_noticed() {
        let set = |text: &str| text.parse::<PortSet>().unwrap();
        assert_eq!(map("30000-30008=8192-8200").covers(&set("8193-8195,8200")), Ok(()));
        let error = map("30000=8192,30002=8194").covers(&set("8192-8194")).unwrap_err();
        assert_eq!(error.port, 8193);
        assert!(error.to_string().starts_with("port 8193 is listened on"), "{error}");
    }
}
