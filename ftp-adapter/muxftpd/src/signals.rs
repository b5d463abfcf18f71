//! SIGINT, SIGTERM and SIGHUP.

use crate::config::options::Options;
use crate::observe::screen;
use crate::setup::Checked;
use std::io;
use std::process;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Cancels `draining` at the first signal and, after the delay, `shutdown`. Ends the process at the
/// second signal with 128 plus the signal's number, as shells report it.
pub fn watch(
    draining: CancellationToken,
    shutdown: CancellationToken,
    drain_delay: Duration,
    drain_timeout: Duration,
) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let (name, _) = next(&mut interrupt, &mut terminate).await;
        draining.cancel();
        if !drain_delay.is_zero() {
            screen::not_ready(name, drain_delay);
        }
        tokio::spawn(async move {
            sleep(drain_delay).await;
            screen::draining(name, drain_timeout);
            shutdown.cancel();
        });
        let (_, number) = next(&mut interrupt, &mut terminate).await;
        process::exit(128 + number);
    });
    Ok(())
}

/// Reads the users and the certificate again at each SIGHUP.
pub fn renew_on_hangup(checked: Arc<Checked>, options: Arc<Options>) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let (checked, options) = (Arc::clone(&checked), Arc::clone(&options));
            let renewed =
                spawn_blocking(move || checked.renew(&options).map_err(|error| error.to_string()));
            match renewed.await {
                Ok(Ok(())) => info!("SIGHUP: the users and the certificate were read again"),
                Ok(Err(error)) => warn!("SIGHUP: all stays as it is: {error}"),
                Err(error) => warn!("SIGHUP: all stays as it is: {error}"),
            }
        }
    });
    Ok(())
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> (&'static str, i32) {
    tokio::select! {
        _ = interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
        _ = terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
    }
}
