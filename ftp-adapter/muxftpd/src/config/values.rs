//! How the values of options are written.

use ftp_adapter::PortMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Reads an address and a port, or a port on loopback.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.parse().map_err(|_| "write a port, or an address and a port: 127.0.0.1:9121".to_owned())
}

/// Longer ones are slips of the pen.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

pub fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration > LONGEST => Err("at most 7d is allowed".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!("{error}; write durations like 500ms, 15s or 2m")),
    }
}

pub fn positive(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it must be longer than 0s".to_owned()),
        duration => Ok(duration),
    }
}

/// libunftp names the port that it listens on: it cannot be made to name another.
pub fn same_ports(text: &str) -> Result<PortMap, String> {
    let ports: PortMap =
        text.parse().map_err(|error: ftp_adapter::PortMapError| error.to_string())?;
    if ports.is_plain() {
        return Ok(ports);
    }
    Err("muxftpd names the ports that it listens on and cannot map them: forward each port to \
         the same number"
        .to_owned())
}

/// libunftp waits that long for a data connection: a port kept longer would serve nobody.
const LONGEST_TTL: Duration = Duration::from_secs(15);

pub fn ttl(text: &str) -> Result<Duration, String> {
    positive(text).map(|ttl| ttl.min(LONGEST_TTL))
}

pub fn whole_seconds(text: &str) -> Result<Duration, String> {
    match positive(text)? {
        duration if duration.subsec_nanos() == 0 => Ok(duration),
        _ => Err("give whole seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_on_loopback() {
        assert_eq!(address("9121").unwrap().to_string(), "127.0.0.1:9121");
        assert_eq!(address("[::]:9121").unwrap().to_string(), "[::]:9121");
        assert!(address("localhost").is_err() && address("99999").is_err());
    }
}
