//! The program: set everything up, serve until a signal.

use crate::auth::password;
use crate::config::options::Options;
use crate::config::{generate, given};
use crate::observe::journal::Journal;
use crate::observe::logging::DroppedLines;
use crate::observe::{exporter, logging, output, panics, screen};
use crate::server::Listener;
use crate::setup::{Checked, Ready};
use crate::{allocator, check, limits, signals, warnings};
use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long the end of the program waits for file operations that cannot be interrupted.
const LAST_FILE_OPERATIONS: Duration = Duration::from_secs(1);

/// How often the log says what is missing in it.
const MISSING_INTERVAL: Duration = Duration::from_secs(10);

/// Runs it with the process's arguments.
pub fn main() -> ExitCode {
    let options = given::read();
    if options.hash_password {
        return hash_password();
    }
    if let Some(what) = options.generate {
        return match generate::generate(what, &mut io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error.to_string()),
        };
    }
    let log = match logging::start(options.log_level.as_deref(), options.log_format) {
        Ok(log) => log,
        Err(error) => {
            output::complain(&error);
            return ExitCode::from(given::WRONG_OPTIONS);
        }
    };
    allocator::give_large_blocks_back();
    limits::raise_descriptor_limit();
    panics::log();

    let runtime = match runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("cannot start: {error}")),
    };
    let result = runtime.block_on(run(options, log.dropped()));
    runtime.shutdown_timeout(LAST_FILE_OPERATIONS);
    log.finish();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(message: &str) -> ExitCode {
    output::complain(message);
    ExitCode::FAILURE
}

/// Prints the hash of the password on the first line of standard input.
fn hash_password() -> ExitCode {
    let mut password = String::new();
    if let Err(error) = io::stdin().read_line(&mut password) {
        return failed(&format!("cannot read a password: {error}"));
    }
    let password = password.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return failed("there is no password on standard input: write it there, on one line");
    }
    match password::hash(password) {
        Ok(hash) => {
            println!("{hash}");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

/// Sets everything up, or nothing; then serves until a signal.
async fn run(options: Options, dropped: DroppedLines) -> Result<(), Box<dyn Error>> {
    if options.check {
        print!("{}", check::check(&options).await?);
        return Ok(());
    }
    let options = Arc::new(options);
    let checked = Arc::new(Checked::new(&options).await?);
    let Ready { server, mux, journal, control, passive } = checked.bind(&options).await?;
    let draining = CancellationToken::new();
    let metrics = match options.metrics {
        Some(address) => {
            let (listener, address) = exporter::bind(address).await?;
            let lost = dropped.clone();
            let registry = journal.metrics().registry(mux.clone(), move || lost.count());
            let draining = draining.clone();
            tokio::spawn(exporter::serve(listener, exporter::Exporter { registry, draining }));
            Some(address)
        }
        None => None,
    };

    let shutdown = CancellationToken::new();
    signals::watch(draining, shutdown.clone(), options.drain_delay, options.drain_timeout)?;
    signals::renew_on_hangup(Arc::clone(&checked), Arc::clone(&options))?;
    let control_addresses: Vec<_> =
        control.iter().map(|control| (control.address, control.implicit_tls)).collect();
    let warnings = warnings::of(&options, &checked);
    screen::show(&screen::Screen {
        options: &options,
        storage: &checked.storage,
        control: &control_addresses,
        passive: &passive,
        advertised: &checked.advertised,
        users: checked.users.get().count(),
        warnings: &warnings,
        metrics,
    });

    tokio::spawn(tell_what_is_missing(journal.clone(), dropped));
    let listeners = control
        .into_iter()
        .map(|control| Listener { listener: control.listener, implicit_tls: control.implicit_tls });
    let cut = server.serve(listeners, shutdown).await;
    mux.shutdown().await;
    journal.tell_suppressed();
    screen::stopped(cut, &mux.stats());
    Ok(())
}

/// Says for ever what the log has left out or lost.
async fn tell_what_is_missing(journal: Journal, dropped: DroppedLines) {
    loop {
        sleep(MISSING_INTERVAL).await;
        journal.tell_suppressed();
        dropped.tell();
    }
}
