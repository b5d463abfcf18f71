//! Files that clients send.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::time::{SystemTime, UNIX_EPOCH};

use cap_std::fs::OpenOptions;
use rustix::fs::Access;

use crate::storage::path::FtpPath;
use crate::storage::root::Storage;

/// Where the first byte goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteFrom {
    /// At the start of a file that is empty then.
    Start,
    /// At this place; what the file had from there on is gone.
    Offset(u64),
    /// At the end of what the file has, also while somebody else appends to it.
    End,
}

/// A file that may be written. Until [`Self::begin`] nothing is changed, so a transfer that comes
/// to nothing leaves the old file as it was, and no empty new one.
#[derive(Debug)]
pub struct Upload {
    storage: Storage,
    path: FtpPath,
    from: WriteFrom,
    opened: Opened,
}

#[derive(Debug)]
enum Opened {
    /// It was there.
    Existing(File),
    /// It is made when the transfer begins.
    Missing,
    /// It was made so that nobody else takes the name.
    Reserved(File),
    Begun,
}

/// The name that `STOU` without an argument begins with.
const UNIQUE: &[u8] = b"stou";

/// The longest name that file systems have, in bytes, and how much of it is kept for a number.
const MAX_NAME: usize = 255;
const NUMBER: usize = 24;

/// How many numbers are tried one after the other, and how many others after that.
const NUMBERED: u64 = 100;
const OTHERS: u64 = 100;

impl Storage {
    /// Opens a file to write it, or checks that it can be made.
    ///
    /// # Errors
    ///
    /// As the system's; `PermissionDenied` where nothing may be written; `IsADirectory`;
    /// `InvalidInput` for what is no regular file, for an offset behind its end, and for a new
    /// name with a line end in it. It never waits for the other end of a FIFO.
    pub fn write(&self, path: &FtpPath, from: WriteFrom) -> io::Result<Upload> {
        self.check_writable()?;
        if path.is_root() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let behind_the_end =
            || io::Error::new(io::ErrorKind::InvalidInput, "the offset is behind the file's end");
        let upload = |opened| Upload { storage: self.clone(), path: path.clone(), from, opened };
        match self.open_regular(path, &mut options(from)) {
            Ok((_, metadata)) if matches!(from, WriteFrom::Offset(at) if at > metadata.len()) => {
                Err(behind_the_end())
            }
            Ok((file, _)) => Ok(upload(Opened::Existing(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.check_creatable(path)?;
                if matches!(from, WriteFrom::Offset(at) if at > 0) {
                    return Err(behind_the_end());
                }
                if path.file_name().is_some_and(|name| name.len() > MAX_NAME) {
                    return Err(io::ErrorKind::InvalidFilename.into());
                }
                // A link that leads nowhere yet is not in the way.
                self.check_directory(&path.parent(), Access::WRITE_OK | Access::EXEC_OK)?;
                Ok(upload(Opened::Missing))
            }
            Err(error) => Err(error),
        }
    }

    /// Makes a new file for `STOU`, named `name` or, if that is taken, with a number behind it.
    /// No two sessions get the same. The file goes again if the transfer never begins.
    ///
    /// # Errors
    ///
    /// As [`Self::write`], and `AlreadyExists` if no name was free after many attempts.
    pub fn write_unique(&self, directory: &FtpPath, name: &[u8]) -> io::Result<(Upload, FtpPath)> {
        let wanted = if name.is_empty() { directory.child(UNIQUE) } else { directory.join(name) };
        self.check_creatable(&wanted)?;
        let folder = wanted.parent();
        let name = wanted.file_name().unwrap_or(UNIQUE);
        for attempt in 0..=NUMBERED + OTHERS {
            let path = match attempt {
                0 => wanted.clone(),
                _ => {
                    let number = if attempt <= NUMBERED { attempt.into() } else { nanoseconds() };
                    let kept = &name[..name.len().min(MAX_NAME - NUMBER)];
                    folder.child(&[kept, format!(".{number}").as_bytes()].concat())
                }
            };
            let mut options = OpenOptions::new();
            match self.open_regular(&path, options.write(true).create_new(true)) {
                Ok((file, _)) => {
                    let (storage, opened) = (self.clone(), Opened::Reserved(file));
                    let upload =
                        Upload { storage, path: path.clone(), from: WriteFrom::Start, opened };
                    return Ok((upload, path));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Upload {
    /// Makes the file ready for the first byte: made if it is new, cut off where the byte goes,
    /// and positioned there.
    ///
    /// # Errors
    ///
    /// As the system's, for example if the directory went meanwhile.
    pub fn begin(mut self) -> io::Result<File> {
        let mut file = match std::mem::replace(&mut self.opened, Opened::Begun) {
            Opened::Existing(file) | Opened::Reserved(file) => file,
            _ => {
                let mut options = options(self.from);
                self.storage.open_regular(&self.path, options.create(true))?.0
            }
        };
        match self.from {
            WriteFrom::Start => file.set_len(0)?,
            WriteFrom::Offset(offset) => {
                file.set_len(offset)?;
                file.seek(SeekFrom::Start(offset))?;
            }
            WriteFrom::End => {}
        }
        Ok(file)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Opened::Reserved(file) = &self.opened {
            // Nobody else was told the name; if somebody wrote there all the same, it stays.
            if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
                let _ = self.storage.remove_file(&self.path);
            }
        }
    }
}

fn options(from: WriteFrom) -> OpenOptions {
    let mut options = OpenOptions::new();
    match from {
        WriteFrom::Start | WriteFrom::Offset(_) => options.write(true),
        WriteFrom::End => options.append(true),
    };
    options
}

fn nanoseconds() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos())
}
