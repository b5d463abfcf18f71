//! Any text, read as the address that `PASV` replies name.

use std::net::{IpAddr, Ipv4Addr};

use ftp_adapter::{HostScope, PassiveHost};

/// Reads a passive host from the bytes, checks that it means what it says, and that it is the
/// same when it is printed and read again.
///
/// # Panics
///
/// If not.
pub fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match text.parse::<PassiveHost>() {
        Ok(host) => {
            let printed = host.to_string();
            assert_eq!(printed.parse::<PassiveHost>().as_ref(), Ok(&host), "{text:?}");
            check(&host, text);
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(expected(text.trim()).is_none(), "{text:?}: {error}");
        }
    }
}

fn check(host: &PassiveHost, text: &str) {
    match host {
        PassiveHost::ByRule { rules, otherwise } => {
            let entries: Vec<&str> = text.split(',').collect();
            let (last, before) = entries.split_last().expect("an entry");
            assert_eq!(rules.len(), before.len(), "{text:?}");
            for (rule, entry) in rules.iter().zip(before) {
                let (of, host) = entry.split_once('=').expect("a rule");
                let (network, written) = match (rule.of, of.trim().strip_prefix("local:")) {
                    (HostScope::Client(network), None) => (network, of.trim()),
                    (HostScope::Local(network), Some(written)) => (network, written),
                    (scope, _) => panic!("{scope:?} in {text:?}"),
                };
                assert_eq!(network, network.trunc(), "{text:?}");
                let (ip, length) = written.split_once('/').unwrap_or((written, "32"));
                assert!(network.contains(&ip.parse::<Ipv4Addr>().expect("an address")));
                assert_eq!(length.parse(), Ok(network.prefix_len()), "{text:?}");
                check(&rule.host, host);
            }
            check(otherwise, last);
        }
        one => assert_eq!(Some(one), expected(text.trim()).as_ref(), "{text:?}"),
    }
}

/// What one entry means, by itself; `None` if it means nothing.
fn expected(text: &str) -> Option<PassiveHost> {
    if text.eq_ignore_ascii_case("auto") {
        return Some(PassiveHost::Auto);
    }
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(_)) => None,
        Ok(IpAddr::V4(ip)) => {
            let [first, ..] = ip.octets();
            let reachable = !(224..240).contains(&first) && ip != Ipv4Addr::BROADCAST;
            reachable.then_some(PassiveHost::Ip(ip))
        }
        Err(_) => is_name(text).then(|| PassiveHost::Name(text.to_owned())),
    }
}

/// Labels of letters, digits, dashes and underscores, with dots between them; the last one may
/// not be a number, and a dot may end it all.
fn is_name(text: &str) -> bool {
    let mut labels: Vec<&[u8]> = text.as_bytes().split(|&byte| byte == b'.').collect();
    if labels.len() > 1 && labels.last().is_some_and(|label| label.is_empty()) {
        labels.pop();
    }
    let whole: usize = labels.iter().map(|label| label.len() + 1).sum();
    let good = |label: &&[u8]| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match **label {
            [] => false,
            [only] => inner(only),
            [first, ref middle @ .., last] => {
                let within = |&byte: &u8| inner(byte) || byte == b'-';
                label.len() < 64 && inner(first) && inner(last) && middle.iter().all(within)
            }
        }
    };
    let number = |label: &[u8]| label.iter().all(u8::is_ascii_digit);
    whole <= 254 && labels.iter().all(good) && !labels.last().is_some_and(|last| number(last))
}
