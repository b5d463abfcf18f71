//! How a session tells its own connection from others.

use std::fmt::{self, Display};
use std::pin::Pin;
use std::sync::Arc;

use tokio::net::TcpStream;
use tracing::debug;

/// What a [filter](Verifier::filtered_by) makes of the first bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filtered {
    /// More bytes must come before it can be told.
    NeedMore,
    /// It is somebody else's: it is reset, and never verified.
    Reject,
    /// It may be the session's: it is verified.
    Pass,
}

/// How a session tells its own connection from others that come from the same address: by a TLS
/// handshake, for example. For [`Mux::reserve_verified`](super::Mux::reserve_verified).
///
/// ```
/// use mux_core::mux::Verifier;
/// use tokio::io::AsyncReadExt;
/// use tokio::net::TcpStream;
///
/// let verifier = Verifier::new(|mut stream: TcpStream| async {
///     match stream.read_u8().await {
///         Ok(b'!') => Ok(stream),
///         Ok(_) => Err("it does not say the word".to_owned()),
///         Err(error) => Err(error.to_string()),
///     }
/// });
/// # let _: Verifier<TcpStream> = verifier;
/// ```
///
/// Clones share their closures.
pub struct Verifier<T> {
    pub(super) max_bytes: usize,
    pub(super) filter: Arc<Filter>,
    pub(super) verify: Arc<Verify<T>>,
}

type Filter = dyn Fn(&[u8]) -> Filtered + Send + Sync;
type Verify<T> = dyn Fn(TcpStream) -> Verification<T> + Send + Sync;
pub(super) type Verification<T> = Pin<Box<dyn Future<Output = Option<T>> + Send>>;

impl<T> Verifier<T> {
    /// Has `verify` look at each connection, and make of the right one what the session wants to
    /// have of it.
    ///
    /// It is not called before the connection has said something, so that silence takes none of
    /// the places for verification. From then on it may take
    /// [10 s](super::Mux::reserve_verified). It may read and write. While it has the stream,
    /// closing it resets the connection; of the options that it sets, `SO_LINGER` alone is not
    /// kept. It must not block: others are verified in the same task.
    pub fn new<E, V>(verify: impl Fn(TcpStream) -> V + Send + Sync + 'static) -> Self
    where
        E: Display,
        V: Future<Output = Result<T, E>> + Send + 'static,
    {
        let verify = move |stream| -> Verification<T> {
            let verified = verify(stream);
            Box::pin(async {
                verified.await.map_err(|error| debug!("a candidate was rejected: {error}")).ok()
            })
        };
        let said_something =
            |seen: &[u8]| if seen.is_empty() { Filtered::NeedMore } else { Filtered::Pass };
        Self { max_bytes: 1, filter: Arc::new(said_something), verify: Arc::new(verify) }
    }

    /// Has `filter` look at the first bytes of a connection before it is verified, first at none,
    /// and then whenever there are more. They stay in the connection.
    ///
    /// A connection that has said `max_bytes` and is not judged yet is rejected. A `filter` that
    /// lets no bytes pass suits a server that speaks first.
    #[must_use]
    pub fn filtered_by(
        self,
        max_bytes: usize,
        filter: impl Fn(&[u8]) -> Filtered + Send + Sync + 'static,
    ) -> Self {
        Self { max_bytes, filter: Arc::new(filter), ..self }
    }
}

impl<T> Clone for Verifier<T> {
    fn clone(&self) -> Self {
        let Self { max_bytes, filter, verify } = self;
        Self { max_bytes: *max_bytes, filter: Arc::clone(filter), verify: Arc::clone(verify) }
    }
}

impl<T> fmt::Debug for Verifier<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("max_bytes", &self.max_bytes).finish_non_exhaustive()
    }
}
