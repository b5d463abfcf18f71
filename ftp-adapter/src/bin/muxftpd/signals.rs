//! SIGINT and SIGTERM.

use crate::screen;
use ftp_adapter::CancellationToken;
use std::io;
use std::process;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Cancels `shutdown` at the first signal, and ends the process at the second with 128 plus the
/// signal's number, as shells report it.
pub(crate) fn watch(shutdown: CancellationToken, drain_timeout: Duration) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let (name, _) = next(&mut interrupt, &mut terminate).await;
        screen::draining(name, drain_timeout);
        shutdown.cancel();
        let (_, number) = next(&mut interrupt, &mut terminate).await;
        process::exit(128 + number);
    });
    Ok(())
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> (&'static str, i32) {
    tokio::select! {
        _ = interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
        _ = terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
    }
}
