//! The served directory.

use super::{download, listing, upload};
use crate::auth::account::Account;
use crate::storage::listing::Meta;
use async_trait::async_trait;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use unftp_core::storage::{Error, ErrorKind, Fileinfo, Result, StorageBackend};
use unftp_sbe_fs::Filesystem;

/// A directory that all sessions share, opened once, for reading only or for writing too.
/// Nothing outside of it can be reached, not through links either.
#[derive(Debug, Clone)]
pub struct Served {
    files: Arc<Filesystem>,
    /// The same directory, for sending and receiving files.
    directory: Arc<Dir>,
    root: PathBuf,
    writable: bool,
}

impl Served {
    /// Opens the directory `root`.
    pub fn open(root: &Path, writable: bool) -> std::result::Result<Self, OpenError> {
        let error = |error| OpenError { path: root.to_owned(), error, is_home: false };
        let root = root.canonicalize().map_err(error)?;
        let files = Arc::new(Filesystem::new(&root).map_err(error)?);
        let directory = Dir::open_ambient_dir(&root, ambient_authority()).map_err(error)?;
        Ok(Self { files, directory: Arc::new(directory), root, writable })
    }

    /// The directory `home` in it, which must not lead out of it.
    pub fn below(&self, home: &Path) -> std::result::Result<Self, OpenError> {
        let path = self.root.join(home);
        let inner = Self::open(&path, self.writable)
            .map_err(|error| OpenError { is_home: true, ..error })?;
        if inner.root.starts_with(&self.root) {
            return Ok(inner);
        }
        let error = io::Error::other("it leads out of the served directory");
        Err(OpenError { path, error, is_home: true })
    }

    /// Its absolute path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn is_writable(&self) -> bool {
        self.writable
    }

    fn check_writable(&self) -> Result<()> {
        if self.writable { Ok(()) } else { Err(ErrorKind::PermissionDenied.into()) }
    }
}

/// The path of a client as one that begins in the served directory.
fn in_directory(path: &impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    match path.strip_prefix("/").unwrap_or(path) {
        root if root.as_os_str().is_empty() => PathBuf::from("."),
        below => below.to_owned(),
    }
}

/// Why a directory cannot be served.
#[derive(Debug)]
pub struct OpenError {
    path: PathBuf,
    error: io::Error,
    is_home: bool,
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

#[async_trait]
impl StorageBackend<Account> for Served {
    type Metadata = Meta;

    /// Leaves of it what is `user`'s: its own directory, if it has one, and the right to write.
    fn enter(&mut self, user: &Account) -> io::Result<()> {
        self.writable = user.is_writable(self.writable);
        if let Some(home) = user.home() {
            *self = self.below(home).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn supported_features(&self) -> u32 {
        StorageBackend::<Account>::supported_features(&*self.files)
    }

    async fn metadata<P: AsRef<Path> + Send + Debug>(
        &self,
        _user: &Account,
        path: P,
    ) -> Result<Meta> {
        listing::metadata(self.directory.clone(), in_directory(&path))
            .await
            .map_err(|error| Error::new(ErrorKind::PermanentFileNotAvailable, error))
    }

    async fn list<P>(&self, _user: &Account, path: P) -> Result<Vec<Fileinfo<PathBuf, Meta>>>
    where
        P: AsRef<Path> + Send + Debug,
    {
        Ok(listing::list(self.directory.clone(), in_directory(&path)).await?)
    }

    async fn get_into<'a, P, W>(
        &self,
        _user: &Account,
        path: P,
        start: u64,
        output: &'a mut W,
    ) -> Result<u64>
    where
        W: AsyncWrite + Unpin + Sync + Send + ?Sized,
        P: AsRef<Path> + Send + Debug,
    {
        Ok(download::copy(self.directory.clone(), in_directory(&path), start, output).await?)
    }

    async fn get<P>(
        &self,
        user: &Account,
        path: P,
        start: u64,
    ) -> Result<Box<dyn AsyncRead + Send + Sync + Unpin>>
    where
        P: AsRef<Path> + Send + Debug,
    {
        self.files.get(user, path, start).await
    }

    async fn put<P, R>(&self, _user: &Account, input: R, path: P, start: u64) -> Result<u64>
    where
        P: AsRef<Path> + Send + Debug,
        R: AsyncRead + Send + Sync + Unpin + 'static,
    {
        self.check_writable()?;
        Ok(upload::copy(input, self.directory.clone(), in_directory(&path), start).await?)
    }

    async fn del<P: AsRef<Path> + Send + Debug>(&self, user: &Account, path: P) -> Result<()> {
        self.check_writable()?;
        self.files.del(user, path).await
    }

    async fn mkd<P: AsRef<Path> + Send + Debug>(&self, user: &Account, path: P) -> Result<()> {
        self.check_writable()?;
        self.files.mkd(user, path).await
    }

    async fn rename<P: AsRef<Path> + Send + Debug>(
        &self,
        user: &Account,
        from: P,
        to: P,
    ) -> Result<()> {
        self.check_writable()?;
        self.files.rename(user, from, to).await
    }

    async fn rmd<P: AsRef<Path> + Send + Debug>(&self, user: &Account, path: P) -> Result<()> {
        self.check_writable()?;
        self.files.rmd(user, path).await
    }

    async fn cwd<P: AsRef<Path> + Send + Debug>(&self, _user: &Account, path: P) -> Result<()> {
        Ok(listing::enter(self.directory.clone(), in_directory(&path)).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::bridge::Accounts;
    use std::fs;
    use unftp_core::auth::{Principal, UserDetailProvider};

    async fn anonymous() -> Account {
        let principal = Principal { username: "anonymous".to_owned() };
        Accounts(Arc::default()).provide_user_detail(&principal).await.unwrap()
    }

    #[test]
    fn a_home_is_below_the_root_and_links_do_not_change_that() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        fs::create_dir_all(root.join("alice")).unwrap();
        fs::create_dir(directory.path().join("outside")).unwrap();
        std::os::unix::fs::symlink("../outside", root.join("link")).unwrap();
        let served = Served::open(&root, false).unwrap();
        assert!(served.below(Path::new("alice")).unwrap().root().ends_with("root/alice"));
        let error = |home: &str| served.below(Path::new(home)).unwrap_err().to_string();
        assert!(error("link").ends_with("it leads out of the served directory"));
        assert!(error("bob").contains("does not exist"));
    }

    fn denied<T: Debug>(result: Result<T>) -> bool {
        matches!(result.unwrap_err().kind(), ErrorKind::PermissionDenied)
    }

    #[tokio::test]
    async fn read_only_refuses_every_change() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("file"), "content").unwrap();
        fs::create_dir(directory.path().join("empty")).unwrap();
        let served = Served::open(directory.path(), false).unwrap();
        let user = &anonymous().await;

        assert!(denied(served.put(user, &b"new"[..], "/file", 0).await));
        assert!(denied(served.put(user, &b"new"[..], "/other", 0).await));
        assert!(denied(served.del(user, "/file").await));
        assert!(denied(served.rename(user, "/file", "/other").await));
        assert!(denied(served.mkd(user, "/new").await));
        assert!(denied(served.rmd(user, "/empty").await));

        assert_eq!(fs::read(directory.path().join("file")).unwrap(), b"content");
        assert!(directory.path().join("empty").is_dir());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);

        let mut content = Vec::new();
        served.get_into(user, "/file", 3, &mut content).await.unwrap();
        assert_eq!(content, b"tent");
    }

    #[tokio::test]
    async fn what_was_put_can_be_read_at_once_and_whole() {
        let directory = tempfile::tempdir().unwrap();
        let served = Served::open(directory.path(), true).unwrap();
        let user = &anonymous().await;
        // Around the buffer sizes on the way: a part that stays in a buffer would be missed.
        for length in [0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 327_680, 1_000_001] {
            let bytes: Vec<u8> = (0..length).map(|i: usize| i as u8).collect();
            let input = io::Cursor::new(bytes.clone());
            assert_eq!(served.put(user, input, "/file", 0).await.unwrap(), length as u64);
            let mut read = Vec::new();
            served.get_into(user, "/file", 0, &mut read).await.unwrap();
            assert!(read == bytes, "{length} bytes");
        }
    }

    #[tokio::test]
    async fn a_file_is_written_from_where_it_is_told_to_and_ends_there() {
        let directory = tempfile::tempdir().unwrap();
        let served = Served::open(directory.path(), true).unwrap();
        let user = &anonymous().await;
        fs::write(directory.path().join("file"), "0123456789").unwrap();
        assert_eq!(served.put(user, &b"abc"[..], "/file", 4).await.unwrap(), 3);
        assert_eq!(fs::read(directory.path().join("file")).unwrap(), b"0123abc");
        assert_eq!(served.put(user, &b""[..], "/file", 0).await.unwrap(), 0);
        assert_eq!(fs::read(directory.path().join("file")).unwrap(), b"");
        for path in ["/missing/file", "/..", "/../outside", "/"] {
            assert!(served.put(user, &b"x"[..], path, 0).await.is_err(), "{path}");
        }
    }

    #[tokio::test]
    async fn a_directory_is_listed_with_its_links_and_nothing_is_followed() {
        use unftp_core::storage::Metadata as _;
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("folder/inner")).unwrap();
        fs::write(directory.path().join("folder/file"), "content").unwrap();
        std::os::unix::fs::symlink("/etc", directory.path().join("folder/link")).unwrap();
        let served = Served::open(directory.path(), false).unwrap();
        let user = &anonymous().await;
        let mut listed = served.list(user, "/folder").await.unwrap();
        listed.sort_by(|one, other| one.path.cmp(&other.path));
        let seen: Vec<_> = listed
            .iter()
            .map(|info| (info.path.to_str().unwrap(), info.metadata.is_dir()))
            .collect();
        assert_eq!(seen, [("file", false), ("inner", true), ("link", false)]);
        assert_eq!(listed[0].metadata.len(), 7);
        assert_eq!(listed[2].metadata.readlink(), Some(Path::new("/etc")));
        assert_eq!(served.list(user, "/").await.unwrap().len(), 1);

        served.cwd(user, "/").await.unwrap();
        served.cwd(user, "/folder/inner").await.unwrap();
        for path in ["/folder/file", "/folder/link", "/missing", "/.."] {
            assert!(served.cwd(user, path).await.is_err(), "{path}");
            assert!(served.list(user, path).await.is_err(), "{path}");
        }
        assert!(served.metadata(user, "/folder/link").await.unwrap().is_symlink());
        assert!(served.metadata(user, "/missing").await.is_err());
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("folder")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join("link")).unwrap();
        let served = Served::open(directory.path(), false).unwrap();
        for path in ["/missing", "/folder", "/link", "/../etc/passwd", "/"] {
            let mut content = Vec::new();
            let result = served.get_into(&anonymous().await, path, 0, &mut content).await;
            assert!(result.is_err() && content.is_empty(), "{path}");
        }
    }

    #[test]
    fn what_is_no_directory_is_refused_with_a_reason() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let missing = directory.path().join("missing");
        let error = |path: &Path| Served::open(path, false).unwrap_err().to_string();
        assert!(error(&missing).ends_with("does not exist: see --root"));
        assert!(error(&file).ends_with("is not a directory: see --root"));
    }
}
