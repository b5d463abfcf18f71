//! Lines as `ls -l` prints them, which is what programs that read `LIST` know best.

use crate::storage::decimal;
use crate::storage::metadata::Metadata;
use crate::storage::time_value;

/// From how many seconds on a change is so long ago that its year is shown: half a year.
const RECENT: i64 = 182 * 24 * 3600;

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Appends one line. `now` is in seconds since 1970; `target` is where a link leads.
///
/// Times are in UTC. A reader takes one without a year for the last such day, so the year is shown
/// for what changed long ago or has yet to come.
pub(crate) fn push(
    into: &mut Vec<u8>,
    metadata: &Metadata,
    name: &[u8],
    target: Option<&[u8]>,
    now: i64,
) {
    push_mode(into, metadata);
    into.push(b' ');
    decimal::push(into, metadata.links, 3);
    into.push(b' ');
    push_padded(into, metadata.uid);
    into.push(b' ');
    push_padded(into, metadata.gid);
    into.push(b' ');
    decimal::push(into, metadata.len, 12);
    into.push(b' ');
    push_date(into, metadata.modified, now);
    into.push(b' ');
    into.extend_from_slice(name);
    if let Some(target) = target {
        into.extend_from_slice(b" -> ");
        into.extend(
            target.iter().map(|byte| if matches!(byte, b'\r' | b'\n' | 0) { b'?' } else { *byte }),
        );
    }
    into.extend_from_slice(b"\r\n");
}

fn push_mode(into: &mut Vec<u8>, metadata: &Metadata) {
    let mut letters = *b"-rwxrwxrwx";
    letters[0] = metadata.type_letter();
    for (at, letter) in letters[1..].iter_mut().enumerate() {
        if metadata.mode & (0o400 >> at) == 0 {
            *letter = b'-';
        }
    }
    for (bit, at, letter) in [(0o4000, 3, b's'), (0o2000, 6, b's'), (0o1000, 9, b't')] {
        if metadata.mode & bit != 0 {
            let executable = letters[at] == b'x';
            letters[at] = if executable { letter } else { letter.to_ascii_uppercase() };
        }
    }
    into.extend_from_slice(&letters);
}

/// An owner's number, with spaces behind it.
fn push_padded(into: &mut Vec<u8>, number: u32) {
    let begin = into.len();
    decimal::push(into, number.into(), 0);
    while into.len() < begin + 8 {
        into.push(b' ');
    }
}

fn push_date(into: &mut Vec<u8>, seconds: i64, now: i64) {
    let time = time_value::civil(seconds);
    into.extend_from_slice(MONTHS[usize::from(time.month().unsigned_abs() - 1) % 12]);
    into.push(b' ');
    decimal::push(into, time.day().unsigned_abs().into(), 2);
    into.push(b' ');
    if (now.saturating_sub(RECENT)..=now).contains(&seconds) {
        decimal::push_zeroed(into, time.hour().unsigned_abs().into(), 2);
        into.push(b':');
        decimal::push_zeroed(into, time.minute().unsigned_abs().into(), 2);
    } else {
        decimal::push(into, time.year().unsigned_abs().into(), 5);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn metadata(mode: u32, len: u64, modified: i64) -> Metadata {
        Metadata { mode, len, modified, links: 1, uid: 1000, gid: 100, device: 0, inode: 0 }
    }

    fn line(metadata: &Metadata, name: &[u8], target: Option<&[u8]>) -> String {
        let mut text = Vec::new();
        push(&mut text, metadata, name, target, 1_769_904_000);
        String::from_utf8_lossy(&text).into_owned()
    }

    #[test]
    fn lines_look_as_those_of_ls() {
        assert_eq!(
            line(&metadata(0o100_644, 12, 1_769_903_999), b"a b", None),
            "-rw-r--r--   1 1000     100                12 Jan 31 23:59 a b\r\n"
        );
        assert_eq!(
            line(&metadata(0o043_755, 4096, 1_700_000_000), b"d", None),
            "drwxr-sr-t   1 1000     100              4096 Nov 14  2023 d\r\n"
        );
        assert_eq!(
            line(&metadata(0o120_777, 1, 1_769_904_001), b"l", Some(b"to\nfile")),
            "lrwxrwxrwx   1 1000     100                 1 Feb  1  2026 l -> to?file\r\n"
        );
        assert!(line(&metadata(0o107_000, 1, 0), b"s", None).starts_with("---S--S--T "));
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read_again(
            mode in 0_u32..0o777, len: u64, modified in 0..1_769_904_000_i64, name in "[ -~]{1,20}"
        ) {
            let text = line(&metadata(0o100_000 | mode, len, modified), name.as_bytes(), None);
            let mut rest = text.strip_suffix("\r\n").unwrap();
            let mut fields = Vec::new();
            for _ in 0..8 {
                let (field, after) = rest.split_once(' ').unwrap();
                fields.push(field);
                rest = if fields.len() == 8 { after } else { after.trim_start() };
            }
            prop_assert_eq!(rest, name);
            prop_assert_eq!(fields[4].parse::<u64>().unwrap(), len);
            let read = fields[0][1..].bytes().fold(0, |mode, letter| mode << 1 | u32::from(letter != b'-'));
            prop_assert_eq!(read, mode);
            let time = time_value::civil(modified);
            prop_assert_eq!(fields[5].as_bytes(), MONTHS[time.month() as usize - 1]);
            prop_assert_eq!(fields[6].parse::<i8>().unwrap(), time.day());
            match fields[7].split_once(':') {
                Some((hour, minute)) => {
                    prop_assert_eq!(hour.parse::<i8>().unwrap(), time.hour());
                    prop_assert_eq!(minute.parse::<i8>().unwrap(), time.minute());
                }
                None => prop_assert_eq!(fields[7].parse::<i16>().unwrap(), time.year()),
            }
        }
    }
}
