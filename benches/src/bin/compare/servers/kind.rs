//! Which servers can be compared.

use std::fmt;
use std::str::FromStr;

/// A server and how it is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServerKind {
    pub(super) mechanism: Mechanism,
    /// How many passive ports it has.
    pub(super) ports: u16,
    /// Whether TCP_NODELAY is set on control connections that libunftp itself would not set it on.
    pub(super) nodelay: bool,
}

/// How a server comes by passive ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// `muxftpd`: stream delivery.
    Mux,
    /// libunftp as it is by default: a port of its own for every pending transfer.
    Default,
    /// libunftp in pooled mode.
    Pooled,
    /// Another `muxftpd`, given by its path.
    Earlier,
    /// vsftpd: a process for each session, and sendfile.
    Vsftpd,
    /// ProFTPD: a process for each session.
    Proftpd,
    /// Pure-FTPd: a process for each session.
    PureFtpd,
    /// pyftpdlib: one thread, in Python.
    Pyftpdlib,
}

const NAMES: [(Mechanism, &str); 8] = [
    (Mechanism::Mux, "muxftpd"),
    (Mechanism::Default, "default"),
    (Mechanism::Pooled, "pooled"),
    (Mechanism::Earlier, "earlier"),
    (Mechanism::Vsftpd, "vsftpd"),
    (Mechanism::Proftpd, "proftpd"),
    (Mechanism::PureFtpd, "pure_ftpd"),
    (Mechanism::Pyftpdlib, "pyftpdlib"),
];

impl Mechanism {
    /// Whether it is set up with TLS here. Pure-FTPd is not, because it makes parameters for a key
    /// exchange anew in each session, which takes seconds.
    pub(super) fn speaks_tls(self) -> bool {
        !matches!(self, Self::Proftpd | Self::PureFtpd | Self::Pyftpdlib | Self::Pooled)
    }

    /// Whether it knows a command for listings.
    pub(super) fn lists_with(self, command: &str) -> bool {
        command != "MLSD" || self != Self::Vsftpd
    }
}

impl FromStr for ServerKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no server: write muxftpd-9, default-2700, pooled-9-nodelay and so on"
            )
        };
        let mut parts = text.split('-');
        let name = parts.next().unwrap_or_default();
        let (mechanism, _) = NAMES.iter().find(|(_, known)| *known == name).ok_or_else(wrong)?;
        let ports = parts.next().and_then(|ports| ports.parse().ok()).ok_or_else(wrong)?;
        let nodelay = match (parts.next(), parts.next(), mechanism) {
            (None, _, _) => false,
            (Some("nodelay"), None, Mechanism::Default | Mechanism::Pooled) => true,
            _ => return Err(wrong()),
        };
        if !(1..=20_000).contains(&ports) {
            return Err(wrong());
        }
        Ok(Self { mechanism: *mechanism, ports, nodelay })
    }
}

impl fmt::Display for ServerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(known, _)| *known == self.mechanism).map_or("", |(_, n)| n);
        let nodelay = if self.nodelay { "-nodelay" } else { "" };
        f.pad(&format!("{name}-{}{nodelay}", self.ports))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in [
            "vsftpd-1000",
            "pure_ftpd-9",
            "muxftpd-9",
            "default-2700",
            "default-9-nodelay",
            "pooled-9-nodelay",
        ] {
            assert_eq!(name.parse::<ServerKind>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for name in ["", "muxftpd", "muxftpd-0", "muxftpd-9-nodelay", "pooled-9-x", "other-9"] {
            assert!(name.parse::<ServerKind>().is_err(), "{name}");
        }
    }
}
