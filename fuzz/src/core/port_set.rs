//! Any text, read as a set of passive ports.

use mux_core::PortSet;

/// Reads a port set from the bytes and compares it with a plainer reading of the same text.
///
/// # Panics
///
/// If the two disagree, or the set with itself.
pub fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match (text.parse::<PortSet>(), read(text)) {
        (Ok(ports), Some(named)) => check(&ports, &named),
        (Err(error), None) => {
            assert!(!error.to_string().is_empty());
            assert!(!format!("{error:?}").is_empty());
        }
        (parsed, expected) => panic!("{text:?} gives {parsed:?}, expected {expected:?}"),
    }
}

fn check(ports: &PortSet, named: &[(u16, u16)]) {
    let printed = ports.to_string();
    assert_eq!(printed.parse::<PortSet>().as_ref(), Ok(ports));
    let ranges = read(&printed).expect("what was printed");

    // Membership only changes at the ends of ranges, so equal there means equal everywhere.
    for &(first, last) in ranges.iter().chain(named) {
        for port in [first - 1, first, last, last.saturating_add(1)] {
            let expected = named.iter().any(|&(first, last)| first <= port && port <= last);
            assert_eq!(ports.contains(port), expected, "{port} in {printed}");
        }
    }

    let mut index = 0;
    for &(first, last) in &ranges {
        are_inverse(ports, index, first);
        are_inverse(ports, index + usize::from(last - first), last);
        assert_eq!(ports.index_of(first - 1), None, "{printed} has a seam at {first}");
        index += usize::from(last - first) + 1;
    }
    assert_eq!(ports.len(), index);
    assert_eq!(u16::try_from(index).ok().and_then(|index| ports.port_at(index)), None);
    assert!(ports.iter().take(300).enumerate().all(|(index, port)| {
        are_inverse(ports, index, port);
        true
    }));
}

fn are_inverse(ports: &PortSet, index: usize, port: u16) {
    let index = u16::try_from(index).expect("fewer than 65,536 ports");
    assert_eq!(ports.index_of(port), Some(index), "{port} in {ports}");
    assert_eq!(ports.port_at(index), Some(port), "{index} in {ports}");
}

/// The ranges that the text names, as it names them; `None` if it is not a set of ports.
fn read(text: &str) -> Option<Vec<(u16, u16)>> {
    text.split(',')
        .map(|part| {
            let numbers = part.split('-').map(number).collect::<Option<Vec<_>>>()?;
            let (first, last) = match numbers[..] {
                [port] => (port, port),
                [first, last] => (first, last),
                _ => return None,
            };
            (first <= last).then_some((first, last))
        })
        .collect()
}

/// Digits, with blanks around them, that make a number from 1 to 65,535.
fn number(text: &str) -> Option<u16> {
    let value = text
        .trim()
        .chars()
        .try_fold(0_u32, |value, digit| Some((value * 10 + digit.to_digit(10)?).min(1 << 16)))?;
    u16::try_from(value).ok().filter(|&port| port != 0)
}
