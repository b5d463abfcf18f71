//! A server on libunftp with shared passive ports: anonymous users read and write one directory.
//!
//! ```sh
//! cargo run -p ftp-adapter --features libunftp --example libunftp_server -- --root /srv/ftp
//! ```
//!
//! What is particular about it stands in `serve`: the mux, the `MuxServer` and the shutdown. The
//! rest reads the options.

use ftp_adapter::{CancellationToken, MuxServer};
use libunftp::ServerBuilder;
use mux_core::{Mux, PortSet};
use socket2::{Domain, Socket, Type};
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;
use unftp_sbe_fs::Filesystem;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    serve(Options::from_arguments(std::env::args().skip(1))?).await
}

async fn serve(options: Options) -> Result<(), Box<dyn Error>> {
    let control = options.listen.iter().map(|address| listen(*address));
    let control = control.collect::<io::Result<Vec<_>>>()?;

    // The passive ports, on the addresses of the control listeners and nowhere else.
    let mut addresses: Vec<_> = options.listen.iter().map(SocketAddr::ip).collect();
    addresses.dedup();
    let mux = Mux::builder(options.passive_ports)
        .addresses(addresses)
        .ttl(options.reservation_ttl)
        .wait(options.wait)
        .steering(true)
        .bind()?;

    let root = options.root;
    let server = MuxServer::new(mux.clone(), move || {
        let root = root.clone();
        let storage = move || Filesystem::new(&root).expect("the served directory");
        ServerBuilder::new(Box::new(storage)).greeting("Welcome")
    })?;

    for listener in &control {
        println!("  control      {}", listener.local_addr()?);
    }
    println!("ready");
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(server.serve(control, shutdown.clone()));
    tokio::signal::ctrl_c().await?;
    println!("waiting for transfers");
    shutdown.cancel();
    let cut = serving.await?;
    println!("{cut} sessions were cut");
    mux.shutdown().await;
    Ok(())
}

/// Listens for one family only: clients of an IPv6 listener must not be IPv4 clients.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

struct Options {
    root: PathBuf,
    listen: Vec<SocketAddr>,
    passive_ports: PortSet,
    /// How long a client may take to connect. libunftp waits no longer than 15 s.
    reservation_ttl: Duration,
    /// How long a client waits for a port when it has one reservation on each.
    wait: Duration,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            root: ".".into(),
            listen: Vec::new(),
            passive_ports: "8192-8200".parse()?,
            reservation_ttl: Duration::from_secs(15),
            wait: Duration::from_secs(2),
        };
        while let Some(option) = arguments.next() {
            let value = arguments.next().ok_or("each option has a value")?;
            match option.as_str() {
                "--root" => options.root = value.into(),
                "--listen" => options.listen.push(value.parse()?),
                "--passive-ports" => options.passive_ports = value.parse()?,
                "--reservation-ttl" => options.reservation_ttl = duration(&value)?,
                "--wait" => options.wait = duration(&value)?,
                _ => return Err(format!("{option} is no option").into()),
            }
        }
        if options.listen.is_empty() {
            options.listen.push("127.0.0.1:2121".parse()?);
        }
        Ok(options)
    }
}

/// As in `15s` or `200ms`.
fn duration(text: &str) -> Result<Duration, Box<dyn Error>> {
    match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => Ok(Duration::from_millis(number.parse()?)),
        (None, Some(number)) => Ok(Duration::from_secs(number.parse()?)),
        (None, None) => Err("a duration is given as in 15s or 200ms".into()),
    }
}
