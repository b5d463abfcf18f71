//! The served directory.

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::task::spawn_blocking;

/// A directory that all sessions share. Nothing outside of it can be reached, not through links
/// either. Paths are those that [`resolve`] gives.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    directory: Arc<Dir>,
    writable: bool,
}

/// A file to send: what it begins with, and the file if there may be more.
///
/// Threads are changed twice for each look at the disk, which takes longer than to read a small
/// file. So that is read when it is opened.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) first: Vec<u8>,
    pub(crate) rest: Option<tokio::fs::File>,
}

/// How much of a file is read when it is opened.
const FIRST: usize = 64 * 1024;

/// How a listing looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listing {
    /// As `ls -l` prints it, for `LIST`.
    Long,
    /// Names alone, for `NLST`.
    Names,
}

impl Files {
    /// Opens the directory `root`.
    pub(crate) fn open(root: &Path, writable: bool) -> Result<Self, String> {
        let directory = Dir::open_ambient_dir(root, ambient_authority());
        let directory = directory.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!(
                "the directory {} does not exist: give an existing one with --root",
                root.display()
            ),
            io::ErrorKind::NotADirectory => {
                format!("{} is not a directory: give one with --root", root.display())
            }
            _ => format!("cannot serve {}: {error}", root.display()),
        })?;
        Ok(Self { directory: Arc::new(directory), writable })
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    /// Opens a file to read from byte `start` on, which it must have.
    pub(crate) async fn read(&self, path: String, start: u64) -> io::Result<Content> {
        self.with(move |directory| {
            let mut file = directory.open(relative(&path))?;
            let metadata = file.metadata()?;
            if !metadata.is_file() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            if start > metadata.len() {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            file.seek(SeekFrom::Start(start))?;
            let mut first = Vec::new();
            let read = (&mut file).take(FIRST as u64).read_to_end(&mut first)?;
            Ok(Content { first, rest: (read == FIRST).then(|| tokio_file(file)) })
        })
        .await
    }

    /// Opens a file to write; what is in it stays.
    pub(crate) async fn write(&self, path: String) -> io::Result<tokio::fs::File> {
        self.change(move |directory| {
            let mut options = OpenOptions::new();
            options.write(true).create(true);
            directory.open_with(relative(&path), &options).map(tokio_file)
        })
        .await
    }

    pub(crate) async fn metadata(&self, path: String) -> io::Result<Metadata> {
        self.with(move |directory| directory.metadata(relative(&path))).await
    }

    /// What a directory holds, or the one file that `path` is.
    pub(crate) async fn list(&self, path: String, listing: Listing) -> io::Result<String> {
        self.with(move |directory| {
            let metadata = directory.metadata(relative(&path))?;
            if !metadata.is_dir() {
                let name = path.rsplit('/').next().unwrap_or_default();
                return Ok(line(listing, name, &metadata));
            }
            let mut entries = Vec::new();
            for entry in directory.read_dir(relative(&path))? {
                // Names that would break the lines of a listing are left out, and so is what
                // cannot be reached: links that lead out, for example.
                let Ok(name) = entry?.file_name().into_string() else { continue };
                let path = format!("{}/{name}", relative(&path));
                if let Ok(metadata) = directory.metadata(path)
                    && !name.contains(['\r', '\n'])
                {
                    entries.push((name, metadata));
                }
            }
            entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            Ok(entries.iter().map(|(name, metadata)| line(listing, name, metadata)).collect())
        })
        .await
    }

    pub(crate) async fn remove_file(&self, path: String) -> io::Result<()> {
        self.change(move |directory| directory.remove_file(relative(&path))).await
    }

    pub(crate) async fn create_directory(&self, path: String) -> io::Result<()> {
        self.change(move |directory| directory.create_dir(relative(&path))).await
    }

    pub(crate) async fn remove_directory(&self, path: String) -> io::Result<()> {
        self.change(move |directory| directory.remove_dir(relative(&path))).await
    }

    pub(crate) async fn rename(&self, from: String, to: String) -> io::Result<()> {
        self.change(move |directory| directory.rename(relative(&from), directory, relative(&to)))
            .await
    }

    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Dir) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.with(work).await
    }

    /// Does something that may wait for the disk.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Dir) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let directory = Arc::clone(&self.directory);
        spawn_blocking(move || work(&directory)).await?
    }
}

fn tokio_file(file: File) -> tokio::fs::File {
    tokio::fs::File::from_std(file.into_std())
}

/// The absolute path that `name` means in the working directory `working`.
pub(crate) fn resolve(working: &str, name: &str) -> String {
    let absolute =
        if name.starts_with('/') { name.to_owned() } else { format!("{working}/{name}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in absolute.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// An absolute path as one below the served directory.
fn relative(path: &str) -> &str {
    match path.trim_start_matches('/') {
        "" => ".",
        path => path,
    }
}

fn line(listing: Listing, name: &str, metadata: &Metadata) -> String {
    if listing == Listing::Names {
        return format!("{name}\r\n");
    }
    let kind = if metadata.is_dir() { 'd' } else { '-' };
    let modes = modes(&metadata.permissions(), metadata.is_dir());
    let length = metadata.len();
    let date = date(metadata);
    format!("{kind}{modes} 1 ftp ftp {length:>12} {date} {name}\r\n")
}

fn modes(permissions: &Permissions, is_directory: bool) -> &'static str {
    match (is_directory, permissions.readonly()) {
        (true, false) => "rwxr-xr-x",
        (true, true) => "r-xr-xr-x",
        (false, false) => "rw-r--r--",
        (false, true) => "r--r--r--",
    }
}

/// When the file was changed, in UTC, like `2026-01-31T23:59:59Z`.
fn changed(metadata: &Metadata) -> String {
    let time =
        metadata.modified().map_or(SystemTime::UNIX_EPOCH, cap_std::time::SystemTime::into_std);
    humantime::format_rfc3339_seconds(time.max(SystemTime::UNIX_EPOCH)).to_string()
}

/// The same as `MDTM` wants it (RFC 3659, section 3): `20260131235959`.
pub(crate) fn timestamp(metadata: &Metadata) -> String {
    changed(metadata).chars().filter(char::is_ascii_digit).collect()
}

/// The same as `ls` prints it: `Jan 31 23:59`, or for last year's files `Jan 31  2025`.
fn date(metadata: &Metadata) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = changed(metadata);
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let (year, month, day, time) = (&text[..4], &text[5..7], &text[8..10], &text[11..16]);
    let month = month.parse::<usize>().map_or("Jan", |month| MONTHS[(month - 1) % 12]);
    if year == &now[..4] {
        format!("{month} {day} {time}")
    } else {
        format!("{month} {day}  {year}")
    }
}
