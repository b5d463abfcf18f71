//! Any text, read as a map of exposed ports to listened ones.

use std::collections::BTreeMap;

use ftp_adapter::PortMap;

/// Reads a port map from the bytes and compares it with a plainer reading of the same text.
///
/// # Panics
///
/// If the two disagree, or the map with itself.
pub fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match (text.parse::<PortMap>(), read(text)) {
        (Ok(map), Some(pairs)) => {
            check(&map, &pairs);
            let printed = map.to_string();
            let again: PortMap = printed.parse().expect("what was printed");
            check(&again, &pairs);
            assert_eq!(again.to_string(), printed);
        }
        (Err(error), None) => {
            let part = text.split(',').nth(error.number() - 1);
            assert_eq!(part.map(str::trim), Some(error.part()), "{text:?}");
            assert!(error.to_string().starts_with(&format!("part {}, ", error.number())));
        }
        (map, expected) => panic!("{text:?} gives {map:?}, expected {expected:?}"),
    }
}

fn check(map: &PortMap, pairs: &BTreeMap<u16, u16>) {
    assert!(map.listened().iter().eq(pairs.keys().copied()), "{map}");
    for (&listened, &exposed) in pairs {
        assert_eq!(map.exposed(listened), Some(exposed), "{listened} in {map}");
        for beside in [listened - 1, listened.saturating_add(1)] {
            assert_eq!(map.exposed(beside), pairs.get(&beside).copied(), "{beside} in {map}");
        }
    }
    assert_eq!(map.is_plain(), pairs.iter().all(|(listened, exposed)| listened == exposed));
}

/// The exposed port of every listened one; `None` if the text is not a port map.
fn read(text: &str) -> Option<BTreeMap<u16, u16>> {
    let mut pairs = BTreeMap::new();
    let mut exposed_ports = std::collections::BTreeSet::new();
    for part in text.split(',') {
        let mut sides = part.splitn(2, '=').map(range);
        let exposed = sides.next()??;
        let listened = sides.next().unwrap_or(Some(exposed))?;
        if exposed.1 - exposed.0 != listened.1 - listened.0 {
            return None;
        }
        for (exposed, listened) in (exposed.0..=exposed.1).zip(listened.0..=listened.1) {
            if pairs.insert(listened, exposed).is_some() || !exposed_ports.insert(exposed) {
                return None;
            }
        }
    }
    Some(pairs)
}

/// A port, or two of them with a dash between them, the lower one first.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    (first <= last).then_some((first, last))
}

/// Digits, with blanks around them, that make a number from 1 to 65,535.
fn number(text: &str) -> Option<u16> {
    let digits = text.trim();
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // More digits than any port has, after the zeros in front, overflow and are none.
    digits.parse().ok().filter(|&port| all && port != 0)
}
