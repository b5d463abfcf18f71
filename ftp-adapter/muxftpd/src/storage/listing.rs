//! What is in a directory, found in one trip to the threads for blocking work.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use cap_std::fs::{Dir, Metadata, MetadataExt, PermissionsExt};
use unftp_core::storage::{self, Fileinfo, Permissions};

use crate::storage::blocking::blocking;

/// What is known of a file, a directory or a link.
#[derive(Debug)]
pub struct Meta {
    inner: Metadata,
    /// Where a link leads to.
    target: Option<PathBuf>,
}

/// The entries of the directory `path` of `root`.
pub async fn list(root: Arc<Dir>, path: PathBuf) -> io::Result<Vec<Fileinfo<PathBuf, Meta>>> {
    blocking(move || {
        let directory = root.open_dir(path)?;
        let mut entries = Vec::new();
        for entry in directory.entries()? {
            let entry = entry?;
            let path = PathBuf::from(entry.file_name());
            match entry.metadata().and_then(|inner| Meta::new(&directory, &path, inner)) {
                Ok(metadata) => entries.push(Fileinfo { path, metadata }),
                // It has gone since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    })
    .await
}

/// What is known of `path` of `root` itself, not of what it leads to.
pub async fn metadata(root: Arc<Dir>, path: PathBuf) -> io::Result<Meta> {
    blocking(move || {
        let inner = root.symlink_metadata(&path)?;
        Meta::new(&root, &path, inner)
    })
    .await
}

/// Whether `path` of `root` is a directory that can be entered.
pub async fn enter(root: Arc<Dir>, path: PathBuf) -> io::Result<()> {
    blocking(move || root.open_dir(path).map(drop)).await
}

impl Meta {
    fn new(directory: &Dir, path: &Path, inner: Metadata) -> io::Result<Self> {
        let link = inner.is_symlink();
        let target = link.then(|| directory.read_link_contents(path)).transpose()?;
        Ok(Self { inner, target })
    }
}

impl storage::Metadata for Meta {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn is_dir(&self) -> bool {
        self.inner.is_dir()
    }

    fn is_file(&self) -> bool {
        self.inner.is_file()
    }

    fn is_symlink(&self) -> bool {
        self.inner.is_symlink()
    }

    fn modified(&self) -> storage::Result<SystemTime> {
        Ok(self.inner.modified()?.into_std())
    }

    fn uid(&self) -> u32 {
        self.inner.uid()
    }

    fn gid(&self) -> u32 {
        self.inner.gid()
    }

    fn links(&self) -> u64 {
        self.inner.nlink()
    }

    fn permissions(&self) -> Permissions {
        Permissions(self.inner.permissions().mode())
    }

    fn readlink(&self) -> Option<&Path> {
        self.target.as_deref()
    }
}
