//! The program: set everything up, serve until a signal.

use crate::auth::password;
use crate::config::given;
use crate::config::options::Options;
use crate::observe::journal::Journal;
use crate::observe::{exporter, logging, panics, screen};
use crate::setup::{Checked, Ready};
use crate::{check, limits, signals};
use clap::error::ErrorKind;
use ftp_adapter::CancellationToken;
use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime;
use tokio::time::sleep;

/// How long the end of the program waits for file operations that cannot be interrupted.
const LAST_FILE_OPERATIONS: Duration = Duration::from_secs(1);

/// How often the log says what was left out of it.
const SUPPRESSED_INTERVAL: Duration = Duration::from_secs(10);

/// Runs it with the process's arguments.
pub fn main() -> ExitCode {
    let options = given::read();
    if options.hash_password {
        return hash_password();
    }
    let log = match logging::start(options.log_level.as_deref(), options.log_format) {
        Ok(log) => log,
        Err(error) => Options::wrong(ErrorKind::InvalidValue, error),
    };
    limits::raise_descriptor_limit();
    panics::quieten_libunftp();

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

/// Prints the hash of the password on the first line of standard input.
fn hash_password() -> ExitCode {
    let mut password = String::new();
    if let Err(error) = io::stdin().read_line(&mut password) {
        return failed(&format!("cannot read a password: {error}"));
    }
    match password::hash(password.trim_end_matches(['\r', '\n'])) {
        Ok(hash) => {
            println!("{hash}");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

/// Sets everything up, or nothing; then serves until a signal.
async fn run(options: Options, log: Option<slog::Logger>) -> Result<(), Box<dyn Error>> {
    if options.check {
        print!("{}", check::check(&options).await?);
        return Ok(());
    }
    let options = Arc::new(options);
    let checked = Arc::new(Checked::new(&options).await?);
    let Ready { server, mux, journal, control, passive } = checked.bind(&options, log)?;
    let metrics = match options.metrics {
        Some(address) => {
            let (listener, address) = exporter::bind(address).await?;
            tokio::spawn(exporter::serve(listener, journal.metrics().registry(mux.clone())));
            Some(address)
        }
        None => None,
    };

    let shutdown = CancellationToken::new();
    signals::watch(shutdown.clone(), options.drain_timeout)?;
    signals::renew_on_hangup(Arc::clone(&checked), Arc::clone(&options))?;
    let control_addresses: Vec<_> = control.iter().map(|listener| listener.address).collect();
    screen::show(&screen::Screen {
        options: &options,
        served: &checked.served,
        control: &control_addresses,
        passive: &passive,
        advertised: &checked.advertised,
        users: checked.users.get().count(),
        metrics,
    });

    tokio::spawn(tell_suppressed(journal.clone()));
    let listeners = control.into_iter().map(|listener| listener.listener);
    let cut = server.serve(listeners, shutdown).await;
    mux.shutdown().await;
    journal.tell_suppressed();
    screen::stopped(cut, &mux.stats());
    Ok(())
}

/// Says for ever what the log has left out.
async fn tell_suppressed(journal: Journal) {
    loop {
        sleep(SUPPRESSED_INTERVAL).await;
        journal.tell_suppressed();
    }
}
