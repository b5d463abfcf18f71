//! What is told of a session when it is over.

use crate::observe::events::{SessionEnd, SessionOver};
use crate::observe::journal::Journal;
use mux_core::Client;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Tells the journal that a session has begun, and that it is over, however it ends.
#[derive(Debug)]
pub(super) struct Record {
    journal: Journal,
    client: Client,
    begun: Instant,
    /// Who has logged in last.
    pub(super) user: Option<String>,
    /// How it ended, if it came to its end.
    pub(super) end: Option<SessionEnd>,
    kill: CancellationToken,
}

impl Record {
    pub(super) fn begin(journal: &Journal, client: Client, kill: CancellationToken) -> Self {
        journal.session_begun(client);
        let (journal, begun) = (journal.clone(), Instant::now());
        Self { journal, client, begun, user: None, end: None, kill }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let dropped =
            if self.kill.is_cancelled() { SessionEnd::Killed } else { SessionEnd::Failed };
        self.journal.session_over(&SessionOver {
            client: self.client,
            user: self.user.as_deref(),
            took: self.begun.elapsed(),
            end: self.end.unwrap_or(dropped),
        });
    }
}
