//! A small FTP server on shared passive ports, made with `ftp-adapter` and without libunftp.
//!
//! It lets anonymous clients in, serves one directory, and speaks TLS where it is given a
//! certificate. Look at `tiny_ftpd/session.rs` for passive mode: a session holds a
//! `PassiveSession`, and `PASV`, `EPSV`, `PORT` and the transfer commands are one call each.
//!
//! ```sh
//! cargo run -p ftp-adapter --example tiny_ftpd -- --root .
//! ```

#[path = "tiny_ftpd/control.rs"]
mod control;
#[path = "tiny_ftpd/files.rs"]
mod files;
#[path = "tiny_ftpd/listen.rs"]
mod listen;
#[path = "tiny_ftpd/options.rs"]
mod options;
#[path = "tiny_ftpd/session.rs"]
mod session;
#[path = "tiny_ftpd/tls.rs"]
mod tls;
#[path = "tiny_ftpd/transfer.rs"]
mod transfer;

use clap::Parser;
use files::Files;
use ftp_adapter::Passive;
use mux_core::Mux;
use options::Options;
use session::Session;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::time::Duration;
use tls::Tls;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;
use tracing_subscriber::EnvFilter;

/// What all sessions share.
struct Server {
    files: Files,
    passive: Passive,
    tls: Option<Tls>,
    tls_required: bool,
    idle_timeout: Duration,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let filter = match &options.log_level {
        Some(level) => EnvFilter::builder().parse(format!("info,{level}")),
        None => Ok(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"))),
    };
    let filter = filter.unwrap_or_else(|error| Options::wrong(error));
    let ansi = io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(ansi)
        .init();

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = runtime.map_err(Into::into).and_then(|runtime| {
        let result = runtime.block_on(run(options));
        // For file operations that cannot be interrupted.
        runtime.shutdown_timeout(Duration::from_secs(1));
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in error.to_string().lines() {
                eprintln!("tiny_ftpd: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Sets everything up, or nothing; then serves until a signal.
async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let files = Files::open(&options.root, options.writable)?;
    let tls = match (&options.tls_cert, &options.tls_key) {
        (Some(certificate), Some(key)) => {
            Some(Tls::new(certificate, key, options.tls_session_required)?)
        }
        _ => None,
    };
    let advertised = options.passive_host.resolve().await?;

    let ports = options.passive_ports.listened().clone();
    let control = listen::bind(&options.listen, &ports)?;
    let addresses = control.iter().map(|listener| Ok(listener.local_addr()?.ip()));
    let mux = Mux::builder(ports)
        .addresses(addresses.collect::<io::Result<Vec<_>>>()?)
        .ttl(options.reservation_ttl)
        .wait(options.wait)
        .bind()?;
    let passive = Passive::new(mux.clone())
        .advertised(advertised.clone())
        .port_map(options.passive_ports.clone())?;

    println!("tiny_ftpd {}", env!("CARGO_PKG_VERSION"));
    let access = if options.writable { "writable" } else { "read-only" };
    println!("  serving      {} ({access}, anonymous)", options.root.display());
    for listener in &control {
        println!("  control      {}", listener.local_addr()?);
    }
    println!("  passive      {}", options.passive_ports);
    println!("  advertised   {advertised}");

    let shutdown = CancellationToken::new();
    let signals = Signals::new()?;
    tokio::spawn(signals.watch(shutdown.clone(), options.drain_timeout));
    println!("ready");

    let server = Arc::new(Server {
        files,
        passive,
        tls,
        tls_required: options.tls_required,
        idle_timeout: options.idle_timeout,
    });
    let cut = serve(server, control, shutdown, options.drain_timeout).await;
    mux.shutdown().await;
    match cut {
        0 => say("stopped"),
        1 => say("stopped, 1 session was cut"),
        _ => say(format!("stopped, {cut} sessions were cut")),
    }
    Ok(())
}

/// Serves until `shutdown`, then drains: sessions without a transfer are told 421, those with one
/// may finish it. Returns how many sessions were cut at the drain timeout.
async fn serve(
    server: Arc<Server>,
    listeners: Vec<TcpListener>,
    shutdown: CancellationToken,
    drain_timeout: Duration,
) -> usize {
    let sessions = TaskTracker::new();
    let cut = CancellationToken::new();
    let mut accepting = JoinSet::new();
    for listener in listeners {
        let (server, sessions) = (Arc::clone(&server), sessions.clone());
        let (stop, cut) = (shutdown.clone(), cut.clone());
        accepting.spawn(shutdown.clone().run_until_cancelled_owned(async move {
            loop {
                let (stream, peer) = listen::accept(&listener).await;
                let session = Session::serve(Arc::clone(&server), stream, stop.clone());
                let session = cut.clone().run_until_cancelled_owned(session);
                sessions.spawn(async move {
                    let ended = session.await;
                    debug!(%peer, "session over: {ended:?}");
                });
            }
        }));
    }
    shutdown.cancelled().await;
    // With them go the listeners.
    while accepting.join_next().await.is_some() {}

    sessions.close();
    if timeout(drain_timeout, sessions.wait()).await.is_ok() {
        return 0;
    }
    let left = sessions.len();
    cut.cancel();
    sessions.wait().await;
    left
}

/// Says something to whoever still listens.
fn say(what: impl Display) {
    let _ = writeln!(io::stdout(), "{what}");
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// Cancels `shutdown` at the first, and ends the process at the second, with the status that
    /// shells report.
    async fn watch(mut self, shutdown: CancellationToken, drain_timeout: Duration) {
        let (name, _) = self.next().await;
        let most = humantime::format_duration(drain_timeout);
        shutdown.cancel();
        say(format!("{name}: shutting down, transfers have up to {most} to finish"));
        let (_, number) = self.next().await;
        process::exit(128 + number);
    }

    async fn next(&mut self) -> (&'static str, i32) {
        tokio::select! {
            _ = self.interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
            _ = self.terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
        }
    }
}
