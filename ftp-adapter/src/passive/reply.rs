//! Every message that a client can get from passive mode.

use super::epsv::Protocol;
use mux_core::mux::ReserveError;
use std::fmt;
use std::net::SocketAddrV4;

/// A reply to a client, of one line (RFC 959, section 4.2).
///
/// [`Display`](fmt::Display) gives the line without its end, [`line`](Self::line) with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// 227: a port was reserved, and the client is to connect there.
    Passive(SocketAddrV4),
    /// 229: this port was reserved, on the address of the control connection (RFC 2428).
    ExtendedPassive(u16),
    /// 200: `EPSV ALL` is in force.
    EpsvAll,
    /// 425: no port was reserved, for this reason; 421 when it is
    /// [`ShutDown`](ReserveError::ShutDown).
    NoPort(ReserveError),
    /// 425: `PASV` over IPv6 has no valid answer, because 227 can only name an IPv4 address.
    PasvOverIpv6,
    /// 425: no address is known that a 227 could name to this client. `EPSV` needs none.
    AddressUnknown,
    /// 425: a transfer command without a reservation.
    NotReserved,
    /// 425: the client did not connect before its reservation expired.
    NotConnected,
    /// 425: there were data connections, but none was verified.
    NotVerified,
    /// 501: `EPSV` with an argument that RFC 2428 does not know.
    EpsvArgument,
    /// 503: `PASV`, `PORT` or `EPRT` after `EPSV ALL`. RFC 2428 demands that they be refused and
    /// names no code. The command is known and well formed, and only comes in the wrong place:
    /// a bad sequence of commands.
    OnlyEpsv,
    /// 522: `EPSV` asks for the protocol that this control connection does not use (RFC 2428).
    /// The list in parentheses names the one that it does.
    OnlyIpv4,
    /// 522: as [`OnlyIpv4`](Self::OnlyIpv4), on an IPv6 control connection.
    OnlyIpv6,
    /// 421: the server shuts down. Send it and close the control connection.
    ShuttingDown,
}

impl Reply {
    pub(super) fn only(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Ipv4 => Self::OnlyIpv4,
            Protocol::Ipv6 => Self::OnlyIpv6,
        }
    }

    /// The three digits.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::EpsvAll => 200,
            Self::Passive(_) => 227,
            Self::ExtendedPassive(_) => 229,
            Self::NoPort(ReserveError::ShutDown) | Self::ShuttingDown => 421,
            // Not 421, which says that the control connection closes, and not 450, which is about
            // files.
            Self::NoPort(_)
            | Self::PasvOverIpv6
            | Self::AddressUnknown
            | Self::NotReserved
            | Self::NotConnected
            | Self::NotVerified => 425,
            Self::EpsvArgument => 501,
            Self::OnlyEpsv => 503,
            Self::OnlyIpv4 | Self::OnlyIpv6 => 522,
        }
    }

    /// Whether what the client asked for was refused.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.code() >= 400
    }

    /// Whether the control connection must be closed after this reply (421).
    #[must_use]
    pub fn closes(&self) -> bool {
        self.code() == 421
    }

    /// The reply as it goes over the control connection, CRLF included.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{self}\r\n")
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.code())?;
        f.write_str(match self {
            // NAT helpers and clients parse these two: not a character may differ.
            Self::Passive(address) => {
                let [a, b, c, d] = address.ip().octets();
                let [high, low] = address.port().to_be_bytes();
                return write!(f, "Entering Passive Mode ({a},{b},{c},{d},{high},{low})");
            }
            Self::ExtendedPassive(port) => {
                return write!(f, "Entering Extended Passive Mode (|||{port}|)");
            }
            Self::EpsvAll => "From now on only EPSV is allowed.",
            Self::NoPort(error) => no_port(*error),
            Self::PasvOverIpv6 => "PASV cannot name an IPv6 address, use EPSV.",
            Self::AddressUnknown => "The address to connect to is not known, use EPSV.",
            Self::NotReserved => "Use PASV or EPSV first.",
            Self::NotConnected => "No data connection was opened in time.",
            Self::NotVerified => "No data connection could be verified.",
            Self::EpsvArgument => "EPSV takes 1, 2, ALL or no argument.",
            Self::OnlyEpsv => "Only EPSV is allowed after EPSV ALL.",
            Self::OnlyIpv4 => "Network protocol not supported, use (1)",
            Self::OnlyIpv6 => "Network protocol not supported, use (2)",
            Self::ShuttingDown => SHUTTING_DOWN,
        })
    }
}

const SHUTTING_DOWN: &str = "Service shutting down.";

/// The text for each reason. Those that are not listed are yet to be invented.
fn no_port(error: ReserveError) -> &'static str {
    match error {
        ReserveError::NoFreePort => "All passive ports are taken by your address, try again later.",
        ReserveError::PendingLimit => {
            "Too many of your data connections are awaited, try again later."
        }
        ReserveError::ClientQueueFull => {
            "Too many of your requests wait for a passive port, try again later."
        }
        ReserveError::QueueFull => "Too many requests wait for a passive port, try again later.",
        ReserveError::TooManyClients => {
            "Too many clients are served at the moment, try again later."
        }
        ReserveError::TableFull => "Too many data connections are awaited, try again later.",
        ReserveError::ShutDown => SHUTTING_DOWN,
        _ => "No passive port is available, try again later.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn every_reply_to_the_letter() {
        let address = |port| SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), port);
        let busy =
            |error, text: &str| (Reply::NoPort(error), format!("425 {text} try again later."));
        let texts = [
            (Reply::Passive(address(8196)), "227 Entering Passive Mode (192,0,2,1,32,4)".into()),
            (
                Reply::Passive(address(65_535)),
                "227 Entering Passive Mode (192,0,2,1,255,255)".into(),
            ),
            (Reply::Passive(address(21)), "227 Entering Passive Mode (192,0,2,1,0,21)".into()),
            (Reply::ExtendedPassive(8196), "229 Entering Extended Passive Mode (|||8196|)".into()),
            (Reply::EpsvAll, "200 From now on only EPSV is allowed.".into()),
            busy(ReserveError::NoFreePort, "All passive ports are taken by your address,"),
            busy(ReserveError::PendingLimit, "Too many of your data connections are awaited,"),
            busy(
                ReserveError::ClientQueueFull,
                "Too many of your requests wait for a passive port,",
            ),
            busy(ReserveError::TooManyClients, "Too many clients are served at the moment,"),
            busy(ReserveError::QueueFull, "Too many requests wait for a passive port,"),
            busy(ReserveError::TableFull, "Too many data connections are awaited,"),
            (Reply::NoPort(ReserveError::ShutDown), "421 Service shutting down.".into()),
            (Reply::PasvOverIpv6, "425 PASV cannot name an IPv6 address, use EPSV.".into()),
            (Reply::AddressUnknown, "425 The address to connect to is not known, use EPSV.".into()),
            (Reply::NotReserved, "425 Use PASV or EPSV first.".into()),
            (Reply::NotConnected, "425 No data connection was opened in time.".into()),
            (Reply::NotVerified, "425 No data connection could be verified.".into()),
            (Reply::EpsvArgument, "501 EPSV takes 1, 2, ALL or no argument.".into()),
            (Reply::OnlyEpsv, "503 Only EPSV is allowed after EPSV ALL.".into()),
            (Reply::OnlyIpv4, "522 Network protocol not supported, use (1)".into()),
            (Reply::OnlyIpv6, "522 Network protocol not supported, use (2)".into()),
            (Reply::ShuttingDown, "421 Service shutting down.".into()),
        ];
        for (reply, text) in texts {
            assert_eq!(reply.to_string(), text);
            assert_eq!(reply.line(), format!("{text}\r\n"));
            assert_eq!(reply.is_refusal(), text.as_bytes()[0] > b'3', "{text}");
            assert_eq!(reply.closes(), text.starts_with("421"), "{text}");
        }
    }
}
