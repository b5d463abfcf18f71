//! Small files that the system has in memory, read without waiting for a disk.
//!
//! The system says itself when it would have to wait; the file is then opened and read as any
//! other, on a thread that may.

use std::fs::File;
use std::io;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use crate::storage::metadata::Metadata;
use crate::storage::path::FtpPath;
use crate::storage::root::Storage;

impl Storage {
    /// Opens a file to read it, as [`Self::read`] does, if this takes no waiting: none else is
    /// found, nor one in another file system, which may be across a network.
    pub fn read_cached(&self, path: &FtpPath) -> Option<(File, Metadata)> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let resolve = ResolveFlags::BENEATH
            | ResolveFlags::NO_MAGICLINKS
            | ResolveFlags::NO_XDEV
            | ResolveFlags::CACHED;
        let opened =
            openat2(&*self.directory, path.relative(), flags, Mode::empty(), resolve).ok()?;
        let metadata = Metadata::from(&rustix::fs::fstat(&opened).ok()?);
        metadata.is_file().then(|| (opened.into(), metadata))
    }

    /// Appends `length` bytes of a file of this storage from `offset` on, if all of them are in
    /// memory.
    pub fn read_bytes_cached(
        &self,
        file: &File,
        offset: u64,
        length: usize,
        into: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let begin = into.len();
        into.resize(begin + length, 0);
        let read = self.read_now(file, &mut into[begin..], offset);
        if !matches!(read, Ok(read) if read == length) {
            into.truncate(begin);
        }
        match read {
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
            read => Ok(read? == length),
        }
    }

    fn read_now(&self, file: &File, into: &mut [u8], offset: u64) -> Result<usize, Errno> {
        if self.in_memory {
            return rustix::io::pread(file, into, offset);
        }
        preadv2(file, &mut [io::IoSliceMut::new(into)], offset, ReadWriteFlags::NOWAIT)
    }
}
