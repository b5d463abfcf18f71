//! What `MLST` and `MLSD` tell of a file (RFC 3659, section 7).

use std::fmt;

use crate::storage::decimal;
use crate::storage::metadata::{Access, Metadata};
use crate::storage::time_value;

/// The facts that there are, in the order in which they are told.
const NAMES: [&str; 6] = ["type", "size", "modify", "perm", "unix.mode", "unique"];

const TYPE: u8 = 1;
const SIZE: u8 = 2;
const MODIFY: u8 = 4;
const PERM: u8 = 8;
const UNIX_MODE: u8 = 16;
const UNIQUE: u8 = 32;

/// The facts that a client wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts(u8);

impl Facts {
    /// All that there are, which is what a client gets that does not choose.
    pub const ALL: Self = Self(63);

    /// Reads the argument of `OPTS MLST`: names in any case, each with a semicolon behind it.
    /// What is not known is left out (section 7.9), and nothing chosen means the name alone.
    pub fn parse(argument: &[u8]) -> Self {
        let mut chosen = 0;
        for name in argument.split(|byte| *byte == b';') {
            let name = name.trim_ascii();
            for (at, known) in NAMES.iter().enumerate() {
                if name.eq_ignore_ascii_case(known.as_bytes()) {
                    chosen |= 1 << at;
                }
            }
        }
        Self(chosen)
    }

    /// The line of `FEAT`: all names, with a star behind those that are chosen.
    pub fn feature(self) -> String {
        let names = NAMES.iter().enumerate().map(|(at, name)| {
            let star = if self.has(1 << at) { "*" } else { "" };
            format!("{name}{star};")
        });
        format!("MLST {}", names.collect::<String>())
    }

    fn has(self, fact: u8) -> bool {
        self.0 & fact != 0
    }
}

/// The names of those that are chosen, as the reply to `OPTS MLST` tells them: `type;size;`.
impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in NAMES.iter().enumerate() {
            if self.has(1 << at) {
                write!(f, "{name};")?;
            }
        }
        Ok(())
    }
}

/// What there is to tell of one entry.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) metadata: &'a Metadata,
    /// Where a link leads that cannot be followed.
    pub(crate) dangling: Option<&'a [u8]>,
    /// What its permissions let the client do, the client's own right to write included.
    pub(crate) access: Access,
    /// Whether the client may add and remove entries where it is.
    pub(crate) parent_writable: bool,
}

/// Appends the facts, each with a semicolon, and the space that the name comes behind.
pub(crate) fn push(into: &mut Vec<u8>, facts: Facts, subject: &Subject<'_>) {
    let metadata = subject.metadata;
    if facts.has(TYPE) {
        into.extend_from_slice(b"type=");
        push_type(into, subject);
        into.push(b';');
    }
    if facts.has(SIZE) && !metadata.is_dir() {
        into.extend_from_slice(b"size=");
        decimal::push(into, metadata.len, 0);
        into.push(b';');
    }
    if facts.has(MODIFY) {
        into.extend_from_slice(b"modify=");
        time_value::push(into, metadata.modified);
        into.push(b';');
    }
    if facts.has(PERM) {
        into.extend_from_slice(b"perm=");
        push_perm(into, subject);
        into.push(b';');
    }
    if facts.has(UNIX_MODE) {
        into.extend_from_slice(b"unix.mode=0");
        for shift in [9, 6, 3, 0] {
            let digit = metadata.mode >> shift & 7;
            if shift < 9 || digit > 0 {
                into.push(b'0' + digit as u8);
            }
        }
        into.push(b';');
    }
    if facts.has(UNIQUE) {
        into.extend_from_slice(b"unique=");
        push_hexadecimal(into, metadata.device);
        into.push(b'g');
        push_hexadecimal(into, metadata.inode);
        into.push(b';');
    }
    into.push(b' ');
}

/// A link that cannot be followed is told as clients know it from other servers.
fn push_type(into: &mut Vec<u8>, subject: &Subject<'_>) {
    let metadata = subject.metadata;
    into.extend_from_slice(match () {
        () if metadata.is_dir() => b"dir",
        () if metadata.is_file() => b"file",
        () if metadata.is_link() => b"OS.unix=slink",
        () => b"OS.unix=other",
    });
    // A target that the fact could not hold is left out.
    let breaks = |byte: &u8| matches!(byte, b';' | b'\r' | b'\n' | 0);
    if let Some(target) = subject.dangling
        && !target.iter().any(breaks)
    {
        into.push(b':');
        into.extend_from_slice(target);
    }
}

/// Section 7.5.5.
fn push_perm(into: &mut Vec<u8>, subject: &Subject<'_>) {
    let Access { read, write, execute } = subject.access;
    let removable = subject.parent_writable;
    let letters: [(u8, bool); 8] = if subject.metadata.is_dir() {
        [
            (b'c', write && execute),
            (b'd', removable),
            (b'e', execute),
            (b'f', removable),
            (b'l', read && execute),
            (b'm', write && execute),
            (b'p', write && execute),
            (0, false),
        ]
    } else {
        let is_file = subject.metadata.is_file();
        [
            (b'a', write && is_file),
            (b'd', removable),
            (b'f', removable),
            (b'r', read && is_file),
            (b'w', write && is_file),
            (0, false),
            (0, false),
            (0, false),
        ]
    };
    into.extend(letters.iter().filter(|(_, has)| *has).map(|(letter, _)| *letter));
}

fn push_hexadecimal(into: &mut Vec<u8>, number: u64) {
    let digits = (64 - number.leading_zeros()).div_ceil(4).max(1);
    for at in (0..digits).rev() {
        into.push(b"0123456789abcdef"[(number >> (4 * at) & 15) as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn clients_choose_facts() {
        assert_eq!(Facts::parse(b"Type;SIZE;x.unknown;").to_string(), "type;size;");
        assert_eq!(Facts::parse(b"unique;type").to_string(), "type;unique;");
        assert_eq!(Facts::parse(b"").to_string(), "");
        assert_eq!(Facts::parse(Facts::ALL.to_string().as_bytes()), Facts::ALL);
        assert_eq!(Facts::ALL.feature(), "MLST type*;size*;modify*;perm*;unix.mode*;unique*;");
        assert_eq!(
            Facts::parse(b"size;").feature(),
            "MLST type;size*;modify;perm;unix.mode;unique;"
        );
    }

    fn line(mode: u32, facts: Facts, write: bool, dangling: Option<&[u8]>) -> String {
        let metadata = Metadata {
            mode,
            len: 12,
            modified: 1_769_903_999,
            links: 1,
            uid: 0,
            gid: 0,
            device: 0xfd00,
            inode: 26,
        };
        let access = Access { read: true, write, execute: true };
        let subject = Subject { metadata: &metadata, dangling, access, parent_writable: write };
        let mut text = Vec::new();
        push(&mut text, facts, &subject);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn facts_look_as_in_the_rfc() {
        assert_eq!(
            line(0o100_644, Facts::ALL, true, None),
            "type=file;size=12;modify=20260131235959;perm=adfrw;unix.mode=0644;unique=fd00g1a; "
        );
        assert_eq!(
            line(0o042_750, Facts::ALL, true, None),
            "type=dir;modify=20260131235959;perm=cdeflmp;unix.mode=02750;unique=fd00g1a; "
        );
        let perm = Facts::parse(b"perm");
        assert_eq!(line(0o100_644, perm, false, None), "perm=r; ");
        assert_eq!(line(0o040_755, perm, false, None), "perm=el; ");
        let kind = Facts::parse(b"type");
        assert_eq!(line(0o120_777, kind, true, Some(b"/x")), "type=OS.unix=slink:/x; ");
        assert_eq!(line(0o120_777, kind, true, Some(b"a;b")), "type=OS.unix=slink; ");
        assert_eq!(line(0o010_644, kind, true, None), "type=OS.unix=other; ");
        assert_eq!(line(0o100_644, Facts::parse(b""), true, None), " ");
    }

    proptest! {
        #[test]
        fn numbers_are_hexadecimal(number: u64) {
            let mut text = Vec::new();
            push_hexadecimal(&mut text, number);
            prop_assert_eq!(String::from_utf8(text).unwrap(), format!("{number:x}"));
        }
    }
}
