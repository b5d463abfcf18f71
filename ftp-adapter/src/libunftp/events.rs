//! What a server tells of its sessions.

use mux_core::Client;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// Is told what happens in the sessions of a [`MuxServer`](super::MuxServer), as it happens: for
/// numbers and logs. It is called within the sessions and must not block.
pub trait Events: fmt::Debug + Send + Sync {
    /// A session begins.
    fn session_begun(&self, _client: Client) {}

    /// A control connection was turned away, before there was a session.
    fn session_refused(&self, _client: Client, _why: SessionRefused) {}

    /// A session is over.
    fn session_over(&self, _session: &SessionOver<'_>) {}

    /// A transfer is over.
    fn transfer(&self, _transfer: &Transfer<'_>) {}
}

/// Tells nobody.
#[derive(Debug)]
pub(super) struct NoEvents;

impl Events for NoEvents {}

/// Why a control connection was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SessionRefused {
    /// There are as many sessions as there may be.
    TooMany,
    /// The client has as many sessions as it may have.
    TooManyOfClient,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SessionEnd {
    /// The client or libunftp ended it.
    Over,
    /// Nobody logged in in time.
    NoLogin,
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
    /// It could not be served, for want of descriptors say.
    Failed,
}

/// A session that is over.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SessionOver<'a> {
    /// Whose.
    pub client: Client,
    /// The user, as the server's user type is displayed; `None` if nobody has logged in.
    pub user: Option<&'a str>,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub end: SessionEnd,
}

/// A transfer that is over.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Transfer<'a> {
    /// Whose.
    pub client: Client,
    /// The user, as the server's user type is displayed.
    pub user: &'a str,
    /// `RETR`, `STOR` (`APPE` too), `LIST`, `NLST` or `MLSD`.
    pub command: &'static str,
    /// The path, as the storage was asked for it.
    pub path: &'a Path,
    /// How many bytes were moved, where that is known: of a transfer that failed it is not.
    pub bytes: Option<u64>,
    /// How long it took.
    pub took: Duration,
    /// Whether it was completed.
    pub completed: bool,
}
