//! A runtime in which time passes when it is told to.

use tokio::runtime::{Builder, Runtime};

/// A runtime whose clock stands still unless it is told to go on.
pub(crate) fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    // An idle runtime would skip to its next timer, but not while a blocking task is under way.
    // This one ends with the process.
    runtime.spawn_blocking(|| {
        loop {
            std::thread::park();
        }
    });
    runtime
}
