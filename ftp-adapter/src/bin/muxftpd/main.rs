//! `muxftpd`: an anonymous FTP server that shares a few passive ports among many clients.

mod anonymous;
mod download;
mod limits;
mod listen;
mod logging;
mod options;
mod screen;
mod served;
mod signals;

use clap::Parser;
use clap::error::ErrorKind;
use ftp_adapter::{CancellationToken, MuxServer};
use libunftp::ServerBuilder;
use libunftp::options::SiteMd5;
use mux_core::Mux;
use options::Options;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime;

/// How long the end of the program waits for file operations that cannot be interrupted.
const LAST_FILE_OPERATIONS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let options = Options::parse();
    let log = match logging::start(options.log_level.as_deref()) {
        Ok(log) => log,
        Err(error) => Options::wrong(ErrorKind::InvalidValue, error),
    };
    limits::raise_descriptor_limit();

    let runtime = match runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("cannot start: {error}")),
    };
    let result = runtime.block_on(run(options, log));
    runtime.shutdown_timeout(LAST_FILE_OPERATIONS);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

/// Every line of `message` becomes a line on standard error that names the program.
fn failed(message: &str) -> ExitCode {
    for line in message.lines() {
        eprintln!("muxftpd: {line}");
    }
    ExitCode::FAILURE
}

/// Sets everything up, or nothing; then serves until a signal.
async fn run(options: Options, log: Option<slog::Logger>) -> Result<(), Box<dyn Error>> {
    let served = served::Served::open(&options.root, options.writable)?;
    let passive_host = options.passive_host.clone().resolve().await?;

    // The control listeners come first: they fail where another muxftpd runs already, and its
    // passive ports must not be touched then.
    let control = listen::bind(&options.listen, &options.passive_ports)?;
    let addresses = listen::passive_addresses(&control);
    let mux = Mux::builder(options.passive_ports.clone())
        .addresses(addresses.iter().copied())
        .ttl(options.reservation_ttl)
        .wait(options.wait)
        .steering(true)
        .bind()?;

    let authenticator = Arc::new(anonymous::Anonymous);
    let idle_timeout = options.idle_timeout.as_secs().max(1);
    let storage = served.clone();
    let server = MuxServer::new(
        mux.clone(),
        move || storage.clone(),
        move |storage| {
            ServerBuilder::with_authenticator(storage, authenticator.clone())
                .greeting("muxftpd ready, log in as anonymous.")
                .idle_session_timeout(idle_timeout)
                // Hashing files is too dear for people who are not known.
                .sitemd5(SiteMd5::None)
                .logger(log.clone())
        },
    )?
    .passive_host(passive_host.clone())
    .drain_timeout(options.drain_timeout);

    let shutdown = CancellationToken::new();
    signals::watch(shutdown.clone(), options.drain_timeout)?;
    let control_addresses: Vec<_> = control.iter().map(|listener| listener.address).collect();
    screen::show(&screen::Screen {
        options: &options,
        served: &served,
        control: &control_addresses,
        passive: &addresses,
        advertised: passive_host.ip(),
    });

    let listeners = control.into_iter().map(|listener| listener.listener);
    let cut = server.serve(listeners, shutdown).await;
    mux.shutdown().await;
    screen::stopped(cut, &mux.stats());
    Ok(())
}
