//! What all sessions share.

use crate::auth::login::Login;
use crate::observe::journal::Journal;
use crate::storage::Storage;
use crate::tls::Tls;
use ftp_adapter::Passive;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a session serves, whom, and how.
#[derive(Debug)]
pub struct Shared {
    pub storage: Storage,
    pub login: Login,
    pub passive: Passive,
    pub tls: Option<Arc<Tls>>,
    pub journal: Journal,
    pub settings: Settings,
}

/// How sessions are served.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The text of the 220.
    pub greeting: String,
    /// Whether logins and data connections need TLS.
    pub tls_required: bool,
    /// Whether an end of TLS must come before that of a data connection.
    pub strict_close: bool,
    /// Whether `TYPE A` converts line ends.
    pub ascii: bool,
    pub login_timeout: Duration,
    /// How long a session may be silent.
    pub idle_timeout: Duration,
    /// How long a data connection may stand still.
    pub stall_timeout: Duration,
}

/// How a session is told to end.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Nothing new is begun.
    pub drain: CancellationToken,
    /// Nothing goes on.
    pub cut: CancellationToken,
    /// The session is dropped: its client does not take the last reply.
    pub kill: CancellationToken,
}
