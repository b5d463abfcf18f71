//! Running out of descriptors or memory, and what the accept path does about it.

use std::io;
use std::time::Duration;

/// Whether a call failed because the process or the system has no more to give.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    // The numbers are those of every Unix that tokio runs on; elsewhere the kinds must do.
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    #[cfg(target_os = "linux")]
    const ENOBUFS: i32 = 105;
    #[cfg(not(target_os = "linux"))]
    const ENOBUFS: i32 = 55;
    error.kind() == io::ErrorKind::OutOfMemory
        || matches!(error.raw_os_error(), Some(EMFILE | ENFILE | ENOBUFS))
}

/// How long to wait before the next attempt: longer each time, until one succeeds.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

const MIN_PAUSE: Duration = Duration::from_millis(5);
const MAX_PAUSE: Duration = Duration::from_millis(500);

impl Backoff {
    pub(super) const fn new() -> Self {
        Self { next: MIN_PAUSE }
    }

    pub(super) fn failed(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(MAX_PAUSE);
        now
    }

    pub(super) fn succeeded(&mut self) {
        self.next = MIN_PAUSE;
    }
}
