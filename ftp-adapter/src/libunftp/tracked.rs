//! A storage back-end that lets the server see which transfers are under way.

use super::shared::Shared;
use super::transfers::Kind;
use async_trait::async_trait;
use std::fmt::Debug;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite};
use unftp_core::auth::UserDetail;
use unftp_core::storage::{Error, ErrorKind, Fileinfo, Metadata, Result, StorageBackend};

/// A storage back-end `S` whose transfers the server sees: it lets them finish when it drains,
/// and ends them at the drain's deadline. All else passes through.
#[derive(Debug)]
pub struct Tracked<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Tracked<S> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }

    /// The storage back-end itself.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Runs an operation so that draining waits for it and cutting ends it.
    async fn run<T>(&self, kind: Kind, operation: impl Future<Output = Result<T>>) -> Result<T> {
        let result = self.shared.transfers.run(kind, operation).await;
        result.unwrap_or_else(|| Err(Error::from(ErrorKind::ConnectionClosed)))
    }

    /// The same for what goes over a data connection: that must be in TLS where TLS is required,
    /// and is told of when it is over. `size` says how many bytes of a result went over it.
    async fn transfer<T>(
        &self,
        kind: Kind,
        (command, path): (&'static str, &Path),
        operation: impl Future<Output = Result<T>>,
        size: impl FnOnce(&T) -> Option<u64>,
    ) -> Result<T> {
        let started = Instant::now();
        let result = match &self.shared.tls {
            Some(tls) if !tls.lets_transfer() => Err(ErrorKind::PermissionDenied.into()),
            _ => self.run(kind, operation).await,
        };
        let bytes = result.as_ref().ok().and_then(size);
        self.shared.tell(command, path, started.elapsed(), bytes, result.is_ok());
        result
    }
}

impl<S> Drop for Tracked<S> {
    fn drop(&mut self) {
        self.shared.transfers.storage_dropped();
    }
}

#[async_trait]
impl<U: UserDetail, S: StorageBackend<U>> StorageBackend<U> for Tracked<S> {
    type Metadata = S::Metadata;

    fn enter(&mut self, user: &U) -> io::Result<()> {
        self.inner.enter(user)?;
        self.shared.logged_in(user.to_string());
        Ok(())
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn supported_features(&self) -> u32 {
        self.inner.supported_features()
    }

    async fn metadata<P>(&self, user: &U, path: P) -> Result<Self::Metadata>
    where
        P: AsRef<Path> + Send + Debug,
    {
        self.inner.metadata(user, path).await
    }

    async fn md5<P>(&self, user: &U, path: P) -> Result<String>
    where
        P: AsRef<Path> + Send + Debug,
    {
        self.run(Kind::Streaming, self.inner.md5(user, path)).await
    }

    async fn list<P>(&self, user: &U, path: P) -> Result<Vec<Fileinfo<PathBuf, Self::Metadata>>>
    where
        P: AsRef<Path> + Send + Debug,
    {
        let shown = path.as_ref().to_owned();
        let operation = self.inner.list(user, path);
        self.transfer(Kind::Listing, ("MLSD", &shown), operation, |_| None).await
    }

    async fn list_fmt<P>(&self, user: &U, path: P) -> Result<Cursor<Vec<u8>>>
    where
        P: AsRef<Path> + Send + Debug,
        Self::Metadata: Metadata + 'static,
    {
        let shown = path.as_ref().to_owned();
        let operation = self.inner.list_fmt(user, path);
        self.transfer(Kind::Listing, ("LIST", &shown), operation, size).await
    }

    async fn list_vec<P>(&self, user: &U, path: P) -> Result<Vec<String>>
    where
        P: AsRef<Path> + Send + Debug,
        Self::Metadata: Metadata + 'static,
    {
        self.inner.list_vec(user, path).await
    }

    async fn nlst<P>(&self, user: &U, path: P) -> io::Result<Cursor<Vec<u8>>>
    where
        P: AsRef<Path> + Send + Debug,
        Self::Metadata: Metadata + 'static,
    {
        let shown = path.as_ref().to_owned();
        let operation = async { Ok(self.inner.nlst(user, path).await?) };
        let listing = self.transfer(Kind::Listing, ("NLST", &shown), operation, size).await;
        listing.map_err(io::Error::other)
    }

    async fn get_into<'a, P, W>(
        &self,
        user: &U,
        path: P,
        start: u64,
        output: &'a mut W,
    ) -> Result<u64>
    where
        W: AsyncWrite + Unpin + Sync + Send + ?Sized,
        P: AsRef<Path> + Send + Debug,
    {
        let shown = path.as_ref().to_owned();
        let operation = self.inner.get_into(user, path, start, output);
        self.transfer(Kind::Streaming, ("RETR", &shown), operation, |bytes| Some(*bytes)).await
    }

    async fn get<P>(
        &self,
        user: &U,
        path: P,
        start: u64,
    ) -> Result<Box<dyn AsyncRead + Send + Sync + Unpin>>
    where
        P: AsRef<Path> + Send + Debug,
    {
        self.inner.get(user, path, start).await
    }

    async fn put<P, R>(&self, user: &U, input: R, path: P, start: u64) -> Result<u64>
    where
        P: AsRef<Path> + Send + Debug,
        R: AsyncRead + Send + Sync + Unpin + 'static,
    {
        let shown = path.as_ref().to_owned();
        let operation = self.inner.put(user, input, path, start);
        self.transfer(Kind::Streaming, ("STOR", &shown), operation, |bytes| Some(*bytes)).await
    }

    async fn del<P: AsRef<Path> + Send + Debug>(&self, user: &U, path: P) -> Result<()> {
        self.inner.del(user, path).await
    }

    async fn mkd<P: AsRef<Path> + Send + Debug>(&self, user: &U, path: P) -> Result<()> {
        self.inner.mkd(user, path).await
    }

    async fn rename<P: AsRef<Path> + Send + Debug>(&self, user: &U, from: P, to: P) -> Result<()> {
        self.inner.rename(user, from, to).await
    }

    async fn rmd<P: AsRef<Path> + Send + Debug>(&self, user: &U, path: P) -> Result<()> {
        self.inner.rmd(user, path).await
    }

    async fn cwd<P: AsRef<Path> + Send + Debug>(&self, user: &U, path: P) -> Result<()> {
        self.inner.cwd(user, path).await
    }
}

fn size(listing: &Cursor<Vec<u8>>) -> Option<u64> {
    Some(listing.get_ref().len() as u64)
}
