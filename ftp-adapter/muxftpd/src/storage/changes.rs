//! What changes the directory, other than the content of files.

use std::io;
use std::time::SystemTime;

use cap_std::fs::{OpenOptions, Permissions, PermissionsExt};
use rustix::fs::OFlags;

use crate::storage::path::FtpPath;
use crate::storage::root::Storage;

/// All of them fail with `PermissionDenied` where nothing may be changed, and for the root, and
/// with `InvalidInput` for a new name that no listing could show. Other errors are the system's.
impl Storage {
    /// Removes a file or a link, not what it leads to.
    pub fn remove_file(&self, path: &FtpPath) -> io::Result<()> {
        self.check_changeable(path)?;
        self.directory.remove_file(path.relative())
    }

    /// Makes a directory.
    pub fn create_directory(&self, path: &FtpPath) -> io::Result<()> {
        self.check_creatable(path)?;
        self.directory.create_dir(path.relative())
    }

    /// Removes a directory, which must be empty.
    pub fn remove_directory(&self, path: &FtpPath) -> io::Result<()> {
        self.check_changeable(path)?;
        self.directory.remove_dir(path.relative())
    }

    /// Gives what is at `from` the name `to`. A file that is there already is replaced.
    pub fn rename(&self, from: &FtpPath, to: &FtpPath) -> io::Result<()> {
        self.check_changeable(from)?;
        self.check_creatable(to)?;
        self.directory.rename(from.relative(), &self.directory, to.relative())
    }

    /// Sets when a file or directory was changed, following links.
    pub fn set_modified(&self, path: &FtpPath, time: SystemTime) -> io::Result<()> {
        self.check_writable()?;
        let open = |options: &mut OpenOptions| {
            use cap_std::fs::OpenOptionsExt;
            let options = options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
            Ok::<_, io::Error>(self.directory.open_with(path.relative(), options)?.into_std())
        };
        // The owner may set it, whether or not the file may be read: any descriptor will do.
        let file = match open(OpenOptions::new().read(true)) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                open(OpenOptions::new().write(true))?
            }
            result => result?,
        };
        file.set_modified(time)
    }

    /// Sets the permissions, following links. Bits other than those of 0o777 are not set.
    pub fn set_mode(&self, path: &FtpPath, mode: u32) -> io::Result<()> {
        self.check_writable()?;
        self.directory.set_permissions(path.relative(), Permissions::from_mode(mode & 0o777))
    }

    pub(crate) fn check_writable(&self) -> io::Result<()> {
        if self.is_writable() { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }

    fn check_changeable(&self, path: &FtpPath) -> io::Result<()> {
        self.check_writable()?;
        if path.is_root() { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
    }

    /// A new name must be one that listings can show.
    pub(crate) fn check_creatable(&self, path: &FtpPath) -> io::Result<()> {
        self.check_changeable(path)?;
        if path.breaks_lines() {
            let error = "a name cannot have a line end in it";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        Ok(())
    }
}
