//! The ways a client can reach a server: by family, passive command and security.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use not_checked::machine::{self, Has, Need};

use crate::client::Passive;
use crate::server::Server;

/// A family of addresses and a passive command. PASV over IPv6 has no valid answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `PASV` on IPv4.
    Ipv4Pasv,
    /// `EPSV` on IPv4.
    Ipv4Epsv,
    /// `EPSV` on IPv6.
    Ipv6Epsv,
}

impl Need for Way {
    fn is_here(&self) -> Has {
        match self {
            Self::Ipv4Pasv | Self::Ipv4Epsv => Ok(()),
            Self::Ipv6Epsv => machine::ipv6(),
        }
    }
}

/// Whether a client speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Plain text.
    Plain,
    /// Explicit TLS on both connections (RFC 4217), the certificate verified.
    Tls,
}

/// A server as a client is told of it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Where to connect to.
    pub control: SocketAddr,
    /// How to ask for a passive port.
    pub passive: Passive,
    /// The authority that the server's certificate must come from; without one, plain text.
    pub authority: Option<PathBuf>,
}

impl Endpoint {
    /// `server`, reached this way.
    ///
    /// # Panics
    ///
    /// When it does not listen on that family, or has no certificate.
    #[must_use]
    #[track_caller]
    pub fn new(server: &Server, way: Way, security: Security) -> Self {
        Self {
            control: match way {
                Way::Ipv4Pasv | Way::Ipv4Epsv => server.control(),
                Way::Ipv6Epsv => server.control_ipv6(),
            },
            passive: match way {
                Way::Ipv4Pasv => Passive::Pasv,
                Way::Ipv4Epsv | Way::Ipv6Epsv => Passive::Epsv,
            },
            authority: match security {
                Security::Plain => None,
                Security::Tls => Some(server.authority().to_owned()),
            },
        }
    }

    /// The authority's certificate as a file name, for a client's option.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref().map(|path| Path::to_str(path).expect("a path is text"))
    }

    /// The URL of `path`. Explicit TLS is an option of the client, not a scheme.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("ftp://{}/{path}", self.control)
    }
}
