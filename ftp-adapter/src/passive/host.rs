//! The address that `PASV` replies name, as text.

use super::advertised::Advertised;
use super::name::{Named, ResolveError};
use super::scope::{HostScope, LOCAL};
use ipnet::Ipv4Net;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// Which address `PASV` replies name, as it is configured.
///
/// Behind NAT or a load balancer the address of the server's socket is not the one that clients
/// reach. `EPSV` replies name no address and need none of this.
///
/// Written as `auto`, an IPv4 address or a DNS name; or as several with rules before them, such as
/// `10.0.0.0/8=auto,ftp.example.org`: the first rule that holds counts, and the last entry, without
/// a rule, is for all other sessions. A rule is a network of clients, or
/// `local:` and a local address or network: `local:10.0.0.5=203.0.113.5` is for the sessions whose
/// clients have connected to 10.0.0.5.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PassiveHost {
    /// The local address of the control connection: right where nothing translates addresses.
    #[default]
    Auto,
    /// This address. `0.0.0.0` stands for that of the control connection: many clients use
    /// the address that they have connected to when they are told this one, but not all.
    Ip(Ipv4Addr),
    /// The IPv4 address of this DNS name.
    Name(String),
    /// One for each of several kinds of sessions, and one for all others.
    ByRule {
        /// The first that holds counts.
        rules: Vec<HostRule>,
        /// For the sessions for which none holds.
        otherwise: Box<PassiveHost>,
    },
}

/// What the clients of some sessions are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRule {
    /// Which sessions.
    pub of: HostScope,
    /// What their clients are told.
    pub host: PassiveHost,
}

impl PassiveHost {
    /// Makes it ready for use: looks names up, and keeps looking them up in the background, every
    /// 60 s, as long as the result lives. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// When a name cannot be resolved to an IPv4 address now. Later failures are logged, and the
    /// last good address stays.
    pub async fn resolve(self) -> Result<Advertised, ResolveError> {
        match self {
            Self::Auto => Ok(Advertised::from_connection()),
            Self::Ip(ip) => Ok(Advertised::fixed(ip)),
            Self::Name(name) => Named::start(name).await.map(Advertised::named),
            Self::ByRule { rules, otherwise } => {
                let mut ready = Vec::with_capacity(rules.len());
                for HostRule { of, host } in rules {
                    ready.push((of, Box::pin(host.resolve()).await?));
                }
                Ok(Advertised::by_rule(ready, Box::pin(otherwise.resolve()).await?))
            }
        }
    }

    /// Reads one entry, without any network before it.
    fn one(text: &str) -> Result<Self, PassiveHostError> {
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        match text.parse() {
            Ok(IpAddr::V4(ip)) if ip.is_broadcast() || ip.is_multicast() => {
                Err(PassiveHostError::NotReachable(ip))
            }
            Ok(IpAddr::V4(ip)) => Ok(Self::Ip(ip)),
            Ok(IpAddr::V6(_)) => Err(PassiveHostError::Ipv6),
            Err(_) if is_host_name(text) => Ok(Self::Name(text.to_owned())),
            Err(_) => Err(PassiveHostError::NotAHost(text.to_owned())),
        }
    }
}

impl HostRule {
    fn read(of: &str, host: &str) -> Result<Self, PassiveHostError> {
        let (of, host) = (of.trim(), host.trim());
        let of = match of.strip_prefix(LOCAL) {
            Some(local) => {
                let address = local.parse::<Ipv4Addr>().ok().map(Ipv4Net::from);
                let network = address.or_else(|| network(local));
                HostScope::Local(
                    network.ok_or_else(|| PassiveHostError::NotLocal(local.to_owned()))?,
                )
            }
            None => HostScope::Client(
                network(of).ok_or_else(|| PassiveHostError::NotANetwork(of.to_owned()))?,
            ),
        };
        Ok(Self { of, host: PassiveHost::one(host)? })
    }
}

fn network(text: &str) -> Option<Ipv4Net> {
    // Not `010.0.0.0` either, which is ten to some and eight to others.
    let (ip, _) = text.split_once('/')?;
    ip.parse::<Ipv4Addr>().ok()?;
    text.parse::<Ipv4Net>().ok().map(|network| network.trunc())
}

impl FromStr for PassiveHost {
    type Err = PassiveHostError;

    fn from_str(text: &str) -> Result<Self, PassiveHostError> {
        if !text.contains([',', '=']) {
            return Self::one(text.trim());
        }
        let entries: Vec<&str> = text.split(',').map(str::trim).collect();
        let mut rules = Vec::new();
        for (position, entry) in entries.iter().enumerate() {
            let within = |error| PassiveHostError::InEntry {
                entry: (*entry).to_owned(),
                error: Box::new(error),
            };
            match entry.split_once('=') {
                Some((of, host)) => {
                    rules.push(HostRule::read(of, host).map_err(within)?);
                }
                None if position + 1 < entries.len() => {
                    return Err(within(PassiveHostError::NotLast));
                }
                None => {
                    let otherwise = Box::new(Self::one(entry).map_err(within)?);
                    return Ok(Self::ByRule { rules, otherwise });
                }
            }
        }
        Err(PassiveHostError::NoOthers)
    }
}

impl fmt::Display for PassiveHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => name.fmt(f),
            Self::ByRule { rules, otherwise } => {
                for HostRule { of, host } in rules {
                    write!(f, "{of}={host},")?;
                }
                otherwise.fmt(f)
            }
        }
    }
}

/// Whether `text` may be a host name (RFC 1123 section 2.1), and not an address gone wrong.
fn is_host_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && name.split('.').all(label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Why a text is not a [`PassiveHost`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PassiveHostError {
    /// An IPv6 address.
    #[error("PASV replies can only name an IPv4 address: IPv6 clients use EPSV, which needs none")]
    Ipv6,
    /// An address that no client can connect to.
    #[error("no client can connect to {0}: give the address that clients reach, or auto")]
    NotReachable(Ipv4Addr),
    /// Neither an address nor a name.
    #[error("{0:?} is neither auto, nor an IPv4 address, nor a DNS name")]
    NotAHost(String),
    /// What stands before `=` is not a network.
    #[error(
        "{0:?} is not an IPv4 network of clients: write one like 10.0.0.0/8, or local: and an \
         address of this server"
    )]
    NotANetwork(String),
    /// What stands after `local:` is not an address.
    #[error("{0:?} is not an IPv4 address of this server: write one like local:10.0.0.5")]
    NotLocal(String),
    /// An entry for all other sessions has more entries after it.
    #[error("an entry without = is for all other clients: it must come last, and once")]
    NotLast,
    /// There are rules for some sessions only.
    #[error("nothing is said of all other clients: end with an entry without =, such as auto")]
    NoOthers,
    /// Something is wrong in one of several entries.
    #[error("in {entry:?}: {error}")]
    InEntry {
        /// The entry.
        entry: String,
        /// What is wrong in it.
        error: Box<PassiveHostError>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> PassiveHost {
        text.parse().unwrap()
    }

    fn error(text: &str) -> PassiveHostError {
        text.parse::<PassiveHost>().unwrap_err()
    }

    #[test]
    fn auto_addresses_and_names_are_told_apart() {
        assert_eq!(host("auto"), PassiveHost::Auto);
        assert_eq!(host("AUTO"), PassiveHost::Auto);
        assert_eq!(host("192.0.2.7"), PassiveHost::Ip(Ipv4Addr::new(192, 0, 2, 7)));
        for name in ["localhost", "ftp.example.org", "ftp.example.org.", "a-b.c_d.example", "1.e"] {
            assert_eq!(host(name), PassiveHost::Name(name.to_owned()));
        }
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_reason() {
        assert_eq!(error("::1"), PassiveHostError::Ipv6);
        for text in ["255.255.255.255", "224.0.0.1"] {
            assert_eq!(error(text), PassiveHostError::NotReachable(text.parse().unwrap()));
        }
        for text in
            ["", ".", "300.1.1.1", "192.0.2", "-a.example", "a..b", "ftp.example.org:21", "a b"]
        {
            assert_eq!(error(text), PassiveHostError::NotAHost(text.to_owned()));
        }
    }

    #[test]
    fn rules_read_and_print() {
        let rules = host(
            "10.1.2.3/8=auto, 192.168.0.0/16=192.168.0.1,local:10.0.0.5 = 192.0.2.5,\
             local:10.9.0.7/16=0.0.0.0,ftp.example.org",
        );
        assert_eq!(
            rules.to_string(),
            "10.0.0.0/8=auto,192.168.0.0/16=192.168.0.1,local:10.0.0.5=192.0.2.5,\
             local:10.9.0.0/16=0.0.0.0,ftp.example.org"
        );
        assert_eq!(host(&rules.to_string()), rules);
    }

    #[test]
    fn errors_in_rules_point_at_the_entry() {
        for (text, expected) in [
            ("10.0.0.0/33=auto,auto", "in \"10.0.0.0/33=auto\": \"10.0.0.0/33\" is not an IPv4"),
            ("10.0.0.0=auto,auto", "in \"10.0.0.0=auto\": \"10.0.0.0\" is not an IPv4 network"),
            ("010.0.0.0/8=auto,auto", "in \"010.0.0.0/8=auto\": \"010.0.0.0/8\" is not an IPv4"),
            ("fd00::/8=auto,auto", "in \"fd00::/8=auto\": \"fd00::/8\" is not an IPv4 network"),
            (
                "local:ftp=auto,auto",
                "in \"local:ftp=auto\": \"ftp\" is not an IPv4 address of this",
            ),
            (
                "local:10.0.0.5/33=auto,auto",
                "in \"local:10.0.0.5/33=auto\": \"10.0.0.5/33\" is not",
            ),
            ("10.0.0.0/8=::1,auto", "in \"10.0.0.0/8=::1\": PASV replies can only"),
            ("10.0.0.0/8=auto,a b", "in \"a b\": \"a b\" is neither"),
            ("auto,10.0.0.0/8=auto", "in \"auto\": an entry without = is for all"),
            ("10.0.0.0/8=auto", "nothing is said of all other clients"),
            ("10.0.0.0/8=auto,", "in \"\": \"\" is neither"),
        ] {
            let error = error(text).to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn a_name_is_resolved_before_it_is_used() {
        let advertised = host("localhost").resolve().await.unwrap();
        assert_eq!(advertised.ip(), Some(Ipv4Addr::LOCALHOST));
        assert_eq!(advertised.to_string(), "localhost (127.0.0.1)");
    }

    #[tokio::test]
    async fn the_others_need_no_resolver() {
        assert_eq!(host("auto").resolve().await.unwrap().ip(), None);
        let fixed = host("192.0.2.7").resolve().await.unwrap();
        assert_eq!(fixed.ip(), Some(Ipv4Addr::new(192, 0, 2, 7)));
        let rules = host("10.0.0.0/8=auto,192.0.2.7").resolve().await.unwrap();
        assert_eq!(
            rules.to_string(),
            "to 10.0.0.0/8 the address that the client has connected to; to others 192.0.2.7"
        );
    }
}
