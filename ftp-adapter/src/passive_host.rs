//! The address that `PASV` replies name.

use ::libunftp::options;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::lookup_host;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info, warn};

/// How often a name is looked up again.
const REFRESH_EVERY: Duration = Duration::from_secs(60);

/// Which address `PASV` replies name, as it is configured.
///
/// Behind NAT or a load balancer the address of the server's socket is not the one that clients
/// reach. `EPSV` replies name no address and need none of this.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PassiveHost {
    /// The local address of the control connection: right where nothing translates addresses.
    #[default]
    Auto,
    /// This address.
    Ip(Ipv4Addr),
    /// The IPv4 address of this DNS name.
    Name(String),
}

impl PassiveHost {
    /// Makes it ready for use: looks the name up, and keeps looking it up in the background,
    /// every 60 s, as long as the result lives. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the name cannot be resolved to an IPv4 address now. Later failures are logged, and
    /// the last good address stays.
    pub async fn resolve(self) -> Result<AdvertisedHost, ResolveError> {
        Ok(AdvertisedHost(match self {
            Self::Auto => Advertised::FromConnection,
            Self::Ip(ip) => Advertised::Fixed(ip),
            Self::Name(name) => {
                let ip = look_up(&name, None).await?;
                Advertised::Named(Arc::new(Named::start(name, ip)))
            }
        }))
    }
}

impl FromStr for PassiveHost {
    type Err = PassiveHostError;

    fn from_str(text: &str) -> Result<Self, PassiveHostError> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        match text.parse() {
            Ok(IpAddr::V4(ip)) if ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast() => {
                Err(PassiveHostError::NotReachable(ip))
            }
            Ok(IpAddr::V4(ip)) => Ok(Self::Ip(ip)),
            Ok(IpAddr::V6(_)) => Err(PassiveHostError::Ipv6),
            Err(_) if is_host_name(text) => Ok(Self::Name(text.to_owned())),
            Err(_) => Err(PassiveHostError::NotAHost(text.to_owned())),
        }
    }
}

impl fmt::Display for PassiveHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => name.fmt(f),
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
}

/// Why a name gave no address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The resolver failed, or does not know the name.
    #[error("the passive host {name} cannot be resolved: {error}")]
    Lookup {
        /// The name.
        name: String,
        /// What the resolver said.
        error: io::Error,
    },
    /// The name has no IPv4 address.
    #[error("the passive host {0} has no IPv4 address, and PASV replies can name no other")]
    NoIpv4(String),
}

/// A [`PassiveHost`] that is ready for use. Asking it never waits for a DNS answer.
#[derive(Debug, Clone, Default)]
pub struct AdvertisedHost(Advertised);

#[derive(Debug, Clone, Default)]
enum Advertised {
    #[default]
    FromConnection,
    Fixed(Ipv4Addr),
    Named(Arc<Named>),
}

impl AdvertisedHost {
    /// The address that a `PASV` reply names now; `None` for the control connection's own.
    #[must_use]
    pub fn ip(&self) -> Option<Ipv4Addr> {
        match &self.0 {
            Advertised::FromConnection => None,
            Advertised::Fixed(ip) => Some(*ip),
            Advertised::Named(named) => Some(named.ip.get()),
        }
    }

    /// The same in libunftp's terms.
    #[must_use]
    pub fn current(&self) -> options::PassiveHost {
        self.ip().map_or(options::PassiveHost::FromConnection, options::PassiveHost::Ip)
    }
}

/// A name's address, kept up to date by a background task until dropped.
#[derive(Debug)]
struct Named {
    ip: Arc<LastGood>,
    refresh: JoinHandle<()>,
}

impl Named {
    fn start(name: String, ip: Ipv4Addr) -> Self {
        let ip = Arc::new(LastGood(AtomicU32::new(ip.to_bits())));
        let refresh = tokio::spawn(keep_fresh(name, Arc::clone(&ip)));
        Self { ip, refresh }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        self.refresh.abort();
    }
}

#[derive(Debug)]
struct LastGood(AtomicU32);

impl LastGood {
    fn get(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn set(&self, ip: Ipv4Addr) {
        self.0.store(ip.to_bits(), Ordering::Relaxed);
    }
}

async fn keep_fresh(name: String, last_good: Arc<LastGood>) {
    let mut ticks = interval(REFRESH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut failing = false;
    loop {
        ticks.tick().await;
        let before = last_good.get();
        match look_up(&name, Some(before)).await {
            Ok(ip) => {
                if ip != before {
                    info!("the passive host {name} is now {ip}, it was {before}");
                    last_good.set(ip);
                }
                failing = false;
            }
            Err(error) if failing => debug!("{error}; still using {before}"),
            Err(error) => {
                warn!("{error}; still using {before}");
                failing = true;
            }
        }
    }
}

/// An IPv4 address of `name`: `before` if it still is one, so that several addresses in changing
/// order are no change.
async fn look_up(name: &str, before: Option<Ipv4Addr>) -> Result<Ipv4Addr, ResolveError> {
    let answers = lookup_host((name, 0))
        .await
        .map_err(|error| ResolveError::Lookup { name: name.to_owned(), error })?;
    let mut first = None;
    for answer in answers {
        if let SocketAddr::V4(answer) = answer {
            let ip = *answer.ip();
            if before == Some(ip) {
                return Ok(ip);
            }
            first = first.or(Some(ip));
        }
    }
    first.ok_or_else(|| ResolveError::NoIpv4(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_addresses_and_names_are_told_apart() {
        let host = |text: &str| text.parse::<PassiveHost>().unwrap();
        assert_eq!(host("auto"), PassiveHost::Auto);
        assert_eq!(host("AUTO"), PassiveHost::Auto);
        assert_eq!(host("192.0.2.7"), PassiveHost::Ip(Ipv4Addr::new(192, 0, 2, 7)));
        for name in ["localhost", "ftp.example.org", "ftp.example.org.", "a-b.c_d.example", "1.e"] {
            assert_eq!(host(name), PassiveHost::Name(name.to_owned()));
        }
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_reason() {
        let error = |text: &str| text.parse::<PassiveHost>().unwrap_err();
        assert_eq!(error("::1"), PassiveHostError::Ipv6);
        for text in ["0.0.0.0", "255.255.255.255", "224.0.0.1"] {
            assert_eq!(error(text), PassiveHostError::NotReachable(text.parse().unwrap()));
        }
        for text in
            ["", ".", "300.1.1.1", "192.0.2", "-a.example", "a..b", "ftp.example.org:21", "a b"]
        {
            assert_eq!(error(text), PassiveHostError::NotAHost(text.to_owned()));
        }
    }

    #[tokio::test]
    async fn a_name_is_resolved_before_it_is_used() {
        let host = PassiveHost::Name("localhost".to_owned()).resolve().await.unwrap();
        assert_eq!(host.ip(), Some(Ipv4Addr::LOCALHOST));
        assert_eq!(host.current(), options::PassiveHost::Ip(Ipv4Addr::LOCALHOST));
    }

    #[tokio::test]
    async fn the_others_need_no_resolver() {
        let auto = PassiveHost::Auto.resolve().await.unwrap();
        assert_eq!(auto.current(), options::PassiveHost::FromConnection);
        let ip = Ipv4Addr::new(192, 0, 2, 7);
        let fixed = PassiveHost::Ip(ip).resolve().await.unwrap();
        assert_eq!(fixed.current(), options::PassiveHost::Ip(ip));
    }
}
