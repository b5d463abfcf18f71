//! How many reservations are pending, as `muxftpd --metrics` tells it.

use mux_tests::Server;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// No server that works takes so long.
const PATIENCE: Duration = Duration::from_secs(60);
const NAME: &str = "muxftpd_reservations_pending ";

/// Where a server tells it, if it does.
pub(crate) fn told_at(server: &Server) -> Option<SocketAddr> {
    let said = server.said();
    let line = said.lines().find_map(|line| line.trim_start().strip_prefix("metrics"))?;
    line.trim().strip_prefix("http://")?.strip_suffix("/metrics")?.parse().ok()
}

/// The number there.
pub(crate) fn ask(at: SocketAddr) -> io::Result<u64> {
    let mut connection = TcpStream::connect(at)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    write!(connection, "GET /metrics HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    connection.read_to_string(&mut text)?;
    let number = text.lines().find_map(|line| line.strip_prefix(NAME)?.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("{at} does not tell {NAME}")))
}
