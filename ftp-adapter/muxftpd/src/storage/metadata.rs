//! What the system knows of a file, in plain numbers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_std::fs::MetadataExt;
use rustix::fs::Stat;
use rustix::process::{getegid, geteuid, getgroups};

const TYPE: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// Type, size, time and owner of a file, a directory or anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    pub(crate) mode: u32,
    pub(crate) len: u64,
    /// In seconds since 1970.
    pub(crate) modified: i64,
    pub(crate) links: u64,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl Metadata {
    /// The size in bytes.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// When the content was changed, to the second.
    pub fn modified(&self) -> SystemTime {
        let distance = Duration::from_secs(self.modified.unsigned_abs());
        let time = if self.modified < 0 {
            UNIX_EPOCH.checked_sub(distance)
        } else {
            UNIX_EPOCH.checked_add(distance)
        };
        time.unwrap_or(UNIX_EPOCH)
    }

    /// The same as `MDTM` tells it (RFC 3659, section 3): `20260131235959`.
    pub fn time_value(&self) -> String {
        let mut text = Vec::new();
        crate::storage::time_value::push(&mut text, self.modified);
        String::from_utf8(text).unwrap_or_default()
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.mode & TYPE == DIRECTORY
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.mode & TYPE == REGULAR
    }

    /// Whether it is a symbolic link. Only what is known of an entry itself can be.
    pub fn is_link(&self) -> bool {
        self.mode & TYPE == LINK
    }

    /// The permissions, up to 0o7777.
    pub fn mode(&self) -> u32 {
        self.mode & 0o7777
    }

    /// The letter that `ls -l` shows for its type.
    pub(crate) fn type_letter(&self) -> u8 {
        match self.mode & TYPE {
            DIRECTORY => b'd',
            REGULAR => b'-',
            LINK => b'l',
            0o010_000 => b'p',
            0o020_000 => b'c',
            0o060_000 => b'b',
            0o140_000 => b's',
            _ => b'?',
        }
    }
}

#[allow(
    clippy::unnecessary_cast,
    clippy::cast_lossless,
    reason = "the types of the fields differ by system"
)]
impl From<&Stat> for Metadata {
    fn from(stat: &Stat) -> Self {
        Self {
            mode: stat.st_mode as u32,
            len: stat.st_size as u64,
            modified: stat.st_mtime as i64,
            links: stat.st_nlink as u64,
            uid: stat.st_uid as u32,
            gid: stat.st_gid as u32,
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
        }
    }
}

impl From<&cap_std::fs::Metadata> for Metadata {
    fn from(metadata: &cap_std::fs::Metadata) -> Self {
        Self {
            mode: metadata.mode(),
            len: metadata.size(),
            modified: metadata.mtime(),
            links: metadata.nlink(),
            uid: metadata.uid(),
            gid: metadata.gid(),
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// As whom the program accesses files.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    uid: u32,
    groups: Vec<u32>,
}

/// What the permissions of a file let somebody do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) execute: bool,
}

impl Identity {
    pub(crate) fn of_program() -> Self {
        let mut groups = vec![getegid().as_raw()];
        groups.extend(getgroups().unwrap_or_default().iter().map(|group| group.as_raw()));
        Self { uid: geteuid().as_raw(), groups }
    }

    /// What the mode lets it do. Access lists and read-only file systems are not looked at.
    pub(crate) fn access(&self, metadata: &Metadata) -> Access {
        if self.uid == 0 {
            return Access { read: true, write: true, execute: true };
        }
        let bits = if self.uid == metadata.uid {
            metadata.mode >> 6
        } else if self.groups.contains(&metadata.gid) {
            metadata.mode >> 3
        } else {
            metadata.mode
        };
        Access { read: bits & 4 != 0, write: bits & 2 != 0, execute: bits & 1 != 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_class_that_fits_decides() {
        let metadata = Metadata {
            mode: 0o100_754,
            len: 0,
            modified: -1,
            links: 1,
            uid: 1,
            gid: 2,
            device: 0,
            inode: 0,
        };
        let access = |uid, group| {
            let access = Identity { uid, groups: vec![group] }.access(&metadata);
            (access.read, access.write, access.execute)
        };
        assert_eq!(access(1, 2), (true, true, true));
        assert_eq!(access(3, 2), (true, false, true));
        assert_eq!(access(3, 4), (true, false, false));
        assert_eq!(access(0, 4), (true, true, true));
        assert_eq!(metadata.modified(), UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(metadata.time_value(), "19691231235959");
    }
}
