//! How the values of options are written.

use crate::observe::logging;
use mux_core::ClientPrefix;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

/// Reads an address and a port, or a port on loopback.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.parse().map_err(|_| "write a port, or an address and a port: 127.0.0.1:9121".to_owned())
}

/// Reads an address and a port. An IPv4 address that is written as IPv6 is an IPv4 address.
pub fn listener(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().to_canonical().is_ipv4() => {
            Ok(SocketAddr::new(address.ip().to_canonical(), address.port()))
        }
        Ok(address) => Ok(address),
        Err(_) => Err("write an IP address and a port: 0.0.0.0:21 or [::]:21".to_owned()),
    }
}

/// Checks what to log.
pub fn log_filter(text: &str) -> Result<String, String> {
    logging::check(text).map(|()| text.to_owned())
}

/// Reads a number of things of which there must be some.
pub fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "write a whole number from 1 on".to_owned())
}

/// Reads a number of things.
pub fn whole_number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "write a whole number".to_owned())
}

/// Reads whether a switch is on.
pub fn switch(text: &str) -> Result<bool, String> {
    // In one way only: options may ask for others when they are "true".
    text.parse().map_err(|_| "write true or false".to_owned())
}

/// Longer ones are slips of the pen.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

pub fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration > LONGEST => Err("at most 7d is allowed".to_owned()),
        Ok(duration) => Ok(duration),
        Err(_) => Err("write durations like 500ms, 15s or 2m".to_owned()),
    }
}

pub fn positive(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it must be longer than 0s".to_owned()),
        duration => Ok(duration),
    }
}

/// Reads the bits of IPv4, or those of IPv4 and IPv6.
pub fn client_prefix(text: &str) -> Result<ClientPrefix, String> {
    let bits = |text: &str| {
        let text = text.trim();
        text.strip_prefix('/').unwrap_or(text).parse::<u8>().ok()
    };
    let (ipv4, ipv6) = match text.split_once(',') {
        Some((ipv4, ipv6)) => (bits(ipv4), bits(ipv6)),
        None => (bits(text), Some(128)),
    };
    let (Some(ipv4), Some(ipv6)) = (ipv4, ipv6) else {
        return Err("write one like 24, or 24,64 for IPv4 and IPv6".to_owned());
    };
    ClientPrefix::new(ipv4, ipv6).map_err(|error| error.to_string())
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
    fn a_listener_has_an_address_and_a_port() {
        assert_eq!(listener("[::]:21").unwrap().to_string(), "[::]:21");
        assert_eq!(listener("[::ffff:127.0.0.1]:21").unwrap().to_string(), "127.0.0.1:21");
        for text in ["21", "127.0.0.1", "localhost:2121", ""] {
            assert!(listener(text).unwrap_err().contains("0.0.0.0:21"), "{text}");
        }
    }

    #[test]
    fn none_is_not_at_least_one() {
        assert_eq!(at_least_one("7").unwrap().get(), 7);
        assert!(at_least_one("0").is_err() && at_least_one("-1").is_err());
    }

    #[test]
    fn a_switch_is_on_or_off() {
        assert_eq!((switch("true"), switch("false")), (Ok(true), Ok(false)));
        assert!(["1", "yes", "True", ""].into_iter().all(|text| switch(text).is_err()));
    }

    #[test]
    fn a_port_alone_is_on_loopback() {
        assert_eq!(address("9121").unwrap().to_string(), "127.0.0.1:9121");
        assert_eq!(address("[::]:9121").unwrap().to_string(), "[::]:9121");
        assert!(address("localhost").is_err() && address("99999").is_err());
    }
}
