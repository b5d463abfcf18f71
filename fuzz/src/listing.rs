//! Any bytes as the names of files, and what listings make of them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use muxftpd::storage::{Facts, Format, FtpPath, Storage};

/// How many names a directory gets at most.
const MAX_NAMES: usize = 20;

/// Makes a file for each name that `bytes` has between NULs and slashes, or a link if the name
/// has an `@`, to what is behind it. Then lists them in each format and reads the listings.
///
/// # Panics
///
/// If a name is missing, broken or made up, or a line is.
pub fn run(bytes: &[u8]) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut shown = BTreeSet::new();
    for name in bytes.split(|byte| matches!(byte, 0 | b'/')).take(MAX_NAMES) {
        let path = directory.path().join(OsStr::from_bytes(name));
        if name.is_empty() || name.len() > 255 || matches!(name, b"." | b"..") {
            continue;
        }
        match name.iter().position(|byte| *byte == b'@') {
            Some(at) if at + 1 < name.len() => {
                let _ = symlink(OsStr::from_bytes(&name[at + 1..]), &path);
            }
            _ => drop(File::create_new(&path)),
        }
        if path.symlink_metadata().is_ok() && !name.iter().any(|byte| b"\r\n".contains(byte)) {
            shown.insert(name);
        }
    }
    let storage = Storage::open(directory.path(), false).expect("the directory");
    let list = |argument: &[u8], format| {
        let mut listing = storage.list(&FtpPath::root(), argument, format)?;
        let mut text = Vec::new();
        while listing.next_piece(&mut text)? {}
        Ok::<_, std::io::Error>(text)
    };

    let names = list(b"", Format::Names).expect("a listing");
    assert!(lines(&names).eq(shown.iter().copied()), "not the names, in their order");
    let machine = list(b"", Format::Machine(Facts::ALL)).expect("a listing");
    assert!(lines(&machine).map(machine_name).eq(shown.iter().copied()));
    let long = list(b"", Format::Long).expect("a listing");
    assert_eq!(lines(&long).count(), shown.len());
    for (line, name) in lines(&long).zip(&shown) {
        let rest = long_name(line);
        assert_eq!(&rest[..name.len()], *name);
        let target = &rest[name.len()..];
        assert!(target.is_empty() || line[0] == b'l' && target.starts_with(b" -> "));
    }
    // What `NLST` has told can be asked for, whatever it looks like.
    for name in &shown {
        if storage.metadata(&FtpPath::root().join(name)).is_ok_and(|it| it.is_dir()) {
            // A link to the directory: what is in it is told instead.
            continue;
        }
        match list(name, Format::Names) {
            Ok(text) => assert!(lines(&text).eq([*name])),
            // A link in a circle is neither there nor not.
            Err(error) => panic!("{}: {error}", String::from_utf8_lossy(name)),
        }
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    assert!(text.is_empty() || text.ends_with(b"\r\n"));
    text.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let line = line.strip_suffix(b"\r\n").expect("a line end");
        assert!(!line.contains(&b'\r'));
        line
    })
}

/// What is behind the first space (RFC 3659, section 7.2), with facts before it.
fn machine_name(line: &[u8]) -> &[u8] {
    // The target of a link may have spaces in it, and is a fact all the same.
    let end = line.windows(2).position(|pair| pair == b"; ");
    let (facts, name) = line.split_at(end.expect("facts") + 1);
    for fact in facts.split_inclusive(|byte| *byte == b';') {
        assert!(fact.contains(&b'='), "{}", String::from_utf8_lossy(line));
    }
    &name[1..]
}

/// What is behind the eighth field.
fn long_name(line: &[u8]) -> &[u8] {
    let mut rest = line;
    for _ in 0..8 {
        rest = &rest[rest.iter().position(|byte| *byte != b' ').expect("a field")..];
        rest = &rest[rest.iter().position(|byte| *byte == b' ').expect("a space")..];
    }
    &rest[1..]
}
