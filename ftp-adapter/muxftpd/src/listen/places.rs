//! Where the server is to listen, and whether its own addresses are in each other's way.

use super::{Failure, ListenError, Reason, same_family};
use crate::config::options::Options;
use mux_core::PortSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where control connections are accepted when nothing else is said.
const DEFAULT: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2121),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 2121),
];

/// Every place that a server is to listen on.
#[derive(Debug)]
pub struct Places<'a> {
    /// Those for control connections, last those with implicit TLS.
    pub(super) control: Vec<(ListenOption, SocketAddr)>,
    defaults: usize,
    passive: &'a PortSet,
    metrics: Option<SocketAddr>,
}

/// Which option says where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListenOption {
    Listen,
    TlsListen,
    Metrics,
}

impl ListenOption {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Listen => "--listen",
            Self::TlsListen => "--tls-listen",
            Self::Metrics => "--metrics",
        }
    }

    /// What the server would do there.
    pub(super) fn purpose(self) -> &'static str {
        match self {
            Self::Listen | Self::TlsListen => "accept control connections",
            Self::Metrics => "serve metrics",
        }
    }
}

impl<'a> From<&'a Options> for Places<'a> {
    fn from(options: &'a Options) -> Self {
        let passive = options.passive_ports.listened();
        Self::new(&options.listen, &options.tls_listen, passive, options.metrics)
    }
}

impl<'a> Places<'a> {
    pub fn new(
        listen: &[SocketAddr],
        tls: &[SocketAddr],
        passive: &'a PortSet,
        metrics: Option<SocketAddr>,
    ) -> Self {
        let plain = if listen.is_empty() { &DEFAULT } else { listen };
        let plain = plain.iter().map(|address| (ListenOption::Listen, *address));
        let tls = tls.iter().map(|address| (ListenOption::TlsListen, *address));
        let defaults = if listen.is_empty() { DEFAULT.len() } else { 0 };
        Self { control: plain.chain(tls).collect(), defaults, passive, metrics }
    }

    /// Whether nobody has asked for this control listener.
    pub(super) fn is_default(&self, position: usize) -> bool {
        position < self.defaults
    }

    /// Refuses addresses that are in each other's way, without asking the system.
    ///
    /// # Errors
    ///
    /// A line for each address that another one is in the way of.
    pub fn check(&self) -> Result<(), ListenError> {
        let metrics = self.metrics.map(|address| (ListenOption::Metrics, address));
        let all: Vec<_> = self.control.iter().copied().chain(metrics).collect();
        let reason = |position: usize| {
            let (option, address) = all[position];
            if self.is_passive(option, address) {
                return Some(Reason::Passive);
            }
            let before = all[..position].iter().find(|other| meet((option, address), **other));
            before.map(|(other, place)| Reason::Covered(*other, *place))
        };
        let failures: Vec<Failure> = (0..all.len())
            .filter_map(|position| {
                let (option, address) = all[position];
                Some(Failure { option, address, reason: reason(position)? })
            })
            .collect();
        if failures.is_empty() { Ok(()) } else { Err(ListenError(failures)) }
    }

    /// Whether an option names this place, which the system has chosen for another one.
    pub(super) fn has(&self, place: SocketAddr) -> bool {
        let place = (ListenOption::Listen, place);
        let metrics = self.metrics.map(|address| (ListenOption::Metrics, address));
        self.is_passive(place.0, place.1)
            || self.control.iter().copied().chain(metrics).any(|other| meet(place, other))
    }

    /// Whether an address would also be a passive port's. Those are on the addresses of the control
    /// listeners.
    fn is_passive(&self, option: ListenOption, address: SocketAddr) -> bool {
        let ip = (option, address.ip());
        self.passive.contains(address.port())
            && self.control.iter().any(|(other, control)| overlap(ip, (*other, control.ip())))
    }
}

/// Whether two places cannot both be listened on. Those whose port the system chooses can.
fn meet(one: (ListenOption, SocketAddr), other: (ListenOption, SocketAddr)) -> bool {
    one.1.port() != 0
        && one.1.port() == other.1.port()
        && overlap((one.0, one.1.ip()), (other.0, other.1.ip()))
}

fn overlap(one: (ListenOption, IpAddr), other: (ListenOption, IpAddr)) -> bool {
    covers(one, other.1) || covers(other, one.1)
}

/// Whether what listens on `one` is reached at `other`, too. Where metrics are served on all IPv6
/// addresses, they are served on those of IPv4 as well, unlike control connections.
fn covers((option, one): (ListenOption, IpAddr), other: IpAddr) -> bool {
    let is_of_both = option == ListenOption::Metrics && one.is_ipv6();
    one == other || one.is_unspecified() && (is_of_both || same_family(one, other))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of these options.
    fn said(listen: &str, tls: &str, passive: &str, metrics: &str) -> String {
        let all = |text: &str| -> Vec<SocketAddr> {
            text.split_whitespace().map(|address| address.parse().unwrap()).collect()
        };
        let passive = passive.parse().unwrap();
        let metrics = all(metrics).first().copied();
        let places = Places::new(&all(listen), &all(tls), &passive, metrics);
        places.check().err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn addresses_in_each_other_s_way_are_told_with_their_options() {
        for (listen, tls, metrics, sentence) in [
            (
                "",
                "",
                "127.0.0.1:8195",
                "cannot serve metrics on 127.0.0.1:8195: port 8195 is one of the passive ports; \
                 change --metrics or --passive-ports",
            ),
            ("0.0.0.0:21", "", "192.0.2.1:8195", "port 8195 is one of the passive ports"),
            ("192.0.2.1:21", "", "0.0.0.0:8195", "port 8195 is one of the passive ports"),
            ("192.0.2.1:21", "", "[::]:8195", "port 8195 is one of the passive ports"),
            (
                "",
                "",
                "127.0.0.1:2121",
                "cannot serve metrics on 127.0.0.1:2121: --listen 127.0.0.1:2121 takes that port \
                 already; change one",
            ),
            ("0.0.0.0:21", "0.0.0.0:990", "127.0.0.1:990", "--tls-listen 0.0.0.0:990 takes that"),
            ("127.0.0.1:21", "", "[::]:21", "--listen 127.0.0.1:21 takes that port already"),
            (
                "0.0.0.0:21",
                "192.0.2.1:21",
                "",
                "cannot accept control connections on 192.0.2.1:21: --listen 0.0.0.0:21 takes that \
                 port already; change one",
            ),
            (
                "0.0.0.0:21 192.0.2.1:21",
                "",
                "",
                "--listen 0.0.0.0:21 takes that port already; leave",
            ),
            ("0.0.0.0:21 0.0.0.0:21", "", "", "on 0.0.0.0:21: --listen names it twice"),
            ("0.0.0.0:21", "0.0.0.0:8192", "", "change --tls-listen or --passive-ports"),
        ] {
            let text = said(listen, tls, "8192-8200", metrics);
            assert!(text.contains(sentence), "{listen}, {tls}, {metrics}: {text}");
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    }

    #[test]
    fn addresses_that_are_apart_are_not() {
        for (listen, tls, metrics) in [
            ("", "", "127.0.0.1:9121"),
            ("127.0.0.1:0 127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"),
            ("0.0.0.0:21 [::]:21", "0.0.0.0:990 [::]:990", "[::]:9121"),
            ("127.0.0.1:21 127.0.0.2:21", "", "127.0.0.3:21"),
            ("127.0.0.1:21", "", "127.0.0.2:8192"),
            ("[::]:21", "", "127.0.0.1:8192"),
        ] {
            assert_eq!(said(listen, tls, "8192-8200", metrics), "", "{listen}, {tls}, {metrics}");
        }
    }
}
