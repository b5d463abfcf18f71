//! What happens in sessions, as the [journal](super::journal) is told of it.

use ftp_adapter::Reply;
use mux_core::Client;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddrV4};
use std::time::Duration;

/// Why a control connection was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionRefused {
    /// There are as many sessions as there may be.
    TooMany,
    /// The client has as many sessions as it may have.
    TooManyOfClient,
    /// It came from a proxy, without a PROXY header that says whose it is.
    NoProxyHeader,
}

impl SessionRefused {
    /// The word for logs and labels.
    pub fn word(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::TooManyOfClient => "too_many_of_client",
            Self::NoProxyHeader => "no_proxy_header",
        }
    }
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// The client ended it.
    Over,
    /// Nobody logged in in time.
    NoLogin,
    /// There were too many wrong logins in it.
    WrongLogins,
    /// It was silent for too long.
    Silent,
    /// A command had no end.
    EndlessCommand,
    /// A data connection did not resume the TLS session that it had to.
    NotResumed,
    /// The server shuts down.
    Drained,
    /// The server has shut down.
    Cut,
    /// The server has shut down, and the client did not take its last reply.
    Killed,
    /// It could not be served.
    Failed,
}

impl SessionEnd {
    /// The word for logs and labels.
    pub fn word(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::NoLogin => "no_login",
            Self::WrongLogins => "wrong_logins",
            Self::Silent => "silent",
            Self::EndlessCommand => "endless_command",
            Self::NotResumed => "not_resumed",
            Self::Drained => "drained",
            Self::Cut => "cut",
            Self::Killed => "killed",
            Self::Failed => "failed",
        }
    }
}

/// A session that is over.
#[derive(Debug, Clone, Copy)]
pub struct SessionOver<'a> {
    pub client: Client,
    /// `None` if nobody has logged in.
    pub user: Option<&'a str>,
    pub took: Duration,
    pub end: SessionEnd,
}

/// Why somebody is not let in. It is logged; the client is told the same in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefused {
    #[error("there is no such user")]
    UnknownUser,
    #[error("the password is wrong")]
    WrongPassword,
    #[error("the user may not log in from this address")]
    Address,
    #[error("the account is disabled")]
    Disabled,
    /// The password was not looked at.
    #[error("too many wrong logins before")]
    TooManyFailures,
}

/// A `PASV` or `EPSV` that was refused.
#[derive(Debug, Clone, Copy)]
pub struct PassiveRefused<'a> {
    pub client: Client,
    /// `None` if nobody has logged in.
    pub user: Option<&'a str>,
    /// `PASV` or `EPSV`.
    pub command: &'static str,
    /// What the client was told.
    pub reply: &'a Reply,
}

/// A transfer command that was refused, so that no data connection was used.
#[derive(Debug, Clone, Copy)]
pub struct TransferRefused<'a> {
    pub client: Client,
    pub user: &'a str,
    /// As in [`Transfer`].
    pub command: &'static str,
    /// The path as the client knows it.
    pub path: &'a [u8],
    pub code: u16,
    /// What the client was told, with the code.
    pub reply: &'a [u8],
}

/// A transfer that is over: of a file, or of a listing.
#[derive(Debug, Clone, Copy)]
pub struct Transfer<'a> {
    pub client: Client,
    pub user: &'a str,
    /// `RETR`, `STOR`, `STOU`, `APPE`, `LIST`, `NLST` or `MLSD`.
    pub command: &'static str,
    /// The path as the client knows it.
    pub path: &'a [u8],
    /// How many bytes were moved, where that is known.
    pub bytes: Option<u64>,
    pub took: Duration,
    /// The passive port, as it is listened on.
    pub port: Option<u16>,
    /// What the reply named.
    pub named: Option<Named>,
    pub outcome: Outcome<'a>,
}

/// Where a reply told the client to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// 227.
    Address(SocketAddrV4),
    /// 229, which names no address: the client connects to that of its control connection.
    Port(u16),
}

impl Named {
    /// What `reply` named, if it did.
    pub fn in_reply(reply: &Reply) -> Option<Self> {
        match reply {
            Reply::Passive(address) => Some(Self::Address(*address)),
            Reply::ExtendedPassive(port) => Some(Self::Port(*port)),
            _ => None,
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Port(port) => write!(f, "port {port}"),
        }
    }
}

/// What became of a transfer.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    Completed,
    Failed(Failure<'a>),
}

/// Why a transfer failed.
#[derive(Debug, Clone, Copy)]
pub enum Failure<'a> {
    /// The client did not connect to the passive port in time. From these other addresses,
    /// connections came to it meanwhile.
    NobodyConnected { strangers: &'a [IpAddr] },
    /// The data connection was reset, or ended in another way that it should not.
    Reset,
    /// The TLS handshake on the data connection failed.
    Handshake(&'a io::Error),
    /// The data connection did not resume the TLS session of the control connection.
    NotResumed,
    /// The client asked for it (`ABOR`), or ended the session.
    Aborted,
    /// The file could not be read or written.
    File(&'a io::Error),
    /// The peer acknowledged or sent nothing for too long.
    Idle,
    /// The server shuts down.
    ShuttingDown,
}

impl Failure<'_> {
    /// The word for labels.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NobodyConnected { strangers: [] } => "nobody_connected",
            Self::NobodyConnected { .. } => "others_connected",
            Self::Reset => "reset",
            Self::Handshake(_) => "handshake",
            Self::NotResumed => "not_resumed",
            Self::Aborted => "aborted",
            Self::File(_) => "file",
            Self::Idle => "idle",
            Self::ShuttingDown => "shutting_down",
        }
    }
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyConnected { strangers: [] } => f.write_str("nobody connected"),
            Self::NobodyConnected { strangers } => {
                f.write_str("the client did not connect; connections came from ")?;
                for (position, stranger) in strangers.iter().enumerate() {
                    let comma = if position == 0 { "" } else { ", " };
                    write!(f, "{comma}{stranger}")?;
                }
                Ok(())
            }
            Self::Reset => f.write_str("the connection was reset"),
            Self::Handshake(error) => write!(f, "the TLS handshake failed: {error}"),
            Self::NotResumed => f.write_str("the connection did not resume its TLS session"),
            Self::Aborted => f.write_str("the client aborted it"),
            Self::File(error) => write!(f, "the file failed: {error}"),
            Self::Idle => f.write_str("the client was silent for too long"),
            Self::ShuttingDown => f.write_str("the server shuts down"),
        }
    }
}

/// One end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    Control,
    Data,
}

impl Connection {
    /// The word for labels.
    pub fn word(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Data => "data",
        }
    }
}

/// How a TLS handshake went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handshake {
    Full,
    Resumed,
    Failed,
}

impl Handshake {
    /// The word for labels.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
            Self::Failed => "failed",
        }
    }
}
