//! The names in a directory, as many of them sorted as memory is allowed for.

use std::ffi::CStr;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;

/// Up to how many names are sorted, and how long they may be together, in bytes. Beyond that a
/// directory is told unsorted, as it is read, with no more memory for a million files than for
/// these.
pub(crate) const MAX_SORTED: usize = 100_000;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// How much of a directory is read at a time, in bytes.
#[cfg(target_os = "linux")]
const READ: usize = 32 * 1024;

/// Names, one after the other, without memory for each of them.
#[derive(Debug)]
pub(crate) struct Names {
    source: Source,
    collected: Collected,
    /// Those of the collected ones that are still to come.
    left: Range<usize>,
    is_ended: bool,
    max_sorted: usize,
}

#[derive(Debug, Default)]
struct Collected {
    /// The names, each with a NUL behind it.
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// A name by its place among the bytes, without its NUL.
#[derive(Debug, Clone, Copy)]
struct Entry {
    begin: u32,
    end: u32,
}

impl Names {
    /// Those in `directory`, which was opened for it.
    pub(crate) fn new(directory: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            source: Source::new(directory)?,
            collected: Collected::default(),
            left: 0..0,
            is_ended: false,
            max_sorted: MAX_SORTED,
        })
    }

    #[cfg(test)]
    pub(crate) fn set_max_sorted(&mut self, max_sorted: usize) {
        self.max_sorted = max_sorted;
    }

    /// The next name that is `wanted`; none at the end. `.` and `..` are no names.
    pub(crate) fn next(&mut self, wanted: impl Fn(&[u8]) -> bool) -> io::Result<Option<&CStr>> {
        while self.left.is_empty() {
            if self.is_ended {
                return Ok(None);
            }
            self.collect(&wanted)?;
        }
        let next = self.left.start;
        self.left.start += 1;
        let Entry { begin, end } = self.collected.entries[next];
        let name = &self.collected.bytes[begin as usize..=end as usize];
        CStr::from_bytes_with_nul(name).map(Some).map_err(io::Error::other)
    }

    /// Reads on: all of them the first time if they are few enough, later a few.
    fn collect(&mut self, wanted: &impl Fn(&[u8]) -> bool) -> io::Result<()> {
        let is_first = self.left.end == 0;
        self.collected.clear();
        loop {
            self.is_ended = !self.source.read(&mut self.collected, wanted)?;
            let (count, bytes) = (self.collected.entries.len(), self.collected.bytes.len());
            let is_full = count >= self.max_sorted || bytes >= MAX_BYTES;
            if self.is_ended || is_full || !is_first && count > 0 {
                break;
            }
        }
        if is_first && self.is_ended {
            self.collected.sort();
        }
        // The end tells that this was not the first time, even if there was nothing.
        self.left = 0..self.collected.entries.len();
        Ok(())
    }
}

impl Collected {
    fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    fn push(&mut self, name: &CStr, wanted: &impl Fn(&[u8]) -> bool) {
        let bytes = name.to_bytes();
        if matches!(bytes, b"." | b"..") || !wanted(bytes) {
            return;
        }
        // Below 4 GiB: reading stops at a few MiB.
        let begin = self.bytes.len() as u32;
        self.bytes.extend_from_slice(name.to_bytes_with_nul());
        self.entries.push(Entry { begin, end: begin + bytes.len() as u32 });
    }

    fn sort(&mut self) {
        let name = |entry: &Entry| &self.bytes[entry.begin as usize..entry.end as usize];
        self.entries.sort_unstable_by(|one, other| name(one).cmp(name(other)));
    }
}

/// The directory, read in blocks.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Source {
    directory: OwnedFd,
    block: Vec<u8>,
}

#[cfg(target_os = "linux")]
impl Source {
    fn new(directory: OwnedFd) -> io::Result<Self> {
        Ok(Self { directory, block: Vec::with_capacity(READ) })
    }

    /// Reads a block; false at the end.
    fn read(&mut self, into: &mut Collected, wanted: &impl Fn(&[u8]) -> bool) -> io::Result<bool> {
        let mut block = rustix::fs::RawDir::new(&self.directory, self.block.spare_capacity_mut());
        loop {
            match block.next() {
                Some(entry) => into.push(entry?.file_name(), wanted),
                None => return Ok(false),
            }
            if block.is_buffer_empty() {
                return Ok(true);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
struct Source(rustix::fs::Dir);

#[cfg(not(target_os = "linux"))]
impl Source {
    fn new(directory: OwnedFd) -> io::Result<Self> {
        Ok(Self(rustix::fs::Dir::new(directory)?))
    }

    /// Reads some; false at the end.
    fn read(&mut self, into: &mut Collected, wanted: &impl Fn(&[u8]) -> bool) -> io::Result<bool> {
        for _ in 0..256 {
            match self.0.read() {
                Some(entry) => into.push(entry?.file_name(), wanted),
                None => return Ok(false),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs::{self, File};

    fn all(names: &mut Names) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(name) = names.next(|name| name != b"unwanted").unwrap() {
            all.push(name.to_str().unwrap().to_owned());
        }
        assert!(names.next(|_| true).unwrap().is_none());
        all
    }

    #[test]
    fn names_are_sorted_as_long_as_they_are_few() {
        let directory = tempfile::tempdir().unwrap();
        let expected: BTreeSet<String> = (0..3000).map(|at| format!("name {at}")).collect();
        for name in expected.iter().chain([&"unwanted".to_owned()]) {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let open = || Names::new(File::open(directory.path()).unwrap().into()).unwrap();
        assert!(all(&mut open()).iter().eq(&expected));

        let mut few = open();
        few.set_max_sorted(10);
        let read = all(&mut few);
        assert_eq!(read.len(), expected.len());
        assert_eq!(read.into_iter().collect::<BTreeSet<_>>(), expected);
        assert!(few.collected.bytes.capacity() < 2 * 32 * 1024 * 16, "memory for all of them");
    }

    #[test]
    fn an_empty_directory_has_no_names() {
        let directory = tempfile::tempdir().unwrap();
        let mut names = Names::new(File::open(directory.path()).unwrap().into()).unwrap();
        assert!(all(&mut names).is_empty());
    }
}
