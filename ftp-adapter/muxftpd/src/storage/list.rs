//! Listings, a piece at a time.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, readlinkat, statat};
use rustix::io::Errno;

use crate::storage::facts::{self, Facts, Subject};
use crate::storage::long;
use crate::storage::metadata::Metadata;
use crate::storage::names::Names;
use crate::storage::path::{FtpPath, breaks_lines};
use crate::storage::root::Storage;
use crate::storage::wildcard::Pattern;

/// How a listing looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As `ls -l` prints it, for `LIST` and `STAT`.
    Long,
    /// Names alone, for `NLST`: such that they can be used from the working directory.
    Names,
    /// With facts, for `MLSD`: of directories only, without wildcards.
    Machine(Facts),
}

/// How many bytes a piece has: up to a line more.
const PIECE: usize = 64 * 1024;

/// What is left to tell of a listing.
#[derive(Debug)]
pub struct Listing(Content);

#[derive(Debug)]
enum Content {
    /// The one line there is.
    Line(Vec<u8>),
    Directory(Box<Directory>),
}

#[derive(Debug)]
struct Directory {
    storage: Storage,
    path: FtpPath,
    format: Format,
    /// What the names of `NLST` begin with.
    prefix: Vec<u8>,
    pattern: Option<Pattern>,
    /// The same directory as `names` reads, for what is known of its entries.
    descriptor: OwnedFd,
    names: Names,
    parent_writable: bool,
    /// In seconds since 1970.
    now: i64,
}

impl Storage {
    /// Begins to list what `argument` means in the directory `working`: a directory, a file, or
    /// what matches wildcards in the last component. Options as those of `ls` are passed over.
    ///
    /// What begins with a dash, and what has wildcards in it, means itself where that exists.
    /// A listing of what matches wildcards is empty if nothing does.
    ///
    /// # Errors
    ///
    /// As the system's, for what is not there or may not be read. `NotADirectory` if
    /// [`Format::Machine`] is asked for what is none.
    pub fn list(&self, working: &FtpPath, argument: &[u8], format: Format) -> io::Result<Listing> {
        let (argument, shows_hidden) = self.without_options(working, argument);
        let path = working.join(argument);
        match self.metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                let prefix = prefix(argument);
                self.list_directory(path, metadata, format, prefix, None)
            }
            Ok(_) if matches!(format, Format::Machine(_)) => {
                Err(io::ErrorKind::NotADirectory.into())
            }
            Ok(metadata) => self.list_file(&path, argument, format, &metadata),
            Err(error) => {
                // What is there by its name is meant, whatever that looks like.
                if let Some(link) = self.list_link(&path, argument, format) {
                    return Ok(link);
                }
                let (folder, name) = split(argument);
                if matches!(format, Format::Machine(_)) || !Pattern::is_in(name) {
                    return Err(error);
                }
                let pattern = Pattern::new(name, shows_hidden);
                let path = working.join(folder);
                let metadata = self.metadata(&path)?;
                self.list_directory(path, metadata, format, folder.to_vec(), Some(pattern))
            }
        }
    }

    /// What comes behind the options, and whether they ask for hidden names (which are shown
    /// anyway, but match no wildcard).
    fn without_options<'a>(&self, working: &FtpPath, argument: &'a [u8]) -> (&'a [u8], bool) {
        let (mut rest, mut shows_hidden) = (argument, false);
        while let Some((option, behind)) = split_option(rest) {
            if self.entry(&working.join(rest)).is_ok() {
                break;
            }
            rest = behind;
            if option == b"--" {
                break;
            }
            shows_hidden |= option.iter().any(|letter| matches!(letter, b'a' | b'A'));
        }
        (rest, shows_hidden)
    }

    fn list_directory(
        &self,
        path: FtpPath,
        metadata: Metadata,
        format: Format,
        prefix: Vec<u8>,
        pattern: Option<Pattern>,
    ) -> io::Result<Listing> {
        let descriptor = self.open_directory(&path)?;
        let access = self.access(&metadata);
        Ok(Listing(Content::Directory(Box::new(Directory {
            names: Names::new(descriptor.try_clone()?)?,
            descriptor,
            storage: self.clone(),
            path,
            format,
            prefix,
            pattern,
            parent_writable: access.write && access.execute,
            now: now(),
        }))))
    }

    fn list_file(
        &self,
        path: &FtpPath,
        argument: &[u8],
        format: Format,
        metadata: &Metadata,
    ) -> io::Result<Listing> {
        if path.breaks_lines() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut line = Vec::new();
        if format == Format::Names {
            line.extend_from_slice(argument);
            line.extend_from_slice(b"\r\n");
        } else {
            let name = path.file_name().unwrap_or(b"/");
            long::push(&mut line, metadata, name, None, now());
        }
        Ok(Listing(Content::Line(line)))
    }

    /// A link that cannot be followed is still there, and a client may ask whether it is.
    fn list_link(&self, path: &FtpPath, argument: &[u8], format: Format) -> Option<Listing> {
        if matches!(format, Format::Machine(_)) {
            return None;
        }
        let metadata = self.entry(path).ok().filter(Metadata::is_link)?;
        self.list_file(path, argument, format, &metadata).ok()
    }
}

impl Listing {
    /// Appends some 64 KiB of lines, or all that are left if they are fewer; returns whether
    /// there may be more. What goes while it is listed is left out, and so is what may not be
    /// looked at, and each name that would break its line.
    ///
    /// # Errors
    ///
    /// As the system's. What was appended before is right.
    pub fn next_piece(&mut self, into: &mut Vec<u8>) -> io::Result<bool> {
        match &mut self.0 {
            Content::Line(line) => {
                into.append(line);
                Ok(false)
            }
            Content::Directory(directory) => {
                let end = into.len() + PIECE;
                into.reserve(PIECE);
                while into.len() < end {
                    if !directory.push_next(into)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}

impl Directory {
    /// Appends the line of the next entry, if it still has one; false at the end.
    fn push_next(&mut self, into: &mut Vec<u8>) -> io::Result<bool> {
        let pattern = self.pattern.as_ref();
        let wanted = |name: &[u8]| {
            !breaks_lines(name) && pattern.is_none_or(|pattern| pattern.matches(name))
        };
        let Some(name) = self.names.next(wanted)? else { return Ok(false) };
        let bytes = name.to_bytes();
        let facts = match self.format {
            Format::Names => {
                into.extend_from_slice(&self.prefix);
                into.extend_from_slice(bytes);
                into.extend_from_slice(b"\r\n");
                return Ok(true);
            }
            Format::Long => None,
            Format::Machine(facts) => Some(facts),
        };
        let metadata = match statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Metadata::from(&stat),
            Err(Errno::NOENT | Errno::ACCESS | Errno::PERM) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let Some(facts) = facts else {
            let target = metadata.is_link().then(|| target(&self.descriptor, name)).flatten();
            long::push(into, &metadata, bytes, target.as_deref(), self.now);
            return Ok(true);
        };
        let (mut metadata, mut dangling) = (metadata, None);
        if metadata.is_link() {
            match self.storage.metadata(&self.path.child(bytes)) {
                Ok(followed) => metadata = followed,
                Err(_) => dangling = target(&self.descriptor, name),
            }
        }
        let subject = Subject {
            metadata: &metadata,
            dangling: dangling.as_deref(),
            access: self.storage.access(&metadata),
            parent_writable: self.parent_writable,
        };
        facts::push(into, facts, &subject);
        into.extend_from_slice(bytes);
        into.extend_from_slice(b"\r\n");
        Ok(true)
    }
}

fn target(directory: &impl AsFd, name: &CStr) -> Option<Vec<u8>> {
    readlinkat(directory, name, Vec::new()).ok().map(std::ffi::CString::into_bytes)
}

/// What an argument names, if nothing that begins with a dash is there.
pub fn behind_options(mut argument: &[u8]) -> &[u8] {
    while let Some((option, behind)) = split_option(argument) {
        argument = behind;
        if option == b"--" {
            break;
        }
    }
    argument
}

/// The option that an argument begins with, and what is behind it.
fn split_option(argument: &[u8]) -> Option<(&[u8], &[u8])> {
    argument.starts_with(b"-").then(|| {
        let end = argument.iter().position(|byte| *byte == b' ').unwrap_or(argument.len());
        (&argument[..end], argument[end..].trim_ascii_start())
    })
}

/// Splits an argument behind its last slash.
fn split(argument: &[u8]) -> (&[u8], &[u8]) {
    let end = argument.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    argument.split_at(end)
}

/// What the names in a directory begin with so that they mean them from the working directory.
fn prefix(argument: &[u8]) -> Vec<u8> {
    match argument {
        b"" | b"." | b"./" => Vec::new(),
        directory if directory.ends_with(b"/") => directory.to_vec(),
        directory => [directory, b"/"].concat(),
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs().cast_signed())
}
