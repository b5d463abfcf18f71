//! libunftp as it comes, in the mode that opens a port of its own for each passive command: the
//! witness for what libunftp does by itself, with no multiplexer near.
//!
//! It is started, and read, as the servers under test are. It takes uploads.

use std::env;
use std::net::{SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use libunftp::ServerBuilder;
use tokio::net::TcpStream;
use unftp_sbe_fs::Filesystem;

#[tokio::main]
async fn main() {
    let mut root = PathBuf::from(".");
    let mut ports = 0..=0;
    let mut listen: Vec<SocketAddr> = Vec::new();
    let (mut certificate, mut key) = (None, None);
    let mut arguments = env::args().skip(1);
    while let (Some(option), Some(value)) = (arguments.next(), arguments.next()) {
        match option.as_str() {
            "--root" => root = PathBuf::from(value),
            "--passive-ports" => ports = range(&value),
            "--listen" => listen.push(value.parse().expect("an address and a port")),
            "--tls-cert" => certificate = Some(value),
            "--tls-key" => key = Some(value),
            // libunftp waits 15 s for a connection, and for a port not at all.
            "--reservation-ttl" | "--wait" => {}
            _ => panic!("{option} is no option of this server"),
        }
    }

    println!("plain_libunftp");
    for address in listen {
        let (root, ports) = (root.clone(), ports.clone());
        let tls = certificate.clone().zip(key.clone());
        // libunftp does not say which port it was given, so it is not left to the system.
        let control = free(address);
        tokio::spawn(async move {
            let storage = Box::new(move || Filesystem::new(root.clone()).expect("a directory"));
            let mut server = ServerBuilder::new(storage).passive_ports(ports);
            if let Some((certificate, key)) = tls {
                server = server.ftps(certificate, key);
            }
            server
                .build()
                .expect("a server")
                .listen(control.to_string())
                .await
                .expect("it listens");
        });
        while TcpStream::connect(control).await.is_err() {
            tokio::task::yield_now().await;
        }
        println!("  control      {control}");
    }
    println!("ready");
    std::future::pending::<()>().await;
}

/// One port, or a range of ports.
fn range(text: &str) -> RangeInclusive<u16> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    first.parse().expect("a port")..=last.parse().expect("a port")
}

/// The address with a port that was free a moment ago.
fn free(address: SocketAddr) -> SocketAddr {
    TcpListener::bind(address).and_then(|listener| listener.local_addr()).expect("a free port")
}
