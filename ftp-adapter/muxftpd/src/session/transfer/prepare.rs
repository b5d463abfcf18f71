//! What a transfer needs from the storage, and all that can be refused before 150: one trip to a
//! thread that may wait for the disk.

use crate::session::reply::{Reply, is_shortage};
use crate::session::transfer::ascii::ToNetwork;
use crate::session::transfer::send::{Outgoing, Source};
use crate::storage::{Format, FtpPath, Storage, Upload, WriteFrom, behind_options};
use std::io::{self, Seek, SeekFrom};

/// A file up to this size is read at once, and goes out in one write.
const SMALL: u64 = 64 * 1024;

/// What is to be done.
#[derive(Debug)]
pub(super) enum Task {
    /// Send a file; `direct` if the kernel may send it without it being read.
    Retrieve { path: FtpPath, offset: u64, ascii: bool, direct: bool },
    /// Receive a file.
    Store { path: FtpPath, from: WriteFrom },
    /// Receive a file under a name that is free.
    StoreUnique { working: FtpPath, name: Vec<u8> },
    /// Send a listing.
    List { working: FtpPath, argument: Vec<u8>, format: Format },
}

/// What can be done once there is a data connection.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The text of the 150.
    pub(super) opening: Vec<u8>,
    pub(super) path: FtpPath,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    Outgoing(Outgoing),
    Upload(Upload),
}

/// The codes that a command has for what the storage refuses (RFC 959, section 5.4; RFC 3659,
/// section 7.2.1).
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    Retrieve { restarts: bool },
    Store { restarts: bool },
    List,
    MachineList,
}

impl Task {
    /// What the command names; for `STOU`, where.
    pub(super) fn path(&self) -> FtpPath {
        match self {
            Self::Retrieve { path, .. } | Self::Store { path, .. } => path.clone(),
            Self::StoreUnique { working, name } => working.join(name),
            Self::List { working, argument, .. } => working.join(behind_options(argument)),
        }
    }

    /// Where it begins.
    pub(super) fn offset(&self) -> u64 {
        match self {
            Self::Retrieve { offset, .. } | Self::Store { from: WriteFrom::Offset(offset), .. } => {
                *offset
            }
            _ => 0,
        }
    }

    pub(super) fn refusal(&self) -> Refusal {
        let restarts = self.offset() > 0;
        match self {
            Self::Retrieve { .. } => Refusal::Retrieve { restarts },
            Self::Store { .. } | Self::StoreUnique { .. } => Refusal::Store { restarts },
            Self::List { format: Format::Machine(_), .. } => Refusal::MachineList,
            Self::List { .. } => Refusal::List,
        }
    }

    /// The same as [`Self::prepare`], if it takes no waiting: of a whole file that is small, or that
    /// the kernel sends. Nothing was done if not.
    #[cfg(target_os = "linux")]
    pub(super) fn prepare_at_once(&self, storage: &Storage, path: &FtpPath) -> Option<Prepared> {
        let &Self::Retrieve { offset: 0, ascii: false, direct, .. } = self else { return None };
        let (file, metadata) = storage.read_cached(path)?;
        let left = metadata.len();
        let mut piece = Vec::new();
        let rest = if left <= SMALL {
            let read = storage.read_bytes_cached(&file, 0, left as usize, &mut piece);
            read.is_ok_and(|all| all).then_some(None)?
        } else if direct {
            Some(Source::file(file, left, None))
        } else {
            return None;
        };
        let body = Body::Outgoing(Outgoing { piece, rest });
        Some(Prepared { opening: opening(path, false, left), path: path.clone(), body })
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn prepare_at_once(&self, _: &Storage, _: &FtpPath) -> Option<Prepared> {
        None
    }

    /// Opens what is to be moved, and reads what is small. Waits for the disk.
    pub(super) fn prepare(self, storage: &Storage, path: FtpPath) -> io::Result<Prepared> {
        match self {
            Self::Retrieve { offset, ascii, direct, .. } => {
                let (mut file, metadata) = storage.read(&path)?;
                let Some(left) = metadata.len().checked_sub(offset) else {
                    return Err(io::ErrorKind::InvalidInput.into());
                };
                if offset > 0 {
                    file.seek(SeekFrom::Start(offset))?;
                }
                let opening = opening(&path, ascii, left);
                let source = Source::file(file, metadata.len(), ascii.then(ToNetwork::default));
                let outgoing = if direct && left > SMALL {
                    Outgoing { piece: Vec::new(), rest: Some(source) }
                } else {
                    Outgoing::begin(source)?
                };
                Ok(Prepared { opening, path, body: Body::Outgoing(outgoing) })
            }
            Self::Store { from, .. } => {
                let upload = storage.write(&path, from)?;
                let opening = b"Send the file.".to_vec();
                Ok(Prepared { opening, path, body: Body::Upload(upload) })
            }
            Self::StoreUnique { working, name } => {
                let (upload, path) = storage.write_unique(&working, &name)?;
                // RFC 1123, section 4.1.2.9.
                let mut opening = b"FILE: ".to_vec();
                opening.extend_from_slice(path.file_name().unwrap_or_default());
                Ok(Prepared { opening, path, body: Body::Upload(upload) })
            }
            Self::List { working, argument, format } => {
                let listing = storage.list(&working, &argument, format)?;
                let outgoing = Outgoing::begin(Source::Listing(listing))?;
                let opening = b"Here comes the listing.".to_vec();
                Ok(Prepared { opening, path, body: Body::Outgoing(outgoing) })
            }
        }
    }
}

/// The text of the 150 for a file of which so many bytes are left.
fn opening(path: &FtpPath, ascii: bool, left: u64) -> Vec<u8> {
    let mut opening = b"Opening data connection for ".to_vec();
    opening.extend_from_slice(path.file_name().unwrap_or(b"/"));
    if !ascii {
        // Clients show their progress by this.
        opening.extend_from_slice(format!(" ({left} bytes)").as_bytes());
    }
    opening.push(b'.');
    opening
}

impl Refusal {
    pub(super) fn reply(self, error: &io::Error) -> Reply {
        let is_bad_offset = error.kind() == io::ErrorKind::InvalidInput;
        let code = match self {
            _ if is_shortage(error) => 450,
            // The code of RFC 1123 for an offset that the file does not have (section 4.1.2.5).
            Self::Retrieve { restarts: true } | Self::Store { restarts: true } if is_bad_offset => {
                return Reply::new(554, "The file has no such offset.");
            }
            Self::Retrieve { .. } => 550,
            Self::Store { .. } => match error.kind() {
                io::ErrorKind::StorageFull => 452,
                io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => 552,
                _ => 553,
            },
            Self::List => 450,
            Self::MachineList if error.kind() == io::ErrorKind::NotADirectory => 501,
            Self::MachineList => 550,
        };
        Reply::refused(code, error)
    }
}
