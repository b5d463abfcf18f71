//! The compared servers that are built on libunftp alone.
//!
//! They have what muxftpd has: its storage back-end, its kind of runtime, its optimisation, no
//! `tracing` subscriber to speak of, and no passwords.

use super::kind::{Mechanism, ServerKind};
use super::listeners::set_nodelay;
use clap::Args;
use libunftp::ServerBuilder;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use unftp_core::auth::DefaultUser;
use unftp_sbe_fs::Filesystem;

/// How a peer is run.
#[derive(Debug, Args)]
pub(crate) struct Peer {
    kind: ServerKind,
    control: SocketAddr,
    first_passive_port: u16,
    root: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

/// Longer than any comparison takes.
const IDLE_SECONDS: u64 = 24 * 3600;

/// Serves until the process is ended.
pub(crate) fn run(peer: &Peer) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match peer.kind {
        ServerKind { mechanism, .. }
            if !matches!(mechanism, Mechanism::Default | Mechanism::Pooled) =>
        {
            Err("that is a program of its own".into())
        }
        ServerKind { mechanism: Mechanism::Default, nodelay: true, .. } => {
            runtime.block_on(serve_each(peer))
        }
        kind => {
            if kind.nodelay {
                let control = peer.control;
                std::thread::spawn(move || inherit_nodelay(control));
            }
            let server = builder(peer).build()?;
            Ok(runtime.block_on(server.listen(peer.control.to_string()))?)
        }
    }
}

/// Accepts the control connections, and sets TCP_NODELAY on them.
async fn serve_each(peer: &Peer) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(peer.control).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(builder(peer).build()?.service(stream));
    }
}

/// Makes libunftp's own control listener pass TCP_NODELAY on, once it is there.
fn inherit_nodelay(control: SocketAddr) {
    let give_up = Instant::now() + Duration::from_secs(10);
    while !matches!(set_nodelay(control), Ok(true)) {
        if Instant::now() > give_up {
            eprintln!("compare: no TCP_NODELAY on {control}");
            std::process::exit(1);
        }
        sleep(Duration::from_millis(1));
    }
}

fn builder(peer: &Peer) -> ServerBuilder<Filesystem, DefaultUser> {
    let (kind, root) = (peer.kind, PathBuf::from(&peer.root));
    let last = peer.first_passive_port + (kind.ports - 1);
    let storage = move || Filesystem::new(&root).expect("the directory is there");
    let builder = ServerBuilder::new(Box::new(storage))
        .greeting("ready")
        .ftps(&peer.certificate, &peer.key)
        .idle_session_timeout(IDLE_SECONDS)
        .passive_ports(peer.first_passive_port..=last);
    let builder = match kind.mechanism {
        Mechanism::Pooled => builder.pooled_listener_mode(),
        _ => builder,
    };
    if kind.nodelay {
        builder.logger(slog::Logger::root(slog::Discard, slog::o!()))
    } else {
        builder
    }
}
