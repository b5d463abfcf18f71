//! Panics go to the log.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic;
use tracing::error;

/// Has every panic logged, because printing it as usual would wait for whom standard error has to
/// read it.
pub fn log() {
    panic::set_hook(Box::new(|panic| {
        // As RUST_BACKTRACE says.
        let trace = Backtrace::capture();
        match trace.status() {
            BacktraceStatus::Captured => error!("{panic}\n{trace}"),
            _ => error!("{panic}"),
        }
    }));
}
