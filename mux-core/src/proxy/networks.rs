//! Whose headers are believed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

use crate::Client;

/// The networks whose connections start with a header, and are refused without one.
///
/// Written as networks and addresses with commas between them, `10.0.0.0/8,192.0.2.7,2001:db8::/32`.
/// An IPv4 network holds IPv4-mapped addresses as well.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// None: nobody's headers are believed.
    pub const NONE: Self = Self(Vec::new());

    /// Whether `address` is in one of them.
    pub fn contains(&self, address: impl Into<Client>) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let ip = address.into().ip();
        self.0.iter().any(|network| network.contains(&ip))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Every network with the bits below its prefix cleared, and IPv4-mapped ones as IPv4.
impl FromIterator<IpNet> for Networks {
    fn from_iter<T: IntoIterator<Item = IpNet>>(networks: T) -> Self {
        Self(networks.into_iter().map(canonical).collect())
    }
}

fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network.trunc() };
    let ipv4 = mapped.addr().to_ipv4_mapped().zip(mapped.prefix_len().checked_sub(96));
    match ipv4.map(|(ip, length): (Ipv4Addr, u8)| Ipv4Net::new(ip, length)) {
        Some(Ok(network)) => IpNet::V4(network).trunc(),
        _ => network.trunc(),
    }
}

impl FromStr for Networks {
    type Err = NetworksError;

    fn from_str(text: &str) -> Result<Self, NetworksError> {
        let read = |part: &str| {
            let part = part.trim();
            // The address by the standard library: others read `010.0.0.0` as ten, or as eight.
            let address = part.split('/').next().and_then(|ip| ip.parse::<IpAddr>().ok());
            let network = match (address, part.contains('/')) {
                (Some(ip), false) => Some(ip.into()),
                (Some(_), true) => part.parse().ok(),
                (None, _) => None,
            };
            network.ok_or_else(|| NetworksError { part: part.to_owned() })
        };
        text.split(',').map(read).collect()
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, network) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(f, "{comma}{network}")?;
        }
        Ok(())
    }
}

/// A text that names no networks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{part:?} is no network: write 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32, with commas between several"
)]
pub struct NetworksError {
    part: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(networks: &str, address: &str) -> bool {
        networks.parse::<Networks>().unwrap().contains(address.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn a_network_holds_its_addresses_however_they_are_written() {
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(contains("10.0.0.0/8", "::ffff:10.255.0.1"));
        assert!(contains("::ffff:10.0.0.0/104", "10.255.0.1"));
        assert!(contains("192.0.2.1, 10.0.0.7/8", "10.1.2.3"));
        assert!(contains("192.0.2.1", "192.0.2.1"));
        assert!(contains("2001:db8::/32", "2001:db8:1::9"));
        assert!(contains("0.0.0.0/0", "203.0.113.9"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        assert!(!contains("192.0.2.1", "192.0.2.2"));
        assert!(!contains("10.0.0.0/8,2001:db8::/32", "11.0.0.1"));
        assert!(!Networks::NONE.contains(IpAddr::from([10, 0, 0, 1])));
        assert!(Networks::NONE.is_empty() && !"::/0".parse::<Networks>().unwrap().is_empty());
    }

    #[test]
    fn what_is_printed_is_read_as_the_same() {
        for (text, printed) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("192.0.2.1,2001:db8::1", "192.0.2.1/32,2001:db8::1/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:0:0/90", "::ffc0:0:0/90"),
        ] {
            let networks: Networks = text.parse().unwrap();
            assert_eq!(networks.to_string(), printed);
            assert_eq!(printed.parse(), Ok(networks));
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in
            ["", "10.0.0.0/33", "010.0.0.0/8", "10.0.0/8", "::/129", "10.0.0.0/8,", "x", "/8"]
        {
            let error = text.parse::<Networks>().unwrap_err().to_string();
            assert!(error.contains("is no network: write"), "{text}: {error}");
        }
    }
}
