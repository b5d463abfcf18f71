//! The address that `PASV` replies name.

use super::SessionAddresses;
use super::name::Named;
use super::scope::HostScope;
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::{debug, warn};

/// Why a resolver of one's own gave no address. It is logged, and not shown to the client.
pub type ResolverError = Box<dyn Error + Send + Sync>;

/// The address that `PASV` replies name, ready for use: asking for it waits for nothing, a DNS
/// answer least of all.
///
/// The default is the local address of each session's control connection. [`fixed`](Self::fixed)
/// and [`resolver`](Self::resolver) are set in code;
/// [`PassiveHost::resolve`](super::PassiveHost::resolve) makes one from a text, with DNS names and
/// rules by client or by local address.
#[derive(Debug, Clone, Default)]
pub struct Advertised(How);

#[derive(Debug, Clone, Default)]
enum How {
    #[default]
    FromConnection,
    Fixed(Ipv4Addr),
    Named(Arc<Named>),
    ByRule(Arc<ByRule>),
    Resolver(Arc<Resolver>),
}

impl Advertised {
    /// The local address of each session's control connection: right where nothing translates
    /// addresses.
    #[must_use]
    pub fn from_connection() -> Self {
        Self::default()
    }

    /// This address, for everybody.
    #[must_use]
    pub fn fixed(ip: Ipv4Addr) -> Self {
        Self(How::Fixed(ip))
    }

    /// Whatever `resolve` says for each session, such as one address for the local network and
    /// another for the rest, or one for each interface.
    ///
    /// It is called for every `PASV`, in the session, so it must not block. Where it fails, `PASV`
    /// is refused with a reply that suggests `EPSV`, which names no address. The first failure in
    /// a row is logged as a warning.
    #[must_use]
    pub fn resolver(
        resolve: impl Fn(&SessionAddresses) -> Result<Ipv4Addr, ResolverError> + Send + Sync + 'static,
    ) -> Self {
        let resolve = Box::new(resolve);
        Self(How::Resolver(Arc::new(Resolver { resolve, failing: AtomicBool::new(false) })))
    }

    pub(super) fn named(named: Named) -> Self {
        Self(How::Named(Arc::new(named)))
    }

    /// That of the first rule that holds for the session, else `otherwise`.
    pub(super) fn by_rule(rules: Vec<(HostScope, Self)>, otherwise: Self) -> Self {
        Self(How::ByRule(Arc::new(ByRule { rules, otherwise })))
    }

    /// The address that a `PASV` reply to this session names now; `None` where none is known, as
    /// for a session over IPv6 whose own address is wanted.
    #[must_use]
    pub fn for_session(&self, session: &SessionAddresses) -> Option<Ipv4Addr> {
        match &self.0 {
            How::FromConnection => match session.local.ip() {
                IpAddr::V4(ip) => Some(ip),
                IpAddr::V6(_) => None,
            },
            How::Fixed(ip) => Some(*ip),
            How::Named(named) => Some(named.ip()),
            How::ByRule(rules) => rules.of(session).for_session(session),
            How::Resolver(resolver) => resolver.resolve(session),
        }
    }

    /// The address, if at any one time it is the same for all sessions.
    #[must_use]
    pub fn ip(&self) -> Option<Ipv4Addr> {
        match &self.0 {
            How::Fixed(ip) => Some(*ip),
            How::Named(named) => Some(named.ip()),
            How::FromConnection | How::ByRule(_) | How::Resolver(_) => None,
        }
    }
}

/// For people, as on a start screen.
impl fmt::Display for Advertised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            How::FromConnection => f.write_str("the address that the client has connected to"),
            How::Fixed(ip) if ip.is_unspecified() => {
                write!(f, "{ip}: clients use the address that they have connected to")
            }
            How::Fixed(ip) => ip.fmt(f),
            How::Named(named) => write!(f, "{} ({})", named.name(), named.ip()),
            How::ByRule(rules) => {
                for (of, advertised) in &rules.rules {
                    match of {
                        HostScope::Client(clients) => write!(f, "to {clients} {advertised}; ")?,
                        HostScope::Local(network) if network.prefix_len() == 32 => {
                            write!(f, "on {} {advertised}; ", network.addr())?;
                        }
                        HostScope::Local(network) => write!(f, "on {network} {advertised}; ")?,
                    }
                }
                write!(f, "to others {}", rules.otherwise)
            }
            How::Resolver(_) => f.write_str("an address for each session"),
        }
    }
}

#[derive(Debug)]
struct ByRule {
    rules: Vec<(HostScope, Advertised)>,
    otherwise: Advertised,
}

impl ByRule {
    fn of(&self, session: &SessionAddresses) -> &Advertised {
        let rule = self.rules.iter().find(|(of, _)| of.holds(session));
        rule.map_or(&self.otherwise, |(_, advertised)| advertised)
    }
}

type Resolve = dyn Fn(&SessionAddresses) -> Result<Ipv4Addr, ResolverError> + Send + Sync;

struct Resolver {
    resolve: Box<Resolve>,
    /// Whether the last call failed: so that a lasting failure is logged once.
    failing: AtomicBool,
}

impl Resolver {
    fn resolve(&self, session: &SessionAddresses) -> Option<Ipv4Addr> {
        let resolved = (self.resolve)(session);
        let failed_before = self.failing.swap(resolved.is_err(), Ordering::Relaxed);
        match resolved {
            Ok(ip) => return Some(ip),
            Err(error) if failed_before => {
                debug!(client = %session.peer.ip(), "no address for PASV: {error}");
            }
            Err(error) => warn!(client = %session.peer.ip(), "no address for PASV: {error}"),
        }
        None
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("failing", &self.failing).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(peer: &str, local: &str) -> SessionAddresses {
        SessionAddresses::new(
            (peer.parse::<IpAddr>().unwrap(), 4000).into(),
            (local.parse::<IpAddr>().unwrap(), 21).into(),
        )
    }

    const PUBLIC: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

    #[test]
    fn the_connection_s_own_address_in_its_ipv4_form() {
        let own = Advertised::from_connection();
        let local = Some(Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(own.for_session(&session("10.0.0.9", "10.0.0.1")), local);
        assert_eq!(own.for_session(&session("::ffff:10.0.0.9", "::ffff:10.0.0.1")), local);
        assert_eq!(own.for_session(&session("::1", "::1")), None);
    }

    #[test]
    fn a_rule_comes_before_the_rest_and_the_first_counts() {
        let net = |text: &str| HostScope::Client(text.parse().unwrap());
        let advertised = Advertised::by_rule(
            vec![
                (net("10.1.0.0/16"), Advertised::fixed(Ipv4Addr::new(10, 1, 0, 1))),
                (net("10.0.0.0/8"), Advertised::from_connection()),
                (net("10.2.0.0/16"), Advertised::fixed(Ipv4Addr::BROADCAST)),
            ],
            Advertised::fixed(PUBLIC),
        );
        for (peer, expected) in [
            ("10.1.2.3", "10.1.0.1"),
            ("10.2.2.3", "10.0.0.1"),
            ("::ffff:10.2.2.3", "10.0.0.1"),
            ("11.0.0.1", "192.0.2.7"),
        ] {
            let ip = advertised.for_session(&session(peer, "10.0.0.1"));
            assert_eq!(ip, Some(expected.parse().unwrap()), "{peer}");
        }
    }

    #[tokio::test]
    async fn a_host_with_several_public_addresses_names_that_of_the_one_connected_to() {
        let text = "local:10.0.0.5=192.0.2.5,local:10.0.0.6=192.0.2.6,11.0.0.0/8=auto,0.0.0.0";
        let host: super::super::PassiveHost = text.parse().unwrap();
        let advertised = host.resolve().await.unwrap();
        for (peer, local, expected) in [
            ("11.0.0.1", "10.0.0.5", "192.0.2.5"),
            ("11.0.0.1", "10.0.0.6", "192.0.2.6"),
            ("11.0.0.1", "::ffff:10.0.0.6", "192.0.2.6"),
            ("11.0.0.1", "10.0.0.7", "10.0.0.7"),
            ("12.0.0.1", "10.0.0.7", "0.0.0.0"),
        ] {
            let ip = advertised.for_session(&session(peer, local));
            assert_eq!(ip, Some(expected.parse().unwrap()), "{peer} {local}");
        }
        assert_eq!(
            advertised.to_string(),
            "on 10.0.0.5 192.0.2.5; on 10.0.0.6 192.0.2.6; \
             to 11.0.0.0/8 the address that the client has connected to; \
             to others 0.0.0.0: clients use the address that they have connected to"
        );
    }

    #[test]
    fn a_resolver_sees_both_ends_and_may_fail() {
        let advertised = Advertised::resolver(|session| match session.local.ip() {
            IpAddr::V4(ip) if ip.is_private() => Ok(PUBLIC),
            _ => Err(format!("no address for {}", session.peer.ip()).into()),
        });
        assert_eq!(advertised.for_session(&session("11.0.0.1", "10.0.0.1")), Some(PUBLIC));
        assert_eq!(advertised.ip(), None);
        assert_eq!(advertised.to_string(), "an address for each session");
        assert!(format!("{advertised:?}").contains("failing: false"));
        for _ in 0..2 {
            assert_eq!(advertised.for_session(&session("11.0.0.1", "12.0.0.1")), None);
        }
        assert!(format!("{advertised:?}").contains("failing: true"));
        assert_eq!(advertised.for_session(&session("11.0.0.1", "10.0.0.1")), Some(PUBLIC));
    }
}
