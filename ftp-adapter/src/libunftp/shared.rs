//! What the parts of one session know of each other.

use super::events::{Events, Transfer};
use super::tls::SessionTls;
use super::transfers::Transfers;
use mux_core::Client;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// One session, as its storage, its lease and its watch see it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) transfers: Transfers,
    pub(super) tls: Option<Arc<SessionTls>>,
    pub(super) events: Arc<dyn Events>,
    user: OnceLock<String>,
}

impl Shared {
    pub(super) fn new(
        client: Client,
        transfers: Transfers,
        tls: Option<Arc<SessionTls>>,
        events: Arc<dyn Events>,
    ) -> Self {
        Self { client, transfers, tls, events, user: OnceLock::new() }
    }

    /// Somebody has logged in.
    pub(super) fn logged_in(&self, user: String) {
        // libunftp lets nobody log in twice.
        let _ = self.user.set(user);
    }

    pub(super) fn has_logged_in(&self) -> bool {
        self.user.get().is_some()
    }

    /// Who has logged in.
    pub(super) fn user(&self) -> Option<&str> {
        self.user.get().map(String::as_str)
    }

    /// Tells of a transfer that is over.
    pub(super) fn tell(
        &self,
        command: &'static str,
        path: &Path,
        took: Duration,
        bytes: Option<u64>,
        completed: bool,
    ) {
        let user = self.user().unwrap_or_default();
        let client = self.client;
        self.events.transfer(&Transfer { client, user, command, path, bytes, took, completed });
    }
}
