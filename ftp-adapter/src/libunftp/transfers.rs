//! What of a session's transfers is still under way.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// One session's transfers, as far as its storage sees them.
#[derive(Debug)]
pub(super) struct Transfers {
    state: Mutex<State>,
    changed: Notify,
    cut: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    running: u32,
    last_end: Option<Instant>,
    /// The last operation was a listing: libunftp sends it after the storage has returned it.
    listed_last: bool,
    /// libunftp has dropped the session's storage, and with it all that could use it.
    storage_dropped: bool,
}

/// The storage operations that a session may be cut off in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The bytes are moved while the operation runs.
    Streaming,
    /// libunftp sends the result once the operation is over.
    Listing,
}

impl Transfers {
    /// `cut` ends the running transfers.
    pub(super) fn new(cut: CancellationToken) -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), cut }
    }

    /// Runs a storage operation as a transfer; `None` when it was cut.
    pub(super) async fn run<T>(&self, kind: Kind, operation: impl Future<Output = T>) -> Option<T> {
        let _running = Running::start(self, kind);
        tokio::select! {
            biased;
            result = operation => Some(result),
            () = self.cut.cancelled() => None,
        }
    }

    /// Waits until no transfer runs and the last one has been over for `moment`, in which its
    /// final reply is written.
    pub(super) async fn quiet(&self, moment: Duration) {
        loop {
            let changed = self.changed.notified();
            let rest = {
                let state = self.lock();
                let since_end = state.last_end.map_or(moment, |end| end.elapsed());
                (state.running == 0).then(|| moment.saturating_sub(since_end))
            };
            match rest {
                Some(Duration::ZERO) => return,
                Some(rest) => tokio::select! {
                    () = changed => {}
                    () = sleep(rest) => {}
                },
                None => changed.await,
            }
        }
    }

    /// Waits until nothing is moved any more after the control connection has ended.
    pub(super) async fn finished(&self) {
        loop {
            let changed = self.changed.notified();
            {
                let state = self.lock();
                if state.running == 0 && (!state.listed_last || state.storage_dropped) {
                    return;
                }
            }
            changed.await;
        }
    }

    /// How long no transfer has run; for ever if none ever has.
    pub(super) fn idle_for(&self) -> Duration {
        let state = self.lock();
        if state.running > 0 {
            return Duration::ZERO;
        }
        state.last_end.map_or(Duration::MAX, |end| end.elapsed())
    }

    pub(super) fn storage_dropped(&self) {
        self.lock().storage_dropped = true;
        self.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running transfer; over when dropped.
struct Running<'a>(&'a Transfers);

impl<'a> Running<'a> {
    fn start(transfers: &'a Transfers, kind: Kind) -> Self {
        let mut state = transfers.lock();
        state.running += 1;
        state.listed_last = kind == Kind::Listing;
        Self(transfers)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        {
            let mut state = self.0.lock();
            state.running -= 1;
            state.last_end = Some(Instant::now());
        }
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::Arc;
    use tokio::sync::oneshot;
    use tokio::task::yield_now;

    fn transfers() -> Arc<Transfers> {
        Arc::new(Transfers::new(CancellationToken::new()))
    }

    /// Starts a transfer that ends when the sender is used or dropped.
    async fn running(transfers: &Arc<Transfers>, kind: Kind) -> oneshot::Sender<()> {
        let (end, ended) = oneshot::channel::<()>();
        let shared = Arc::clone(transfers);
        tokio::spawn(async move { shared.run(kind, ended).await });
        while transfers.lock().running == 0 {
            yield_now().await;
        }
        end
    }

    #[tokio::test]
    async fn a_session_without_transfers_is_quiet_at_once() {
        let transfers = transfers();
        let mut quiet = pin!(transfers.quiet(Duration::from_secs(3600)));
        tokio::select! {
            biased;
            () = &mut quiet => {}
            () = yield_now() => panic!("it waits for nothing"),
        }
    }

    #[tokio::test]
    async fn quiet_waits_for_the_transfer_and_the_moment_after_it() {
        let transfers = transfers();
        let end = running(&transfers, Kind::Streaming).await;
        let quiet = tokio::spawn({
            let transfers = Arc::clone(&transfers);
            async move { transfers.quiet(Duration::from_millis(20)).await }
        });
        for _ in 0..100 {
            yield_now().await;
        }
        assert!(!quiet.is_finished());
        end.send(()).unwrap();
        quiet.await.unwrap();
        assert!(transfers.lock().last_end.unwrap().elapsed() >= Duration::from_millis(20));
    }

    #[tokio::test]
    async fn a_listing_is_finished_when_the_storage_is_dropped() {
        let transfers = transfers();
        drop(running(&transfers, Kind::Listing).await);
        let finished = tokio::spawn({
            let transfers = Arc::clone(&transfers);
            async move { transfers.finished().await }
        });
        for _ in 0..100 {
            yield_now().await;
        }
        assert!(!finished.is_finished());
        transfers.storage_dropped();
        finished.await.unwrap();
    }

    #[tokio::test]
    async fn a_cut_ends_a_running_transfer() {
        let cut = CancellationToken::new();
        let transfers = Transfers::new(cut.clone());
        cut.cancel();
        assert_eq!(transfers.run(Kind::Streaming, std::future::pending::<()>()).await, None);
        transfers.finished().await;
    }
}
