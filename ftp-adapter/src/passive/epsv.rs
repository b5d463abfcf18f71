//! What `EPSV` asks for (RFC 2428, section 3 and 4).

/// A network protocol, with the number that RFC 2428 gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Protocol {
    Ipv4 = 1,
    Ipv6 = 2,
}

impl Protocol {
    pub(super) fn of(is_ipv4: bool) -> Self {
        if is_ipv4 { Self::Ipv4 } else { Self::Ipv6 }
    }
}

/// The argument of `EPSV`, as it was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Argument {
    /// None: a port for the control connection's own protocol.
    Own,
    /// A port for this protocol.
    Of(Protocol),
    /// `ALL`: no port; from now on nothing but `EPSV` will be used.
    All,
}

impl Argument {
    /// `None` for what RFC 2428 does not know.
    pub(super) fn read(text: &str) -> Option<Self> {
        match text.trim() {
            "" => Some(Self::Own),
            "1" => Some(Self::Of(Protocol::Ipv4)),
            "2" => Some(Self::Of(Protocol::Ipv6)),
            all if all.eq_ignore_ascii_case("all") => Some(Self::All),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_and_what_is_not() {
        for (text, expected) in [
            ("", Some(Argument::Own)),
            (" ", Some(Argument::Own)),
            ("1", Some(Argument::Of(Protocol::Ipv4))),
            ("2 ", Some(Argument::Of(Protocol::Ipv6))),
            ("ALL", Some(Argument::All)),
            (" aLl", Some(Argument::All)),
            ("0", None),
            ("3", None),
            ("01", None),
            ("+1", None),
            ("ALLE", None),
            ("1 2", None),
            ("|1||5|", None),
        ] {
            assert_eq!(Argument::read(text), expected, "{text:?}");
        }
    }
}
