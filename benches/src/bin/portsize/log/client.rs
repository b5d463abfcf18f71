//! Who a log says has asked: an address, without the port that may stand behind it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::RandomState;
use memchr::{memchr, memrchr};

/// A client as a log writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client<'a> {
    Address(IpAddr),
    /// A host's name.
    Name(&'a str),
}

impl<'a> Client<'a> {
    /// `192.0.2.7`, `192.0.2.7:40123`, `[2001:db8::1]:40123`, `host.example.org[192.0.2.7]`, and
    /// the like. `None` if it is neither an address nor a host's name.
    pub(crate) fn read(text: &'a [u8]) -> Option<Self> {
        let text = text.trim_ascii();
        if let Some(address) = address(text) {
            return Some(Self::Address(address.to_canonical()));
        }
        // A host's name with the address in brackets.
        if let Some(text) = text.strip_suffix(b"]").or_else(|| text.strip_suffix(b")"))
            && let Some(bracket) = memrchr(b'[', text).or_else(|| memrchr(b'(', text))
            && let Some(address) = address(&text[bracket + 1..])
        {
            return Some(Self::Address(address.to_canonical()));
        }
        let name = std::str::from_utf8(text).ok()?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let nobody = ["unknown", "null", "none", "nil", "undefined", "nan", "n-a"];
        (name.len() <= 253
            && name.bytes().all(allowed)
            && name.bytes().any(|byte| byte.is_ascii_alphabetic())
            && !nobody.iter().any(|word| name.eq_ignore_ascii_case(word)))
        .then_some(Self::Name(name))
    }

    /// Whether a text is an address.
    pub(crate) fn is_address(text: &[u8]) -> bool {
        matches!(Client::read(text), Some(Client::Address(_)))
    }
}

fn address(text: &[u8]) -> Option<IpAddr> {
    if let Some(address) = ipv4(text) {
        return Some(address.into());
    }
    // As Java writes it.
    let text = text.strip_prefix(b"/").unwrap_or(text);
    if let Some(rest) = text.strip_prefix(b"[") {
        let end = memchr(b']', rest)?;
        let after = &rest[end + 1..];
        let is_port = after.is_empty() || after.strip_prefix(b":").is_some_and(port);
        return if is_port { ip(&rest[..end]) } else { None };
    }
    if let Some(address) = ip(text) {
        return Some(address);
    }
    if let Some(mark) = text.iter().rposition(|byte| matches!(byte, b':' | b'#' | b'.' | b'/')) {
        let (before, after) = (&text[..mark], &text[mark + 1..]);
        let address = ip(before)?;
        let dotted = before.contains(&b'.');
        return match text[mark] {
            // Of the prefix of a single host.
            b'/' => {
                (after == if address.is_ipv4() { &b"32"[..] } else { b"128" }).then_some(address)
            }
            // Behind an address of IPv6, a colon belongs to the address, unless five digits
            // follow.
            b':' => (port(after) && (dotted || after.len() == 5)).then_some(address),
            _ => port(after).then_some(address),
        };
    }
    None
}

fn ip(text: &[u8]) -> Option<IpAddr> {
    if let Some(address) = ipv4(text) {
        return Some(address.into());
    }
    // Without the zone of a link-local address.
    let text = memchr(b'%', text).map_or(text, |mark| &text[..mark]);
    if !text.contains(&b':') {
        return None;
    }
    Some(std::str::from_utf8(text).ok()?.parse::<Ipv6Addr>().ok()?.into())
}

fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    if !(7..=15).contains(&text.len()) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn port(text: &[u8]) -> bool {
    (1..=5).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
}

/// Numbers for clients. An address has one number, in whatever way it is written.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    addresses: HashMap<IpAddr, u32, RandomState>,
    hosts: HashMap<Box<str>, u32, RandomState>,
    names: Vec<Box<str>>,
}

impl Clients {
    pub(crate) fn number(&mut self, client: Client<'_>) -> u32 {
        let next = self.names.len() as u32;
        match client {
            Client::Address(address) => *self.addresses.entry(address).or_insert_with(|| {
                self.names.push(address.to_string().into());
                next
            }),
            Client::Name(name) => {
                if let Some(&number) = self.hosts.get(name) {
                    return number;
                }
                self.names.push(name.into());
                self.hosts.insert(name.into(), next);
                next
            }
        }
    }

    /// The names of those that are no addresses.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.keys().map(|name| &**name)
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = &IpAddr> {
        self.addresses.keys()
    }

    pub(crate) fn into_names(self) -> Vec<Box<str>> {
        self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_in_whatever_way_it_is_written() {
        for text in [
            "192.0.2.7",
            " 192.0.2.7 ",
            "192.0.2.7:40123",
            "::ffff:192.0.2.7",
            "[192.0.2.7]:21",
            "::ffff:192.0.2.7:40123",
            "[::ffff:192.0.2.7]:40123",
            "/192.0.2.7:40123",
            "192.0.2.7#40123",
            "192.0.2.7.40123",
            "192.0.2.7/32",
            "a.example.org[192.0.2.7]",
            "a.example.org (192.0.2.7)",
            "192.0.2.7[192.0.2.7]",
            "x[::ffff:192.0.2.7]",
        ] {
            let address = Client::Address("192.0.2.7".parse().unwrap());
            assert_eq!(Client::read(text.as_bytes()), Some(address), "{text}");
        }
        for text in [
            "2001:db8::1",
            "[2001:db8::1]:40123",
            "[2001:db8::1]",
            "2001:DB8:0::1%eth0",
            "2001:db8::1:40123",
        ] {
            let address = Client::Address("2001:db8::1".parse().unwrap());
            assert_eq!(Client::read(text.as_bytes()), Some(address), "{text}");
        }
    }

    #[test]
    fn names_are_names_and_the_rest_is_nothing() {
        for text in ["OPEN", "a.example.org", "bob"] {
            assert_eq!(Client::read(text.as_bytes()), Some(Client::Name(text)));
        }
        for text in
            ["", "-", "UNKNOWN", "a b", "17", "192.0.2", "192.0.2.0/24", "10.0.0.1, 10.0.0.2"]
        {
            assert_eq!(Client::read(text.as_bytes()), None, "{text}");
        }
    }
}
