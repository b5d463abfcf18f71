//! The directory that a session can reach, and what it may do there.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{Access, AtFlags, OFlags};

use crate::storage::facts::{self, Facts, Subject};
use crate::storage::metadata::{self, Identity, Metadata};
use crate::storage::path::FtpPath;

/// A directory, opened once, for reading only or for writing too. Cheap to clone.
///
/// Nothing outside of it can be reached. Links are followed within it; one that leads out of it,
/// and each one that is absolute, is refused with `PermissionDenied`.
///
/// All functions wait for the disk, so they belong on threads that may block.
#[derive(Debug, Clone)]
pub struct Storage {
    pub(crate) directory: Arc<Dir>,
    root: Arc<Path>,
    identity: Arc<Identity>,
    writable: bool,
    /// Whether what is in it is never on a disk.
    #[cfg(target_os = "linux")]
    pub(crate) in_memory: bool,
}

/// Whether a directory is in a file system that has no disk.
#[cfg(target_os = "linux")]
fn is_in_memory(directory: &Dir) -> bool {
    /// `TMPFS_MAGIC`.
    const TMPFS: u64 = 0x0102_1994;
    rustix::fs::fstatfs(directory).is_ok_and(|system| system.f_type as u64 == TMPFS)
}

impl Storage {
    /// Opens the directory `root`.
    ///
    /// # Errors
    ///
    /// If it is not there, is no directory, or may not be opened.
    pub fn open(root: &Path, writable: bool) -> Result<Self, OpenError> {
        let error = |error| OpenError { path: root.to_owned(), error, is_home: false };
        let root = root.canonicalize().map_err(error)?;
        let directory = Dir::open_ambient_dir(&root, ambient_authority()).map_err(error)?;
        Ok(Self {
            #[cfg(target_os = "linux")]
            in_memory: is_in_memory(&directory),
            directory: Arc::new(directory),
            root: root.into(),
            identity: Arc::new(Identity::of_program()),
            writable,
        })
    }

    /// The directory `home` in it, as a root of its own.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], and if `home` leads out of it.
    pub fn below(&self, home: &Path) -> Result<Self, OpenError> {
        let path = self.root.join(home);
        let error = |error| OpenError { path: path.clone(), error, is_home: true };
        let root = path.canonicalize().map_err(error)?;
        let leads_out = || error(io::Error::other("it leads out of the served directory"));
        let inner = match root.strip_prefix(&self.root) {
            Ok(inner) if inner.as_os_str().is_empty() => Path::new("."),
            Ok(inner) => inner,
            Err(_) => return Err(leads_out()),
        };
        let directory = self.directory.open_dir(inner).map_err(error)?;
        Ok(Self {
            #[cfg(target_os = "linux")]
            in_memory: is_in_memory(&directory),
            directory: Arc::new(directory),
            root: root.into(),
            ..self.clone()
        })
    }

    /// The same directory, for writing or only for reading.
    #[must_use]
    pub fn with_writable(self, writable: bool) -> Self {
        Self { writable, ..self }
    }

    /// Its absolute path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether anything in it may be changed.
    pub fn is_writable(&self) -> bool {
        self.writable
    }

    /// What is known of `path`, or of what it leads to if it is a link.
    ///
    /// # Errors
    ///
    /// As the system's, and `PermissionDenied` if a link leads out.
    pub fn metadata(&self, path: &FtpPath) -> io::Result<Metadata> {
        Ok((&self.directory.metadata(path.relative())?).into())
    }

    /// What is known of `path` itself, be it a link: for `RNFR`, which renames the link.
    ///
    /// # Errors
    ///
    /// As the system's.
    pub fn entry(&self, path: &FtpPath) -> io::Result<Metadata> {
        Ok((&self.directory.symlink_metadata(path.relative())?).into())
    }

    /// Checks that `path` is a directory that may be the working directory. It need not be one
    /// that may be listed.
    ///
    /// # Errors
    ///
    /// `NotADirectory`, `NotFound` and `PermissionDenied`, and others of the system.
    pub fn enter(&self, path: &FtpPath) -> io::Result<()> {
        self.check_directory(path, Access::EXEC_OK)
    }

    /// Opens a file to read it, at its beginning.
    ///
    /// # Errors
    ///
    /// As the system's; `IsADirectory`, and `InvalidInput` for what is neither that nor a regular
    /// file. It never waits for the other end of a FIFO.
    pub fn read(&self, path: &FtpPath) -> io::Result<(File, Metadata)> {
        self.open_regular(path, OpenOptions::new().read(true))
    }

    /// The facts of `path` and its name, as the line of `MLST` has them (RFC 3659, section 7).
    ///
    /// # Errors
    ///
    /// As [`Self::metadata`].
    pub fn fact_line(&self, path: &FtpPath, facts: Facts) -> io::Result<Vec<u8>> {
        if path.breaks_lines() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let metadata = self.metadata(path)?;
        let mut line = Vec::with_capacity(128);
        let subject = Subject {
            metadata: &metadata,
            dangling: None,
            access: self.access(&metadata),
            parent_writable: !path.is_root() && self.has_writable_entries(&path.parent()),
        };
        facts::push(&mut line, facts, &subject);
        line.extend_from_slice(path.as_bytes());
        Ok(line)
    }

    /// What the client may do with something: what its permissions and the session's rights let.
    pub(crate) fn access(&self, metadata: &Metadata) -> metadata::Access {
        let access = self.identity.access(metadata);
        metadata::Access { write: access.write && self.writable, ..access }
    }

    /// Whether the client may add entries to a directory and remove them.
    pub(crate) fn has_writable_entries(&self, directory: &FtpPath) -> bool {
        self.writable
            && self.metadata(directory).is_ok_and(|metadata| {
                let access = self.access(&metadata);
                access.write && access.execute
            })
    }

    /// Opens a file that must be a regular one.
    pub(crate) fn open_regular(
        &self,
        path: &FtpPath,
        options: &mut OpenOptions,
    ) -> io::Result<(File, Metadata)> {
        // Without it, to open a FIFO waits for somebody at its other end.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let options = options.custom_flags(flags.bits().cast_signed());
        let file = self.directory.open_with(path.relative(), options)?.into_std();
        let metadata = Metadata::from(&rustix::fs::fstat(&file)?);
        match () {
            () if metadata.is_file() => Ok((file, metadata)),
            () if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            () => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
        }
    }

    /// Opens a directory so that what is in it can be read.
    pub(crate) fn open_directory(&self, path: &FtpPath) -> io::Result<std::os::fd::OwnedFd> {
        let directory = self.directory.open_dir(path.relative())?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&directory, c".", flags, rustix::fs::Mode::empty())?)
    }

    /// Checks that `path` is a directory in which the program may do something.
    pub(crate) fn check_directory(&self, path: &FtpPath, access: Access) -> io::Result<()> {
        let directory = self.directory.open_dir(path.relative())?;
        match rustix::fs::accessat(&directory, c".", access, AtFlags::EACCESS) {
            // The system cannot tell; the attempt will.
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::INVAL) => Ok(()),
            result => Ok(result?),
        }
    }
}

/// Why a directory cannot be served.
#[derive(Debug)]
pub struct OpenError {
    path: PathBuf,
    error: io::Error,
    is_home: bool,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let advice = if self.is_home { "make it, or correct the users file" } else { "see --root" };
        match self.error.kind() {
            io::ErrorKind::NotFound => write!(f, "the directory {path} does not exist: {advice}"),
            io::ErrorKind::NotADirectory => write!(f, "{path} is not a directory: {advice}"),
            _ => write!(f, "cannot serve {path}: {}", self.error),
        }
    }
}

impl std::error::Error for OpenError {}
