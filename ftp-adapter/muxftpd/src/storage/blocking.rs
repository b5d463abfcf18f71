//! Work that may block, on the threads for it.

use std::io;

use tokio::task::spawn_blocking;

/// Does `work` there. A trip costs two changes of thread, often more than the work itself.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}
