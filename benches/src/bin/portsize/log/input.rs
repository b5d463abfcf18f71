//! Files and standard input, unpacked.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

use super::LogError;
use super::shown::escaped;

/// How far reading has come, in bytes as they lie on the disk.
pub(crate) struct Come {
    pub(crate) read: u64,
    /// All of them, if that is known.
    pub(crate) all: Option<u64>,
}

/// An input, unpacked.
pub(super) struct Input<'a> {
    pub(super) name: String,
    pub(super) bytes: Box<dyn Read + 'a>,
    /// Whether it is unpacked on the way, so that what fails may be the packing.
    pub(super) packed: bool,
}

const CHUNK: usize = 1 << 18;

/// Opens `path`, `-` being standard input. `progress` is told how far reading has come, of what
/// it was before.
pub(super) fn open<'a>(
    path: &Path,
    before: &Rc<Cell<u64>>,
    all: Option<u64>,
    progress: &'a dyn Fn(Come),
) -> Result<Input<'a>, LogError> {
    let name = name_of(path);
    let failed = |error| LogError::Io { name: name.clone(), error };
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(failed)?)
    };
    let mut input = Counting { input, read: Rc::clone(before), all, progress };
    let mut magic = Vec::new();
    input.by_ref().take(6).read_to_end(&mut magic).map_err(failed)?;
    let shown = if name.contains(char::is_whitespace) { "FILE" } else { &name };
    let unread = |command: &str| {
        Err(LogError::Packed { name: name.clone(), command: format!("{command} {shown}") })
    };
    let begins = |with: &[u8]| magic.starts_with(with);
    if begins(b"BZh") {
        return unread("bzip2 -dc");
    }
    if begins(b"\xfd7zXZ\0") {
        return unread("xz -dc");
    }
    if begins(b"\x04\x22\x4d\x18") {
        return unread("lz4 -dc");
    }
    if begins(b"PK\x03\x04") {
        return unread("unzip -p");
    }
    if begins(b"\x1f\x9d") {
        return unread("uncompress -c");
    }
    if begins(b"\xff\xfe") || begins(b"\xfe\xff") {
        return unread("iconv -f UTF-16 -t UTF-8");
    }
    let (gzip, zstd) = (begins(b"\x1f\x8b"), begins(b"\x28\xb5\x2f\xfd"));
    let whole = io::Cursor::new(magic).chain(input);
    let bytes: Box<dyn Read + 'a> = if gzip {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK, whole)))
    } else if zstd {
        let buffered = BufReader::with_capacity(CHUNK, whole);
        Box::new(zstd::stream::read::Decoder::with_buffer(buffered).map_err(failed)?)
    } else {
        Box::new(whole)
    };
    Ok(Input { name, bytes, packed: gzip || zstd })
}

pub(super) fn name_of(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        escaped(&path.to_string_lossy())
    }
}

/// How much there is to read, if all are files.
pub(super) fn size<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Option<u64> {
    let size = |path: &Path| {
        std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|m| m.len())
    };
    paths.into_iter().map(size).sum()
}

/// Tells how far reading has come.
struct Counting<'a, R> {
    input: R,
    read: Rc<Cell<u64>>,
    all: Option<u64>,
    progress: &'a dyn Fn(Come),
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read.set(self.read.get() + read as u64);
        (self.progress)(Come { read: self.read.get(), all: self.all });
        Ok(read)
    }
}
